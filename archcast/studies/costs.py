"""Initialisation cost against query cost: who wins where, and who is never beaten on all counts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from archcast.benchmarks.table import Table
from archcast.core.errors import InputError
from archcast.core.spec import split_specs
from archcast.predictors.predictor import Predictor
from archcast.studies import leaderboard
from archcast.studies.experiment import choose_predictors

# A sweep that takes a minute or two, with a few of each family.
QUICK: dict[str, Any] = {
    "predictors": "bayes-lin-reg,gp,rf,xgb,sotl-e,early-stop-acc,lcsvr,params,synflow,jacov",
    "train_sizes": (10, 100),
    "repeats": 3,
}
TRAIN_SIZES = (10, 30, 100, 300)
LEAST_SECONDS = 1e-3  # below, differences are noise of the clock
STEPS_A_DECADE = 2
SHARES = (0.05, 0.5)  # of a training, for a query
_COUNTS = ["init_seconds", "query_seconds", "kendall_tau"]  # all on which rows are compared


def quick_on(table: Table) -> dict[str, Any]:
    """What `QUICK` says, without the predictors that need what the table lacks."""
    chosen: list[Predictor] = []
    for name in split_specs(QUICK["predictors"]):
        with suppress(InputError):
            chosen += choose_predictors(name, table, table.objective())[0]
    return QUICK | {"predictors": chosen}


def doublings(table: Table) -> tuple[int, ...]:
    """1, 2, 4, ... epochs, less than the table's curves have; 1 where it has none."""
    most = int(table.epochs.max())
    return tuple(2**k for k in range(max(1, (most - 1).bit_length())))


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """The leaderboard, with `pareto` for those rows that no other beats on all counts."""
    board = leaderboard.summarise(measured)
    return board.assign(pareto=pareto(board))


def pareto(board: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether no other row is as cheap to initialise, as cheap to query, and as good, or better.

    Seconds below `LEAST_SECONDS` are all the same. A row with unknown seconds or without a Kendall
    tau is never Pareto-optimal.
    """
    known = priced(board)
    seconds = known[["init_seconds", "query_seconds"]].clip(lower=LEAST_SECONDS)
    # With the sign of tau turned, less is better in all three.
    points = np.column_stack([seconds, -known["kendall_tau"]])
    no_worse = (points[:, None] <= points).all(axis=2)
    better = (points[:, None] < points).any(axis=2)
    beaten = (no_worse & better).any(axis=0)
    return np.asarray(board.index.isin(known.index.to_numpy()[~beaten]))


def winners(
    board: pd.DataFrame, init_budgets: Sequence[float], query_budgets: Sequence[float]
) -> pd.DataFrame:
    """Which row has the best Kendall tau that budgets can pay: query budgets down, init across.

    Rows are named by the index of the board; the value is missing where nothing is affordable.
    """
    known = priced(board).sort_values("kendall_tau", ascending=False, kind="stable")
    init, query = (known[cost].to_numpy() for cost in ("init_seconds", "query_seconds"))
    payable = (query <= np.array(query_budgets)[:, None, None]) & (
        init <= np.array(init_budgets)[:, None]
    )
    best = [[known.index[row.argmax()] if row.any() else None for row in line] for line in payable]
    return pd.DataFrame(best, pd.Index(query_budgets), pd.Index(init_budgets)).astype("Int64")


def training_seconds(table: Table) -> float:
    """What a training takes, on average; NaN where the table does not say."""
    if table.epoch_seconds is None:
        return math.nan
    return float(np.mean(table.epoch_seconds) * table.lengths.max())


def winners_over_benchmarks(
    boards: Mapping[str, pd.DataFrame],
    training: Mapping[str, float],
    trainings: Sequence[int],
    shares: Sequence[float] = SHARES,
) -> pd.DataFrame:
    """Which row of each board has the best Kendall tau that budgets in trainings can pay.

    Networks of one benchmark train for longer than those of another. So what may be paid to
    start with is a number of `trainings`, and what a query may take a share of one; a tenth and one
    training more may be paid, as those that are drawn may be dear. One row a budget, the index; one
    column a board, of its row's label, missing where nothing is affordable.

    Args:
        boards: what `summarise` makes, by benchmark.
        training: the seconds of one training, by benchmark.
        trainings: how many may be paid.
        shares: how much of one a query may take.
    """
    budgets = pd.MultiIndex.from_product([trainings, shares], names=["trainings", "share"])
    best = {
        name: [
            winners(board, [(1.1 * n + 1) * training[name]], [share * training[name]]).iat[0, 0]
            for n, share in budgets
        ]
        for name, board in boards.items()
    }
    return pd.DataFrame(best, budgets, dtype="Int64")


def unbeaten(boards: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The best Kendall tau of each predictor on each board among its rows that no other beats.

    A row a predictor that has one at all, those with the most boards first; NaN elsewhere.
    """
    best = {
        name: board[pareto(board)].groupby("predictor")["kendall_tau"].max()
        for name, board in boards.items()
    }
    found = pd.DataFrame(best)
    order = pd.DataFrame({"boards": found.notna().sum(axis=1), "tau": found.mean(axis=1)})
    order = order.sort_values(["boards", "tau"], ascending=False, kind="stable")
    return found.loc[order.index]


def affordable(board: pd.DataFrame, init: float, query: float) -> pd.DataFrame:
    """The rows whose initialisation and query take no longer than these seconds."""
    known = priced(board)
    return known[(known["init_seconds"] <= init) & (known["query_seconds"] <= query)]


def budgets(board: pd.DataFrame) -> tuple[list[float], list[float]]:
    """Initialisation and query budgets, in seconds and even steps on a log axis.

    They go from what the cheapest row can pay to what the dearest one needs.
    """
    known = priced(board)
    return _grid(known["init_seconds"].tolist()), _grid(known["query_seconds"].tolist())


def _grid(seconds: Sequence[float]) -> list[float]:
    exponents = np.log10(np.maximum(seconds or [1.0], LEAST_SECONDS)) * STEPS_A_DECADE
    steps = np.arange(np.ceil(exponents.min()), np.ceil(exponents.max()) + 1)
    grid: list[float] = (10.0 ** (steps / STEPS_A_DECADE)).tolist()
    return grid


def priced(board: pd.DataFrame) -> pd.DataFrame:
    """The rows that have a Kendall tau and whose costs are known."""
    return board.dropna(subset=_COUNTS)


def floored(seconds: float) -> float:
    """Seconds as a log axis shows them: it has no zero, and what is below is noise."""
    return max(seconds, LEAST_SECONDS)
