"""Random search: what every strategy has to beat."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from archcast.search.pool import Pool
from archcast.search.strategy import Guide, Steps, Strategy, Traits, Trial


@dataclass(frozen=True)
class RandomSearch(Strategy):
    """Trains architectures drawn uniformly at random, none twice."""

    traits: ClassVar[Traits] = Traits(
        several=True, paper="Li & Talwalkar, 2019, Random Search and Reproducibility for NAS"
    )

    def steps(self, pool: Pool, rng: np.random.Generator, guide: Guide | None) -> Steps:
        for architecture in pool.shuffled(rng):
            yield Trial(architecture)
