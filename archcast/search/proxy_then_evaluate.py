"""A warm start: look at many architectures untrained, and begin with the most promising."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import ClassVar

import numpy as np
from pydantic import PositiveInt
from pydantic.dataclasses import dataclass

from archcast.search.evolution import regularised
from archcast.search.pool import Pool
from archcast.search.strategy import Guide, Parallel, Steps, Traits


@dataclass(frozen=True)
class ProxyThenEvaluate(Parallel):
    """Regularised evolution that begins with those that a zero-cost predictor likes best.

    The predictor scores `sample` random architectures, and the best of them are the first
    population, as in the warm-up of Abdelfattah et al. (2021).
    """

    sample: PositiveInt = 500
    population: PositiveInt = 30
    tournament: PositiveInt = 10

    traits: ClassVar[Traits] = Traits(
        takes_predictor=True,
        unguided="evolution",
        untrained=True,
        neighbours=True,
        paper="Abdelfattah et al., 2021, Zero-Cost Proxies for Lightweight NAS",
    )

    def loops(self, pool: Pool, rng: np.random.Generator, guide: Guide | None) -> Iterator[Steps]:
        assert guide is not None, "whoever starts a search heeds its traits"
        size = guide.affordable(self.sample, self.population)
        sample = list(islice(pool.shuffled(rng), size))
        guide.fit([], [])
        order = np.argsort(-guide.query(sample), kind="stable")
        first = [sample[at] for at in order[: self.population]]
        yield from regularised(pool, rng, first, self.population, self.tournament)
