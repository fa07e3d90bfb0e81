"""Random search: what every strategy has to beat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from archcast.search.pool import Pool
from archcast.search.strategy import Guide, Parallel, Steps, Traits, Trial


@dataclass(frozen=True)
class RandomSearch(Parallel):
    """Trains architectures drawn uniformly at random, none twice."""

    traits: ClassVar[Traits] = Traits(
        several=True, paper="Li & Talwalkar, 2019, Random Search and Reproducibility for NAS"
    )

    def loops(self, pool: Pool, rng: np.random.Generator, guide: Guide | None) -> Iterator[Steps]:
        drawn = pool.shuffled(rng)
        while True:
            yield (Trial(architecture) for architecture in drawn)
