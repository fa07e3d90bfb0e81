"""Evolution, by itself or guided by a predictor."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import ClassVar

import numpy as np
from pydantic import PositiveInt
from pydantic.dataclasses import dataclass

from archcast.search.pool import Pool
from archcast.search.strategy import Guide, Steps, Strategy, Traits, Trial
from archcast.search.trained import Trained
from archcast.spaces.base import Architecture


@dataclass(frozen=True)
class Evolution(Strategy):
    """Mutates the best of what it has trained.

    Without a predictor it is regularised evolution (Real et al., 2019): a child of the best of a
    random `tournament` joins the population, and the oldest leaves it.

    With a predictor it is guided as in NPENAS (Wei et al., 2020): the predictor learns from all
    that was trained, scores `candidates` mutants of the `parents` best (fewer where queries train
    them), and the best `batch` of them are trained, or a tenth of what was trained before if that
    is more. It starts from `start` random architectures.
    """

    population: PositiveInt = 30
    tournament: PositiveInt = 10
    start: PositiveInt = 10
    parents: PositiveInt = 10
    candidates: PositiveInt = 100
    batch: PositiveInt = 2

    traits: ClassVar[Traits] = Traits(
        takes_predictor=True,
        neighbours=True,
        paper="Real et al., 2019, Regularized Evolution for Image Classifier Architecture Search;"
        " Wei et al., 2020, NPENAS",
    )

    def steps(self, pool: Pool, rng: np.random.Generator, guide: Guide | None) -> Steps:
        first = pool.shuffled(rng)
        if guide is None:
            yield from self._regularised(pool, rng, list(islice(first, self.population)))
        else:
            yield from self._guided(pool, rng, list(islice(first, self.start)), guide)

    def _regularised(
        self, pool: Pool, rng: np.random.Generator, first: list[Architecture]
    ) -> Steps:
        population: deque[tuple[float, Architecture]] = deque(maxlen=self.population)
        for architecture in first:
            population.append(((yield Trial(architecture)), architecture))
        while True:
            size = min(self.tournament, len(population))
            rivals = rng.choice(len(population), size, replace=False)
            _, parent = max((population[at] for at in rivals), key=lambda member: member[0])
            child = pool.mutate(parent, rng)
            population.append(((yield Trial(child)), child))

    def _guided(
        self, pool: Pool, rng: np.random.Generator, first: list[Architecture], guide: Guide
    ) -> Steps:
        trained = Trained(pool)
        batch = first
        while batch:
            for architecture in batch:
                trained.add(architecture, (yield Trial(architecture)))
            guide.fit(trained.architectures, trained.accuracies)
            size = trained.next_batch(self.batch)
            wanted = guide.affordable(self.candidates, size)
            candidates = trained.new_mutants(self.parents, wanted, rng)
            order = np.argsort(-guide.query(candidates), kind="stable")
            batch = [candidates[at] for at in order[:size]]
