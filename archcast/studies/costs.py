"""Initialisation cost against query cost: who wins where, and who is never beaten on all counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from archcast.benchmarks.table import Table
from archcast.studies.leaderboard import Row

# A sweep that takes a minute or two, with a few of each family.
QUICK: dict[str, Any] = {
    "predictors": "bayes-lin-reg,gp,rf,xgb,sotl-e,early-stop-acc,lcsvr,params,synflow,jacov",
    "train_sizes": (10, 100),
    "repeats": 3,
}
LEAST_SECONDS = 1e-3  # below, differences are noise of the clock
STEPS_A_DECADE = 2


def doublings(table: Table) -> tuple[int, ...]:
    """1, 2, 4, ... epochs, less than the table's curves have; 1 where it has none."""
    most = int(table.epochs.max())
    return tuple(2**k for k in range(max(1, (most - 1).bit_length())))


def pareto(rows: Sequence[Row]) -> list[bool]:
    """Whether no other row is as cheap to initialise, as cheap to query, and as good, or better.

    Seconds below `LEAST_SECONDS` are all the same. A row with unknown seconds or without a Kendall
    tau is never Pareto-optimal.
    """
    known = priced(rows)
    # Costs, and tau with its sign turned: less is better in all three.
    points = np.array(
        [
            (floored(row["init_seconds"]), floored(row["query_seconds"]), -row["kendall_tau"])
            for row in known
        ]
    ).reshape(-1, 3)
    no_worse = (points[:, None] <= points).all(axis=2)
    better = (points[:, None] < points).any(axis=2)
    beaten = np.atleast_1d((no_worse & better).any(axis=0))
    optimal = {id(row) for row, worse in zip(known, beaten, strict=True) if not worse}
    return [id(row) in optimal for row in rows]


def winners(
    rows: Sequence[Row], init_budgets: Sequence[float], query_budgets: Sequence[float]
) -> list[list[Row | None]]:
    """The row of the best Kendall tau that each pair of budgets can pay, [query][init].

    None where nothing is affordable.
    """
    return [[best_within(rows, init, query) for init in init_budgets] for query in query_budgets]


def best_within(rows: Sequence[Row], init: float, query: float) -> Row | None:
    """The affordable row of the best Kendall tau, if there is one; budgets are in seconds."""
    payable = affordable(rows, init, query)
    return max(payable, key=lambda row: row["kendall_tau"], default=None)


def affordable(rows: Sequence[Row], init: float, query: float) -> list[Row]:
    """The rows whose initialisation and query take no longer than these seconds."""
    return [
        row for row in priced(rows) if row["init_seconds"] <= init and row["query_seconds"] <= query
    ]


def budgets(rows: Sequence[Row]) -> tuple[list[float], list[float]]:
    """Initialisation and query budgets, in seconds and even steps on a log axis.

    They go from what the cheapest row can pay to what the dearest one needs.
    """
    known = priced(rows)
    init = _grid([row["init_seconds"] for row in known])
    return init, _grid([row["query_seconds"] for row in known])


def _grid(seconds: Sequence[float]) -> list[float]:
    exponents = np.log10(np.maximum(seconds or [1.0], LEAST_SECONDS)) * STEPS_A_DECADE
    steps = np.arange(np.ceil(exponents.min()), np.ceil(exponents.max()) + 1)
    grid: list[float] = (10.0 ** (steps / STEPS_A_DECADE)).tolist()
    return grid


def priced(rows: Sequence[Row]) -> list[Row]:
    """The rows that have a Kendall tau and whose costs are known."""
    columns = ("kendall_tau", "init_seconds", "query_seconds")
    return [row for row in rows if all(row[column] is not None for column in columns)]


def floored(seconds: float) -> float:
    """Seconds as a log axis shows them: it has no zero, and what is below is noise."""
    return max(seconds, LEAST_SECONDS)
