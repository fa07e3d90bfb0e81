"""What predicted Pareto fronts are worth: a row for each choice of a predictor an objective."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from archcast.benchmarks.objective import Objective
from archcast.benchmarks.table import Table
from archcast.core.errors import InputError
from archcast.evaluation.pareto_front import front_quality
from archcast.evaluation.statistics import mean, mean_interval

SPLIT = ["table", "benchmark", "dataset", "test_size", "seed", "repeat"]


class _Setting(NamedTuple):
    predictor: str
    train_size: int
    epochs: int


def chosen_objectives(table: Table, names: Sequence[str]) -> list[Objective]:
    """Two objectives or more, by name.

    Raises:
        InputError: fewer, one twice, or none of this name.
    """
    if isinstance(names, str) or len({*names}) < max(2, len(names)):
        given = names if isinstance(names, str) else ",".join(names)
        raise InputError(f"{given}: a front is of two different objectives or more; name another")
    return [table.objective(name) for name in names]


def summarise(measured: Sequence[pd.DataFrame], objectives: Sequence[Objective]) -> pd.DataFrame:
    """A row for each choice of predictors with equally many labels, the least regret first.

    By objective, a column says which predictor it is of. `hypervolume_regret`, `recall` and
    `chosen` (see `FrontQuality`) are means over splits, the first with the bounds of a 95 %
    interval that holds in each row alone. Seconds add up what each objective's labels, fits and
    queries take, NaN where some are unknown.

    Args:
        measured: what `measure` makes of the records of each objective, all on the same splits.
        objectives: in the same order.
    """
    found = [_by_setting(each) for each in measured]
    rows = [
        _row([setting for setting, _ in chosen], [splits for _, splits in chosen], objectives)
        for chosen in product(*(each.items() for each in found))
        if len({setting.train_size for setting, _ in chosen} - {0}) <= 1
    ]
    columns = [*(each.name for each in objectives), *_COLUMNS]
    board = pd.DataFrame(rows, columns=columns)
    return board.sort_values("hypervolume_regret", kind="stable", ignore_index=True)


_COLUMNS = [
    *("train_size", "epochs", "repeats", "failed"),
    *("hypervolume_regret", "hypervolume_regret_low", "hypervolume_regret_high"),
    *("recall", "chosen", "init_seconds", "query_seconds", "source_seconds"),
]
_Split = tuple[Any, ...]


def _by_setting(measured: pd.DataFrame) -> dict[_Setting, dict[_Split, Any]]:
    """The rows of each setting, by split."""
    found: dict[_Setting, dict[_Split, Any]] = {}
    settings = measured[[*_Setting._fields]].itertuples(index=False, name=None)
    splits = measured[SPLIT].itertuples(index=False, name=None)
    rows = measured.itertuples(index=False)
    for setting, split, row in zip(settings, splits, rows, strict=True):
        found.setdefault(_Setting(*setting), {})[split] = row
    return found


def _row(
    settings: Sequence[_Setting],
    splits: Sequence[Mapping[_Split, Any]],
    objectives: Sequence[Objective],
) -> dict[str, Any]:
    shared = [key for key in splits[0] if all(key in each for each in splits)]
    rows = [[each[key] for each in splits] for key in shared]
    good = [parts for parts in rows if all(part.error is None for part in parts)]
    qualities = [
        front_quality(
            np.column_stack(
                [each.signed(part.truths) for each, part in zip(objectives, parts, strict=True)]
            ),
            np.column_stack([part.predictions for part in parts]),
        )
        for parts in good
    ]
    regrets = [each.hypervolume_regret for each in qualities]
    low, high = mean_interval(regrets)
    trained = [each.needs_training for each in objectives]
    return {
        **{each.name: part.predictor for each, part in zip(objectives, settings, strict=True)},
        "train_size": max(part.train_size for part in settings),
        "epochs": max(part.epochs for part in settings),
        "repeats": len(rows),
        "failed": len(rows) - len(good),
        "hypervolume_regret": mean(regrets),
        "hypervolume_regret_low": max(low, 0.0),
        "hypervolume_regret_high": high,
        "recall": mean(each.recall for each in qualities),
        "chosen": mean(each.chosen for each in qualities),
        "init_seconds": mean(
            _together(parts, "init_seconds", "label_seconds", trained) for parts in good
        ),
        "query_seconds": mean(
            _together(parts, "query_seconds", "evidence_seconds", [True] * len(trained))
            for parts in good
        ),
        "source_seconds": mean(sum(part.source_seconds for part in parts) for parts in good),
    }


def _together(parts: Sequence[Any], seconds: str, trainings: str, shared: Sequence[bool]) -> float:
    """Seconds of all parts, where those of the trainings that some of them share count once."""
    at_once = [getattr(part, trainings) for part, one in zip(parts, shared, strict=True) if one]
    every = sum(getattr(part, seconds) for part in parts)
    return float(every - sum(at_once) + max(at_once, default=0.0))
