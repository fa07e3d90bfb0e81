"""Who ranks best: a row for each predictor and setting, over random splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from archcast.evaluation import registry as metrics
from archcast.evaluation.measure import SECONDS, SPLIT
from archcast.evaluation.metrics import KENDALL_TAU
from archcast.evaluation.split_means import SplitMeans, SplitTau
from archcast.evaluation.statistics import mean

SplitKey = tuple[Any, ...]


class Setting(NamedTuple):
    """What tells one row from another."""

    benchmark: str
    dataset: str
    predictor: str
    train_size: int
    epochs: int


SETTING = list(Setting._fields)


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
    board = means(measured, by)
    ranked = [Setting(*row) for row in board[SETTING].itertuples(index=False, name=None)]
    compared = split_means(taus_by_setting(measured), ranked)
    if ranked and by == KENDALL_TAU.name:
        board["tied_with_best"] = compared.best(first=0)
    bounds = ["kendall_tau_low", "kendall_tau_high"]
    board[bounds] = np.array(compared.intervals()).reshape(-1, 2)
    return board.astype({"tied_with_best": "boolean"})


def means(measured: pd.DataFrame, by: str = KENDALL_TAU.name) -> pd.DataFrame:
    """As `summarise`, without what compares splits: intervals and ties are missing.

    Raises:
        InputError: there is no such metric.
    """
    metric = metrics.get(by)
    sign = -1.0 if metric.direction == "max" else 1.0
    rows = _rows(measured)

    def place(setting: Setting) -> tuple[bool, float, str]:
        value = rows[setting][metric.column]
        unknown = bool(np.isnan(value))
        return unknown, 0.0 if unknown else sign * value, str(tuple(setting))

    return pd.DataFrame([rows[setting] for setting in sorted(rows, key=place)], columns=_columns())


def taus_by_setting(measured: pd.DataFrame) -> dict[Setting, dict[SplitKey, SplitTau]]:
    """Kendall's tau of each row by split, of what did not fail."""
    taus: dict[Setting, dict[SplitKey, SplitTau]] = {}
    settings = measured[SETTING].itertuples(index=False, name=None)
    splits = measured[SPLIT].itertuples(index=False, name=None)
    for setting, split, tau in zip(settings, splits, measured["split_tau"], strict=True):
        found = taus.setdefault(Setting(*setting), {})
        if tau is not None:
            found[split] = tau
    return taus


def split_means(
    taus: Mapping[Setting, Mapping[SplitKey, SplitTau]], settings: Sequence[Setting]
) -> SplitMeans:
    """The means of tau of some rows."""
    sizes = [setting.train_size for setting in settings]
    return SplitMeans([taus[setting] for setting in settings], sizes)


def comparable(measured: pd.DataFrame) -> pd.DataFrame:
    """The most rows that are of one test size, objective, label, truth and seed, in their order.

    Metrics depend on these, so that a mean over several of them is of nothing.
    """
    if measured.empty:
        return measured
    groups = measured.groupby(["test_size", "objective", "label", "truth", "seed"], sort=False)
    group = groups.ngroup()
    return measured[group == group.value_counts(sort=False).idxmax()]


def _rows(measured: pd.DataFrame) -> dict[Setting, dict[str, Any]]:
    """What does not depend on other rows."""
    columns = [*(metric.column for metric in metrics.all()), *SECONDS]
    numbers = measured[columns].to_numpy(dtype=np.float64)
    good = measured["error"].isna().to_numpy()
    fallbacks = measured["fallbacks"].to_numpy()
    rows = {}
    for setting, at in _positions(measured).items():
        kept = at[good[at]]
        rows[setting] = {
            **setting._asdict(),
            "family": measured["family"].iat[at[0]],
            "repeats": len(at),
            "failed": len(at) - len(kept),
            "fallbacks": int(fallbacks[kept].sum()),
            **dict(zip(columns, map(mean, numbers[kept].T.tolist()), strict=True)),
        }
    return rows


def _positions(measured: pd.DataFrame) -> dict[Setting, NDArray[np.int64]]:
    found: dict[Setting, list[int]] = {}
    for at, setting in enumerate(measured[SETTING].itertuples(index=False, name=None)):
        found.setdefault(Setting(*setting), []).append(at)
    return {setting: np.array(positions) for setting, positions in found.items()}


def _columns() -> list[str]:
    """In JSON and CSV they are in this order."""
    tau = KENDALL_TAU.column
    others = [metric.column for metric in metrics.all() if metric is not KENDALL_TAU]
    return [
        *("predictor", "family", "benchmark", "dataset", "train_size", "epochs"),
        *("repeats", "failed", "fallbacks", tau, f"{tau}_low", f"{tau}_high"),
        *(*others, *SECONDS, "tied_with_best"),
    ]
