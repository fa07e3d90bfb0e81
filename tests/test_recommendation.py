"""Recommendations, and the sweep that comes with archcast."""

from __future__ import annotations

import pandas as pd
import pytest

from archcast.benchmarks.opening import open_table
from archcast.evaluation.measure import measure
from archcast.evaluation.record import Record
from archcast.predictors import registry as predictors
from archcast.studies import leaderboard
from archcast.studies.costs import affordable, pareto
from archcast.studies.recommendation import cheapest, pack, shipped_sweep, summarise


@pytest.fixture(scope="module")
def sweep() -> list[Record]:
    return list(shipped_sweep())


@pytest.fixture(scope="module")
def measured(sweep: list[Record]) -> pd.DataFrame:
    return measure(sweep)


@pytest.fixture(scope="module")
def board(measured: pd.DataFrame) -> pd.DataFrame:
    return leaderboard.summarise(measured)


def test_the_shipped_sweep_is_of_the_shipped_table(sweep: list[Record]) -> None:
    assert {record.table for record in sweep} == {open_table("nasbench201-mini").hash}
    assert not any(record.failed for record in sweep)
    apart = ("wrapper", "hardware")  # which `all` leaves out, for accuracy
    everything = {name for name in predictors if predictors.entry(name).family not in apart}
    assert {record.job.predictor for record in sweep} == everything
    assert len({record.job.train_size for record in sweep if record.job.train_size}) > 2
    assert len({record.job.epochs for record in sweep if record.job.epochs}) > 2


def test_the_recommended_is_the_best_that_can_be_paid(
    measured: pd.DataFrame, board: pd.DataFrame
) -> None:
    found = summarise(measured, 60.0, 1.0)
    payable = affordable(board, 60.0, 1.0)
    assert found["kendall_tau"][0] == payable["kendall_tau"].max()
    assert len(found) == len(payable)
    assert found["tied_with_best"][0]
    assert summarise(measured, 0.0, 0.0).empty


def test_the_cheapest_can_be_paid_by_what_they_cost(measured: pd.DataFrame) -> None:
    few = measured[measured["predictor"].isin(["params", "rf", "sotl-e"])]
    to_start, to_query = cheapest(few).index
    found = cheapest(few)
    assert len(summarise(few, found["init_seconds"][to_start], 1e9))
    assert len(summarise(few, 1e9, found["query_seconds"][to_query]))


def test_the_best_of_all_is_pareto_optimal(board: pd.DataFrame) -> None:
    assert pareto(board)[0]
    assert 1 < sum(pareto(board)) < len(board) / 2


def test_packing_keeps_every_record(sweep: list[Record], monkeypatch: pytest.MonkeyPatch) -> None:
    class Elsewhere:
        def joinpath(self, *parts: str) -> Elsewhere:
            return self

        def is_file(self) -> bool:
            return True

        def read_bytes(self) -> bytes:
            return pack(sweep[:5])

    monkeypatch.setattr("archcast.studies.recommendation.files", lambda name: Elsewhere())
    assert sorted(r.model_dump_json() for r in shipped_sweep()) == sorted(
        r.model_dump_json() for r in sweep[:5]
    )
