"""When a training is hopeless: what a predictor says of its curve so far (Baker et al., 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from archcast.benchmarks.objective import Objective
from archcast.benchmarks.table import Table
from archcast.evaluation.engine import context
from archcast.making.ground_truth import Beyond
from archcast.predictors.predictor import Predictor
from archcast.predictors.predictor_text import configured

LEARNED = 10  # whole trainings that a predictor learns from before it stops any


def is_hopeless(mean: float, std: float, best: float, threshold: float) -> bool:
    """Whether what is predicted exceeds the best so far with less chance than `threshold`."""
    return bool(ndtr((mean - best) / std) < threshold)


@dataclass(frozen=True, slots=True)
class StopRule:
    """Trainings stop when their chance of a new best falls below `threshold`.

    The predictor is unfitted, reads curves and gives deviations.
    """

    predictor: Predictor
    threshold: float
    objective: Objective

    def watch(self, beyond: Beyond, table: Table, rows: NDArray[np.int64]) -> Watch | None:
        """Who watches a training that begins when those of some rows have ended, wholly.

        None where these are too few.
        """
        if len(rows) < (LEARNED if self.predictor.tags.learns else 1):
            return None
        values = table.values(self.objective, "valid")[rows]
        return Watch(self, beyond, table, rows, self.objective.signed(values))


@dataclass(slots=True)
class Watch:
    """Says of a training after each epoch whether it goes on, and counts the seconds of that.

    `values` (rows,) of the whole trainings are as higher is better.
    """

    rule: StopRule
    beyond: Beyond
    table: Table
    rows: NDArray[np.int64]
    values: NDArray[np.float64]
    seconds: float = 0.0

    def __call__(self, row: dict[str, Any]) -> bool:
        """Whether a training goes on, of which this is the row so far."""
        begun = perf_counter()
        objective, new = self.rule.objective, len(self.table.epochs)
        table = self.table.with_runs(self.beyond.table([row]))
        epochs = int(table.epochs[new])
        predictor = configured(self.rule.predictor, 0, "cpu")
        known, asked = (
            context(table, rows, predictor, objective, epochs, np.arange(0), seed=0)
            for rows in (self.rows, np.array([new]))
        )
        owner = np.searchsorted(table.starts, self.rows, side="right") - 1
        if predictor.tags.learns:
            predictor.fit([table.architectures[at] for at in owner], self.values, known)
        else:
            predictor.fit([], [], known)
        mean, std = predictor.query(table.architectures[-1:], asked, return_std=True)
        best = float(self.values.max())
        hopeless = is_hopeless(float(mean[0]), float(std[0]), best, self.rule.threshold)
        self.seconds += perf_counter() - begun
        return not hopeless
