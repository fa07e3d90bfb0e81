"""Hyperband, by random draws or by a model of good architectures (BOHB)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import cycle
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveInt
from pydantic.dataclasses import dataclass

from archcast.search.pool import Pool
from archcast.search.strategy import Guide, Parallel, Steps, Traits, Trial
from archcast.spaces.space import Architecture, level_matrix

Results = dict[int, list[tuple[float, Architecture]]]  # by epochs: values so far


@dataclass(frozen=True)
class Hyperband(Parallel):
    """Trains many architectures for a few epochs, and goes on with one in `eta` (Li et al., 2018).

    Its brackets begin with more or fewer epochs, and take turns. Training that goes on pays the
    further epochs only. Several trainings at a time are of several brackets.
    """

    eta: Annotated[int, Field(ge=2)] = 3

    traits: ClassVar[Traits] = Traits(curves=True, paper="Li et al., 2018, Hyperband")

    def loops(self, pool: Pool, rng: np.random.Generator, guide: Guide | None) -> Iterator[Steps]:
        results: Results = {}
        rungs = int(math.log(pool.epochs, self.eta) + 1e-9)
        brackets = cycle(range(rungs, -1, -1))

        def loop() -> Steps:
            for bracket in brackets:
                size = math.ceil((rungs + 1) / (bracket + 1) * self.eta**bracket)
                alive = [self._draw(pool, rng, results) for _ in range(size)]
                for rung in range(bracket, -1, -1):
                    epochs = max(1, round(pool.epochs / self.eta**rung))
                    reached = []
                    for architecture in alive:
                        reached.append(((yield Trial(architecture, epochs)), architecture))
                    results.setdefault(epochs, []).extend(reached)
                    reached.sort(key=lambda result: -result[0])
                    alive = [each for _, each in reached[: max(1, len(reached) // self.eta)]]

        while True:
            yield loop()

    def _draw(self, pool: Pool, rng: np.random.Generator, results: Results) -> Architecture:
        """What a bracket begins with, given all results so far."""
        return pool.draw(rng)


@dataclass(frozen=True)
class BOHB(Hyperband):
    """Hyperband that draws where good architectures are dense (Falkner et al., 2018).

    Densities of the best `good` share and of the rest are products of Aitchison-Aitken kernels over
    the decisions, at the most epochs that have results of enough architectures: three more than
    there are decisions. Each density is of one more than these at least, so that of few results
    those in the middle count for both. Of `samples` around
    the good ones, it takes the one with the highest ratio of densities; where the pool has none of
    them, the best of as many of its members. A range counts as the eight parts that it is cut into.
    A share `random` is drawn uniformly.
    """

    good: Annotated[float, Field(gt=0, lt=1)] = 0.15
    samples: PositiveInt = 64
    random: Annotated[float, Field(ge=0, le=1)] = 1 / 3

    traits: ClassVar[Traits] = Traits(curves=True, paper="Falkner et al., 2018, BOHB", version=3)

    def _draw(self, pool: Pool, rng: np.random.Generator, results: Results) -> Architecture:
        decisions = pool.space.decisions
        sizes = np.array([decision.levels for decision in decisions])
        least = int((sizes > 1).sum()) + 1  # for each of the densities
        enough = [epochs for epochs, found in results.items() if len(found) >= least + 2]
        if not enough or rng.random() < self.random:
            return pool.draw(rng)
        order = sorted(results[max(enough)], key=lambda result: -result[0])
        best = max(least, math.ceil(self.good * len(order)))
        rest = max(least, len(order) - best)
        parts = (order[:best], order[-rest:])
        good, bad = (level_matrix([architecture for _, architecture in part]) for part in parts)
        width = _bandwidth(good, sizes)

        def ratio(points: NDArray[np.int64]) -> NDArray[np.float64]:
            return density(points, good, width, sizes) / density(
                points, bad, _bandwidth(bad, sizes), sizes
            )

        seeds = good[rng.integers(len(good), size=self.samples)]
        others = (seeds + 1 + rng.integers(np.maximum(sizes - 1, 1), size=seeds.shape)) % sizes
        drawn = np.where(rng.random(seeds.shape) < width, others, seeds)
        for at in np.argsort(-ratio(drawn), kind="stable"):
            levels = zip(decisions, drawn[at].tolist(), strict=True)
            choices = tuple(decision.of_level(level, rng) for decision, level in levels)
            if (found := pool.find(choices)) is not None:
                return found
        members = [pool.draw(rng) for _ in range(self.samples)]
        return members[int(np.argmax(ratio(level_matrix(members))))]


def density(
    points: NDArray[np.int64],
    data: NDArray[np.int64],
    width: float,
    sizes: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Kernel density (points,) of choices (points, decisions), from those in `data`.

    The kernel of Aitchison & Aitken (1976): a decision is the datum's with chance 1 - width, else
    any of the others.
    """
    free = sizes > 1
    same = points[:, None, free] == data[None, :, free]
    kernels = np.where(same, 1 - width, width / (sizes[free] - 1))
    mean: NDArray[np.float64] = kernels.prod(axis=2).mean(axis=1)
    return np.maximum(mean, np.finfo(np.float64).tiny)  # of hundreds of decisions it can be 0


def _bandwidth(data: NDArray[np.int64], sizes: NDArray[np.int64]) -> float:
    """Narrower with more data (Scott's rule), never wider than the uniform density."""
    uniform = float((1 - 1 / sizes[sizes > 1]).min(initial=1.0))
    return uniform * float(len(data) ** (-1 / (4 + len(sizes))))
