"""Who ranks best: a row for each predictor and setting, over random splits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from archcast.evaluation import registry as metrics
from archcast.evaluation.measure import SECONDS, SPLIT
from archcast.evaluation.metrics import KENDALL_TAU
from archcast.evaluation.record import Record, largest_group
from archcast.evaluation.split_means import SplitMeans, SplitTau
from archcast.evaluation.statistics import mean

# What tells one row from another.
SETTING = ["benchmark", "dataset", "predictor", "train_size", "epochs"]
SplitKey = tuple[Any, ...]


def summarise(measured: pd.DataFrame, by: str = KENDALL_TAU.name) -> pd.DataFrame:
    """One row for each predictor, train size and number of epochs, the best by a metric first.

    Metrics and seconds are means over the repeats that did not fail, NaN where all failed.
    `kendall_tau_low` and `kendall_tau_high` bound the mean tau over all random splits of the table,
    with 95 % confidence that they do so in every row; of one split they are NaN.
    `tied_with_best` says whether the row may be the best of those that share two splits with the
    first, and is missing of others: with 95 % confidence, none that is truly best is False. See
    `SplitMeans`. It is of Kendall's tau, and missing where another metric ranks. Initialisation and
    query seconds are NaN where the table does not say what training takes.

    Args:
        measured: what `measure` makes of records; they are `comparable`.
        by: the name of a metric.

    Raises:
        InputError: there is no such metric.
    """
    metric = metrics.get(by)
    sign = -1.0 if metric.direction == "max" else 1.0
    found = [(_row(group), group) for group in by_setting(measured)]

    def place(row: dict[str, Any]) -> tuple[bool, float, str]:
        value = row[metric.column]
        unknown = bool(np.isnan(value))
        return unknown, 0.0 if unknown else sign * value, str(tuple(row[name] for name in SETTING))

    found.sort(key=lambda each: place(each[0]))
    means = split_means([group for _, group in found])
    ties: Sequence[bool | None] = [None] * len(found)
    if found and metric is KENDALL_TAU:
        ties = means.best(first=0)
    for (row, _), (low, high), tied in zip(found, means.intervals(), ties, strict=True):
        row |= {"kendall_tau_low": low, "kendall_tau_high": high, "tied_with_best": tied}
    board = pd.DataFrame([row for row, _ in found], columns=_columns())
    return board.astype({"tied_with_best": "boolean"})


def split_means(groups: Sequence[pd.DataFrame]) -> SplitMeans:
    """The means of tau of several rows, each given by what was measured of it."""
    sizes = [int(group["train_size"].iloc[0]) for group in groups]
    return SplitMeans([taus_by_split(group) for group in groups], sizes)


def by_setting(measured: pd.DataFrame) -> list[pd.DataFrame]:
    """What was measured of each row."""
    return [group for _, group in measured.groupby(SETTING, sort=False)]


def taus_by_split(measured: pd.DataFrame) -> dict[SplitKey, SplitTau]:
    """Kendall's tau of what did not fail, by the split that it is of."""
    good = measured[measured["error"].isna()]
    splits = zip(*(good[name] for name in SPLIT), strict=True)
    return dict(zip(splits, good["split_tau"], strict=True))


def comparable(records: Iterable[Record]) -> list[Record]:
    """The most records that are of one test size, objective, label, truth and seed, in their order.

    Metrics depend on these, so that a mean over several of them is of nothing.
    """
    return largest_group(
        records, lambda r: (r.job.test_size, r.job.objective, r.job.label, r.job.truth, r.job.seed)
    )


def _row(group: pd.DataFrame) -> dict[str, Any]:
    good = group[group["error"].isna()]
    asked = group.iloc[0]
    row = {name: asked[name] for name in ("family", *SETTING)}
    row |= {"repeats": len(group), "failed": len(group) - len(good)}
    row["fallbacks"] = int(good["fallbacks"].sum())
    numbers = [*(metric.column for metric in metrics.all()), *SECONDS]
    return row | {name: mean(good[name]) for name in numbers}


def _columns() -> list[str]:
    """In JSON and CSV they are in this order."""
    tau = KENDALL_TAU.column
    others = [metric.column for metric in metrics.all() if metric is not KENDALL_TAU]
    return [
        *("predictor", "family", "benchmark", "dataset", "train_size", "epochs"),
        *("repeats", "failed", "fallbacks", tau, f"{tau}_low", f"{tau}_high"),
        *(*others, *SECONDS, "tied_with_best"),
    ]
