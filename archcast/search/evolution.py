"""Evolution, by itself or guided by a predictor."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, PositiveInt
from pydantic.dataclasses import dataclass

from archcast.search.guided import Scored, Trained, explored, train_the_best
from archcast.search.pool import Pool
from archcast.search.several import Combine, Guides, fittest, worth
from archcast.search.strategy import Guide, Parallel, Steps, Traits, Trial
from archcast.spaces.space import Architecture


@dataclass(frozen=True)
class Evolution(Parallel):
    """Mutates the best of what it has trained.

    Without a predictor it is regularised evolution (Real et al., 2019): a child of the best of a
    random `tournament` joins the population, and the oldest leaves it.

    With a predictor it is guided as in NPENAS (Wei et al., 2020): the predictor learns from all
    that was trained, scores `candidates` mutants of the `parents` best (fewer where queries train
    them), and the best `batch` of them are trained, or a tenth of what was trained before if that
    is more. Where a predictor has learned, random mutants take a share `explore` of their places.
    It starts from `start` random architectures.

    Of several objectives, or within limits, the best are as in NSGA-II, and guided it trains what
    by the predictors adds most to the `hypervolume`, or, by `chebyshev`, to a scalarisation with
    random weights (as in ParEGO, Knowles, 2006).
    """

    population: PositiveInt = 30
    tournament: PositiveInt = 10
    start: PositiveInt = 10
    parents: PositiveInt = 10
    candidates: PositiveInt = 100
    batch: PositiveInt = 2
    explore: Annotated[float, Field(ge=0, le=1)] = 0.25
    combine: Combine = "hypervolume"

    traits: ClassVar[Traits] = Traits(
        takes_predictor=True,
        neighbours=True,
        several=True,
        paper="Real et al., 2019, Regularized Evolution for Image Classifier Architecture Search;"
        " Wei et al., 2020, NPENAS",
        version=3,
    )

    def loops(self, pool: Pool, rng: np.random.Generator, guide: Guide | None) -> Iterator[Steps]:
        if guide is not None:
            return self._guided(pool, rng, guide)
        first = list(islice(pool.shuffled(rng), self.population))
        return regularised(pool, rng, first, self.population, self.tournament, self.combine)

    def _guided(self, pool: Pool, rng: np.random.Generator, guide: Guide) -> Iterator[Steps]:
        def score(trained: Trained, size: int) -> Scored:
            wanted = guide.affordable(self.candidates, size)
            candidates = trained.new_mutants(self.parents, wanted, rng)
            scores = guide.query(candidates)
            if isinstance(guide, Guides):
                scores = worth(guide, trained, scores[np.newaxis], size, self.combine, rng)
            share = self.explore if guide.learns and trained.values else 0.0
            return candidates, explored(scores, size, share, rng)

        return train_the_best(pool, rng, guide, self.start, self.batch, score)


def regularised(
    pool: Pool,
    rng: np.random.Generator,
    first: Sequence[Architecture],
    size: int,
    tournament: int,
    combine: Combine = "hypervolume",
) -> Iterator[Steps]:
    """Regularised evolution of a population of at most `size`, which begins as `first`."""
    population: deque[tuple[Any, Architecture]] = deque(maxlen=size)
    left = iter(first)

    def child() -> Architecture:
        if not population:  # others are still in training
            return pool.draw(rng)
        rivals = rng.choice(len(population), min(tournament, len(population)), replace=False)
        values = np.reshape([population[at][0] for at in rivals], (len(rivals), -1))
        _, parent = population[rivals[fittest(pool.goal, values, combine, rng)]]
        return pool.mutate(parent, rng)

    def loop() -> Steps:
        while True:
            architecture = next(left, None) or child()
            population.append(((yield Trial(architecture)), architecture))

    while True:
        yield loop()
