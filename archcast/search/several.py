"""Which candidates to train next where a search is after several objectives, or within limits."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from archcast.benchmarks.objective import Objective
from archcast.evaluation.pareto_front import hypervolume, spreads
from archcast.predictors.predictor import Vector
from archcast.search.goal import Goal, Matrix
from archcast.search.guided import Trained
from archcast.search.strategy import Guide
from archcast.spaces.space import Architecture

Combine = Literal["hypervolume", "chebyshev"]
MARGIN = 0.1  # of the range of what was trained, by which what is worse still adds to a front
SUM = 0.05  # weight of the sum in a Chebyshev scalarisation, as in ParEGO (Knowles, 2006)


class Counted(Guide):
    """Knows a quantity that is counted of an untrained network."""

    def __init__(
        self, objective: Objective, count: Callable[[Sequence[Architecture]], Vector]
    ) -> None:
        self.objective, self.count = objective, count

    def fit(self, architectures: Sequence[Architecture], labels: Sequence[Any]) -> None:
        pass

    def query(self, architectures: Sequence[Architecture]) -> Vector:
        signed: Vector = self.objective.signed(self.count(architectures))
        return signed

    def query_with_std(self, architectures: Sequence[Architecture]) -> tuple[Vector, Vector]:
        return self.query(architectures), np.zeros(len(architectures))


class Guides(Guide):
    """A guide for each quantity of a goal: labels, scores and deviations are (architectures, q)."""

    def __init__(self, guides: Sequence[Guide]) -> None:
        self.guides = guides
        self.informed = all(isinstance(each, Counted) or each.informed for each in guides)

    @property
    def exact(self) -> NDArray[np.bool_]:
        """Which quantities are known rather than predicted."""
        return np.array([isinstance(each, Counted) for each in self.guides])

    def fit(self, architectures: Sequence[Architecture], labels: Sequence[Any]) -> None:
        of_each = np.reshape(labels, (len(labels), len(self.guides))).T
        for guide, of_one in zip(self.guides, of_each, strict=True):
            guide.fit(architectures, of_one.tolist())

    def query(self, architectures: Sequence[Architecture]) -> Matrix:
        scores = np.column_stack([each.query(architectures) for each in self.guides])
        self.fallbacks = sum(each.fallbacks for each in self.guides)
        sources = [each.source_seconds for each in self.guides]
        self.source_seconds = None if None in sources else sum(filter(None, sources))
        return scores

    def query_with_std(self, architectures: Sequence[Architecture]) -> tuple[Matrix, Matrix]:
        both = [each.query_with_std(architectures) for each in self.guides]
        mean, std = (np.column_stack(each) for each in zip(*both, strict=True))
        return mean, std


def worth(
    guide: Guides, trained: Trained, draws: Matrix, size: int, combine: Combine,
    rng: np.random.Generator,
) -> Vector:  # fmt: skip
    """How much candidates are worth training: `size` of them, and the others less than any.

    `draws` (draws, candidates, quantities) are of their scores. Before anything is trained they are
    compared with each other, as if scores were values.
    """
    goal, exact = trained.pool.goal, guide.exact
    if trained.values:
        told, predicted = np.array(trained.values), guide.query(trained.architectures)
        prospect = Prospect(goal, told, predicted, exact)
    else:
        scores = draws.mean(axis=0)
        prospect = Prospect(goal, scores, scores, exact)
        prospect.front = prospect.front[:0]
    found = np.full(draws.shape[1], -np.inf)
    chosen = prospect.choose(draws, size, combine, rng)
    found[chosen] = -np.arange(len(chosen))
    return found


class Prospect:
    """What has been trained, and what scores of guides mean by it.

    Scores need no unit: one stands for the value that as many of what was trained exceed as exceed
    it in score, and beyond them on a line. A quantity that is counted is its own score.

    Args:
        goal: says what is sought.
        told: signed values (trained, quantities).
        predicted: scores of the same.
        exact: which quantities are counted.
    """

    def __init__(
        self, goal: Goal, told: Matrix, predicted: Matrix, exact: NDArray[np.bool_]
    ) -> None:
        self.goal, self.exact = goal, exact
        self.told, self.predicted = np.sort(told, axis=0), np.sort(predicted, axis=0)
        self.spread = spreads(told)
        self.least = told.min(axis=0) - MARGIN * self.spread
        known = self.values(predicted)
        self.front = self.scaled(known[goal.returned(told)])

    def values(self, scores: Matrix) -> Matrix:
        """Scores (..., quantities) in the units of values."""
        found = scores.copy()
        for at in np.flatnonzero(~self.exact):
            axis, values = self.predicted[:, at], self.told[:, at]
            spread = axis.std()
            slope = values.std() / spread if spread > 0 else 0.0
            inside = np.clip(scores[..., at], axis[0], axis[-1])
            found[..., at] = np.interp(inside, axis, values) + slope * (scores[..., at] - inside)
        return found

    def scaled(self, values: Matrix) -> Matrix:
        """Values (..., quantities) of the objectives; 0 is below the least trained, 1 the best."""
        share = (values - self.least) / ((1.0 + MARGIN) * self.spread)
        scaled: Matrix = share[..., : len(self.goal.objectives)]
        return scaled

    def choose(
        self, draws: Matrix, size: int, combine: Combine, rng: np.random.Generator
    ) -> list[int]:
        """Up to `size` candidates, the most worth training first, from draws of their scores.

        Worth is the mean over draws (draws, candidates, quantities) of what a candidate adds to the
        hypervolume of the front, and of those chosen before it, or of a scalarisation with random
        weights for each; a draw that breaks a limit is worth nothing. Where nothing is worth
        anything, those come first that break limits least, by their mean score.
        """
        values = self.values(draws)
        short = np.maximum((self.goal.bounds - values) / self.spread, 0.0).sum(axis=2)  # (draws, n)
        points = self.scaled(values)
        last = np.lexsort((-points.mean(axis=(0, 2)), short.mean(axis=0)))
        if combine == "hypervolume":
            chosen = self._by_hypervolume(points, short == 0, size)
        else:
            chosen = self._by_scalars(points, short == 0, size, rng)
        rest = [at for at in last.tolist() if at not in set(chosen)]
        return [*chosen, *rest][:size]

    def _by_hypervolume(self, points: Matrix, kept: NDArray[np.bool_], size: int) -> list[int]:
        """Greedily; a gain only shrinks as others are chosen, so that most need no second look."""
        front = self.front
        expected = points.mean(axis=0)

        def gain(at: int) -> float:
            of_draws = [hypervolume_gain(each, front) for each in points[kept[:, at], at]]
            return sum(of_draws) / len(points)

        heap = [(-gain(at), 0, at) for at in range(points.shape[1])]
        heapq.heapify(heap)
        chosen: list[int] = []
        while heap and len(chosen) < size and heap[0][0] < 0:
            _, seen, at = heapq.heappop(heap)
            if seen == len(chosen):
                chosen.append(at)
                front = np.vstack([front, expected[at]])
            else:
                heapq.heappush(heap, (-gain(at), len(chosen), at))
        return chosen

    def _by_scalars(
        self, points: Matrix, kept: NDArray[np.bool_], size: int, rng: np.random.Generator
    ) -> list[int]:
        left = np.arange(points.shape[1])
        chosen: list[int] = []
        while len(left) and len(chosen) < size:
            weights = rng.dirichlet(np.ones(points.shape[2]))
            scalars = chebyshev(points[:, left], weights)
            nothing = float(chebyshev(np.zeros(len(weights)), weights))
            known = chebyshev(self.front, weights).max(initial=nothing)
            gains = np.where(kept[:, left], np.maximum(scalars - known, 0.0), 0.0).mean(axis=0)
            best = int(gains.argmax())
            if gains[best] == 0.0:
                break
            chosen.append(int(left[best]))
            left = np.delete(left, best)
        return chosen


def fittest(goal: Goal, signed: Matrix, combine: Combine, rng: np.random.Generator) -> int:
    """Which of some architectures (n, quantities) a tournament chooses.

    The first as in NSGA-II, or of those that break limits least the best by a scalarisation.
    """
    if goal.is_single or combine == "hypervolume":
        return int(goal.order(signed)[0])
    broken = goal.violations(signed)
    left = np.flatnonzero(broken == broken.min())
    values = signed[left][:, : len(goal.objectives)]
    scaled = (values - values.min(axis=0)) / spreads(values)
    return int(left[np.argmax(chebyshev(scaled, rng.dirichlet(np.ones(values.shape[1]))))])


def hypervolume_gain(point: Vector, front: Matrix) -> float:
    """What a point dominates above 0 that no point of the front (points, objectives) does."""
    if (point <= 0).any():
        return 0.0
    return float(point.prod()) - hypervolume(np.clip(front, 0.0, point), np.zeros(len(point)))


def chebyshev(points: Matrix, weights: Vector) -> NDArray[np.float64]:
    """The augmented scalarisation of points (..., objectives) from 0 to 1, higher is better."""
    short = weights * (1.0 - points)
    scalars: NDArray[np.float64] = -(short.max(axis=-1) + SUM * short.sum(axis=-1))
    return scalars
