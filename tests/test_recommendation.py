"""Recommendations, and the sweep that comes with archcast."""

from __future__ import annotations

import pytest

from archcast.benchmarks.opening import open_table
from archcast.evaluation.record import Record
from archcast.predictors import registry as predictors
from archcast.studies.costs import affordable, pareto
from archcast.studies.leaderboard import Row, leaderboard
from archcast.studies.recommendation import cheapest, pack, recommend, shipped_sweep


@pytest.fixture(scope="module")
def sweep() -> list[Record]:
    return list(shipped_sweep())


@pytest.fixture(scope="module")
def rows(sweep: list[Record]) -> list[Row]:
    return leaderboard(sweep)


def test_the_shipped_sweep_is_of_the_shipped_table(sweep: list[Record]) -> None:
    assert {record.table for record in sweep} == {open_table("nasbench201-mini").hash}
    assert not any(record.failed for record in sweep)
    everything = {name for name in predictors if predictors.entry(name).family != "wrapper"}
    assert {record.job.predictor for record in sweep} == everything
    assert len({record.job.train_size for record in sweep if record.job.train_size}) > 2
    assert len({record.job.epochs for record in sweep if record.job.epochs}) > 2


def test_the_recommended_is_the_best_that_can_be_paid(sweep: list[Record], rows: list[Row]) -> None:
    found = recommend(sweep, 60.0, 1.0)
    payable = affordable(rows, 60.0, 1.0)
    assert found[0]["kendall_tau"] == max(row["kendall_tau"] for row in payable)
    assert len(found) == len(payable)
    assert found[0]["tied_with_best"] is True
    assert recommend(sweep, 0.0, 0.0) == []


def test_the_cheapest_can_be_paid_by_what_they_cost(sweep: list[Record]) -> None:
    sweep = [record for record in sweep if record.job.predictor in ("params", "rf", "sotl-e")]
    found = cheapest(sweep)
    assert found
    to_start, to_query = found
    assert recommend(sweep, to_start["init_seconds"], 1e9)
    assert recommend(sweep, 1e9, to_query["query_seconds"])


def test_the_best_of_all_is_pareto_optimal(rows: list[Row]) -> None:
    assert pareto(rows)[0]
    assert 1 < sum(pareto(rows)) < len(rows) / 2


def test_packing_keeps_every_record(sweep: list[Record], monkeypatch: pytest.MonkeyPatch) -> None:
    class Elsewhere:
        def joinpath(self, *parts: str) -> Elsewhere:
            return self

        def read_bytes(self) -> bytes:
            return pack(sweep[:5])

    monkeypatch.setattr("archcast.studies.recommendation.files", lambda name: Elsewhere())
    assert sorted(r.model_dump_json() for r in shipped_sweep()) == sorted(
        r.model_dump_json() for r in sweep[:5]
    )
