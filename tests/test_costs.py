"""Who wins at which budget."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archcast.benchmarks.opening import open_table
from archcast.predictors.predictor_text import text_of
from archcast.studies.costs import (
    affordable,
    budgets,
    pareto,
    quick_on,
    training_seconds,
    unbeaten,
    winners,
    winners_over_benchmarks,
)

few = st.sampled_from([0.0, 1.0, 2.0, 3.0])
rows_ = st.lists(st.tuples(few, few, few), max_size=12)


def board(*rows: tuple[float | None, float | None, float | None]) -> pd.DataFrame:
    columns = ["init_seconds", "query_seconds", "kendall_tau"]
    return pd.DataFrame(rows, columns=columns, dtype=float)


@given(rows_)
def test_pareto_by_brute_force(points: list[tuple[float, float, float]]) -> None:
    def beats(a: tuple[float, float, float], b: tuple[float, float, float]) -> bool:
        return a != b and a[0] <= b[0] and a[1] <= b[1] and a[2] >= b[2]

    expected = [not any(beats(other, point) for other in points) for point in points]
    assert pareto(board(*points)).tolist() == expected


def test_what_is_unknown_is_never_best() -> None:
    rows = board((None, 0.0, 1.0), (0.0, None, 1.0), (0.0, 0.0, None), (5.0, 5.0, 0.1))
    assert pareto(rows).tolist() == [False, False, False, True]
    assert winners(rows, [9.0], [9.0]).iat[0, 0] == 3
    assert affordable(rows, 4.0, 9.0).empty
    assert winners(rows, [4.0], [9.0]).iat[0, 0] is pd.NA


@given(rows_)
def test_more_budget_is_never_worse(points: list[tuple[float, float, float]]) -> None:
    rows = board(*points)
    init, query = budgets(rows)
    assert init == sorted(init)
    found = winners(rows, init, query)
    assert (found.index.tolist(), found.columns.tolist()) == (query, init)
    taus = [
        [-1.0 if pd.isna(won) else rows["kendall_tau"][won] for won in line]
        for line in found.to_numpy()
    ]
    for line in (*taus, *zip(*taus, strict=True)):
        assert list(line) == sorted(line)
    if points:
        assert taus[-1][-1] == max(tau for *_, tau in points)
        cheapest = found.iat[0, 0]
        assert pd.isna(cheapest) or rows["init_seconds"][cheapest] <= init[0]


def test_budgets_are_even_on_a_log_axis() -> None:
    init, query = budgets(board((1e-6, 0.9, 0.5), (95.0, 1.0, 0.5)))
    assert init[0] == 1e-3
    assert init[-1] == pytest.approx(100.0)
    assert init[2] / init[0] == pytest.approx(10.0)
    assert query == [1.0]


def test_budgets_in_trainings_are_each_benchmarks_own() -> None:
    """On the slow one a training takes ten seconds, on the fast one a second."""
    rows = board((0.0, 0.0, 0.1), (11.0, 0.0, 0.3), (11.0, 4.0, 0.5), (111.0, 0.0, 0.6))
    boards = {"fast": rows, "slow": rows, "unknown": rows}
    training = {"fast": 1.0, "slow": 10.0, "unknown": float("nan")}
    won = winners_over_benchmarks(boards, training, (0, 10, 100), (0.05, 0.5))
    assert won["fast"].tolist() == [0, 0, 1, 1, 3, 3]
    assert won["slow"].tolist() == [0, 0, 3, 3, 3, 3]
    assert won["unknown"].isna().all()


def test_what_is_beaten_nowhere_is_first() -> None:
    def named(*rows: tuple[float | None, float | None, float | None]) -> pd.DataFrame:
        return board(*rows).assign(predictor=["always", "always", "once", "never"])

    one = named((1.0, 0.0, 0.5), (0.0, 0.0, 0.2), (1.0, 1.0, 0.9), (2.0, 0.0, 0.4))
    other = named((1.0, 0.0, 0.5), (0.0, 0.0, 0.2), (1.0, 1.0, 0.4), (2.0, 0.0, 0.4))
    found = unbeaten({"one": one, "other": other})
    assert found.index.tolist() == ["always", "once"]
    assert found.loc["always"].tolist() == [0.5, 0.5]
    assert found["one"]["once"] == 0.9
    assert pd.isna(found["other"]["once"])


def test_a_quick_sweep_leaves_out_what_needs_curves_where_there_are_none() -> None:
    real, mini = open_table("nasbench201:cifar100"), open_table("nasbench201-mini")
    found = ",".join(map(text_of, quick_on(real)["predictors"]))
    assert found == "bayes-lin-reg,gp,rf,xgb,params,synflow", "no curves, no images"
    assert len(quick_on(mini)["predictors"]) == 10
    assert training_seconds(mini) == pytest.approx(
        12 * mini.columns["epoch_seconds"].mean(), rel=0.02
    )
    assert training_seconds(real) == pytest.approx(real.columns["train_seconds"].mean(), rel=0.02)
