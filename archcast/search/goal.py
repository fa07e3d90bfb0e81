"""What a search is after: the best value of an objective, or a front of several, within limits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from archcast.benchmarks.objective import ACCURACY, Objective
from archcast.evaluation.pareto_front import on_front, spreads
from archcast.predictors.predictor import Vector

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Limit:
    """The worst value of a quantity that will do: the most, or where more is better, the least."""

    objective: Objective
    value: float


@dataclass(frozen=True)
class Goal:
    """One objective or several, and limits.

    Quantities are the objectives, in their order, and then what only a limit is of. Matrices are
    (architectures, quantities); *signed*, higher is better in every column.
    """

    objectives: tuple[Objective, ...]
    limits: tuple[Limit, ...] = ()

    @property
    def is_single(self) -> bool:
        """Whether a search is told of one number."""
        return len(self.objectives) == 1 and not self.limits

    @cached_property
    def quantities(self) -> tuple[Objective, ...]:
        """All that is to be known of an architecture."""
        return tuple(dict.fromkeys((*self.objectives, *(each.objective for each in self.limits))))

    @property
    def name(self) -> str:
        """All objectives, for people."""
        return ", ".join(each.name for each in self.objectives)

    @property
    def dearest(self) -> Objective:
        """The quantity whose price is paid: one that needs training, or else is measured."""
        measured = [each for each in self.quantities if not each.is_counted]
        trained = [each for each in measured if each.needs_training]
        return [*trained, *measured, *self.quantities][0]

    @property
    def points(self) -> str:
        """The unit of regrets."""
        several = len(self.objectives) > 1
        return "% of the hypervolume" if several else self.objectives[0].points

    def signed(self, values: Matrix) -> Matrix:
        """Values in their units as higher is better, and back again."""
        signed: Matrix = values * np.array([each.signed(1.0) for each in self.quantities])
        return signed

    @cached_property
    def bounds(self) -> Vector:
        """The least signed value of each quantity that will do; minus infinity without a limit."""
        bounds = dict.fromkeys(self.quantities, -np.inf)
        for each in self.limits:
            bounds[each.objective] = max(
                bounds[each.objective], float(each.objective.signed(each.value))
            )
        return np.array([*bounds.values()])

    def violations(self, signed: Matrix) -> Vector:
        """By how much each architecture breaks the limits, in shares of them, added up."""
        limited = np.isfinite(self.bounds)
        bounds = self.bounds[limited]
        short = np.maximum(bounds - signed[:, limited], 0.0)
        violations: Vector = (short / np.where(bounds, np.abs(bounds), 1.0)).sum(axis=1)
        return violations

    def returned(self, signed: Matrix) -> NDArray[np.bool_]:
        """Which a search would return: what keeps the limits, and no other such is better."""
        kept: NDArray[np.bool_] = self.violations(signed) == 0
        kept[kept] = on_front(signed[kept][:, : len(self.objectives)])
        return kept

    def order(self, signed: Matrix) -> NDArray[np.int64]:
        """Best first: those that keep the limits before others (Deb et al., 2002, NSGA-II).

        Among those that do, front by front, and in a front where it is less crowded; among those
        that don't, what breaks them less. The first stays first among equals.
        """
        if self.is_single:
            return np.argsort(-signed[:, 0], kind="stable")
        violations = self.violations(signed)
        objectives = signed[:, : len(self.objectives)]
        rank, distance = np.zeros(len(signed)), np.zeros(len(signed))
        if (kept := violations == 0).any():
            rank[kept] = ranks(objectives[kept])
            for each in np.unique(rank[kept]):
                front = np.flatnonzero(kept & (rank == each))
                distance[front] = crowding(objectives[front])
        return np.lexsort((-distance, rank, violations))


ACCURATE = Goal((ACCURACY,))


def ranks(values: Matrix) -> NDArray[np.int64]:
    """The number of the front of each row (n, objectives), higher is better; 0 is the best."""
    from moocore import pareto_rank

    found: NDArray[np.int64] = pareto_rank(values, maximise=True)
    return found


def crowding(values: Matrix) -> Vector:
    """How far apart the neighbours of each point of a front are (Deb et al., 2002).

    Their distance along each objective, as a share of its range, added up; infinite at the ends.
    """
    order = np.argsort(values, axis=0, kind="stable")
    ordered = np.take_along_axis(values, order, axis=0)
    gaps = np.full(values.shape, np.inf)
    gaps[1:-1] = (ordered[2:] - ordered[:-2]) / spreads(values)
    apart = np.empty_like(gaps)
    np.put_along_axis(apart, order, gaps, axis=0)
    crowded: Vector = apart.sum(axis=1)
    return crowded


def limits_text(limits: Sequence[Limit]) -> str:
    """Limits as people write them: `latency_cpu=2.5`."""
    return ",".join(f"{each.objective.name}={each.value:g}" for each in limits)


def matrix(first: Sequence[float], others: Sequence[Sequence[float]]) -> Matrix:
    """Values (architectures, quantities) of the first quantity and, by row, of the others."""
    return np.column_stack([first, *np.transpose(others)])
