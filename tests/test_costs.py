"""Who wins at which budget."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archcast.studies.costs import affordable, best_within, budgets, pareto, winners
from archcast.studies.leaderboard import Row

few = st.sampled_from([0.0, 1.0, 2.0, 3.0])
rows_ = st.lists(st.tuples(few, few, few), max_size=12)


def row(init: float | None, query: float | None, tau: float | None) -> Row:
    return {"init_seconds": init, "query_seconds": query, "kendall_tau": tau}


@given(rows_)
def test_pareto_by_brute_force(points: list[tuple[float, float, float]]) -> None:
    def beats(a: tuple[float, float, float], b: tuple[float, float, float]) -> bool:
        return a != b and a[0] <= b[0] and a[1] <= b[1] and a[2] >= b[2]

    expected = [not any(beats(other, point) for other in points) for point in points]
    assert pareto([row(*point) for point in points]) == expected


def test_what_is_unknown_is_never_best() -> None:
    rows = [row(None, 0.0, 1.0), row(0.0, None, 1.0), row(0.0, 0.0, None), row(5.0, 5.0, 0.1)]
    assert pareto(rows) == [False, False, False, True]
    assert best_within(rows, 9.0, 9.0) is rows[3]
    assert affordable(rows, 4.0, 9.0) == []
    assert best_within(rows, 4.0, 9.0) is None


@given(rows_)
def test_more_budget_is_never_worse(points: list[tuple[float, float, float]]) -> None:
    rows = [row(*point) for point in points]
    init, query = budgets(rows)
    assert init == sorted(init)
    table = winners(rows, init, query)
    taus = [[-1.0 if won is None else won["kendall_tau"] for won in line] for line in table]
    for line in (*taus, *zip(*taus, strict=True)):
        assert list(line) == sorted(line)
    if points:
        assert taus[-1][-1] == max(tau for *_, tau in points)
        assert table[0][0] is None or table[0][0]["init_seconds"] <= init[0]


def test_budgets_are_even_on_a_log_axis() -> None:
    init, query = budgets([row(1e-6, 0.9, 0.5), row(95.0, 1.0, 0.5)])
    assert init[0] == 1e-3
    assert init[-1] == pytest.approx(100.0)
    assert init[2] / init[0] == pytest.approx(10.0)
    assert query == [1.0]
