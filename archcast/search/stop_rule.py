"""When a training is hopeless: what a predictor says of its curve so far (Baker et al., 2017)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, ClassVar
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from archcast.benchmarks.objective import Objective
from archcast.benchmarks.table import Table
from archcast.evaluation.engine import context
from archcast.making.ground_truth import Beyond
from archcast.predictors.predictor import Context, Predictor
from archcast.predictors.predictor_text import configured
from archcast.spaces.space import Architecture

LEARNED = 10  # whole trainings that a predictor learns from before it stops any
GROWTH = 1.5  # times as many, whenever it learns anew
KEPT = 4  # foresights whose predictors stay fitted, in a process


def is_hopeless(mean: float, std: float, best: float, threshold: float) -> bool:
    """Whether what is predicted exceeds the best so far with less chance than `threshold`."""
    return bool(ndtr((mean - best) / std) < threshold)


@dataclass(frozen=True, slots=True)
class StopRule:
    """Trainings stop when their chance of a new best falls below `threshold`.

    Who asked for a whole training is told how it would have ended, by the predictor, at most as
    well as the best: what it had reached by then is not like values of whole trainings.

    The predictor is unfitted, reads curves and gives deviations. If it learns, then from the first
    whole trainings of a search: 10, and anew from 15, 22, 33 and so on.
    """

    predictor: Predictor
    threshold: float
    objective: Objective
    seed: int = 0
    device: str = "cpu"

    version: ClassVar[int] = 5

    def foresight(self, table: Table, rows: NDArray[np.int64]) -> Foresight | None:
        """What is foretold of a training that begins when those of some rows have ended, wholly.

        None where these are too few. Those that diverged teach nothing of how the others end.
        """
        rows, learned = rows[~table.diverged[rows]], 0
        if self.predictor.tags.learns:
            learned = LEARNED
            while int(learned * GROWTH) <= len(rows):
                learned = int(learned * GROWTH)
        if len(rows) < max(1, learned):
            return None
        values = self.objective.signed(table.values(self.objective, "valid")[rows])
        return Foresight(self, table, rows[:learned], values[:learned], float(values.max()))


_FITTED: dict[str, dict[int, Predictor]] = {}  # by name and epochs, once a process


@dataclass(slots=True)
class Foresight:
    """Foretells how trainings end, of rows whose `values` it learned; `best` is the best so far.

    Values are as higher is better.
    """

    rule: StopRule
    table: Table
    rows: NDArray[np.int64]
    values: NDArray[np.float64]
    best: float
    name: str = field(default_factory=lambda: uuid4().hex)  # of all that foretell the same
    seconds: float = 0.0  # that it took
    foretold: float = math.nan  # how the last training that is hopeless would end

    def is_hopeless(self, table: Table, row: int, epochs: int) -> bool:
        """Of the training of a row of `table`, after so many epochs."""
        begun = perf_counter()
        predictor = _FITTED.get(self.name, {}).get(epochs) or self._fit(epochs)
        asked = self._seen(table, np.array([row]), predictor, epochs)
        mean, std = predictor.query(*asked, return_std=True)
        self.seconds += perf_counter() - begun + predictor.saved_seconds_
        hopeless = is_hopeless(float(mean[0]), float(std[0]), self.best, self.rule.threshold)
        self.foretold = min(float(mean[0]), self.best) if hopeless else math.nan
        return hopeless

    def _fit(self, epochs: int) -> Predictor:
        predictor = configured(self.rule.predictor, self.rule.seed, self.rule.device)
        learned, known = self._seen(self.table, self.rows, predictor, epochs)
        predictor.fit(learned, self.values, known)
        self.seconds += predictor.saved_seconds_
        _FITTED.setdefault(self.name, {})[epochs] = predictor
        for name in [*_FITTED][:-KEPT]:
            _FITTED.pop(name, None)
        return predictor

    def _seen(
        self, table: Table, rows: NDArray[np.int64], predictor: Predictor, epochs: int
    ) -> tuple[list[Architecture], Context]:
        """The architectures of rows, and what is known of these after so many epochs."""
        owners = np.searchsorted(table.starts, rows, side="right") - 1
        facts = context(table, rows, predictor, self.rule.objective, epochs, np.arange(0), seed=0)
        return [table.architectures[at] for at in owners], facts


@dataclass(frozen=True, slots=True)
class Watch:
    """Says of a training that the table lacks whether it goes on, after each epoch."""

    foresight: Foresight
    beyond: Beyond

    def __call__(self, row: dict[str, Any]) -> bool:
        """Whether a training goes on, of which this is the row so far."""
        known = self.foresight.table
        table = known.with_runs(self.beyond.table([row]))
        new = len(known.epochs)
        return not self.foresight.is_hopeless(table, new, int(table.epochs[new]))
