"""Local search: climb to the best neighbour, and start anew on a summit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from archcast.search.pool import Pool
from archcast.search.strategy import Guide, Parallel, Steps, Traits, Trial


@dataclass(frozen=True)
class LocalSearch(Parallel):
    """Trains all neighbours of an architecture and goes to the best, as long as it gets better.

    Where no neighbour is better, it starts anew from a random architecture. Several trainings at a
    time climb from several.
    """

    traits: ClassVar[Traits] = Traits(
        neighbours=True,
        paper="White et al., 2021, Exploring the Loss Landscape in Neural Architecture Search",
    )

    def loops(self, pool: Pool, rng: np.random.Generator, guide: Guide | None) -> Iterator[Steps]:
        starts = pool.shuffled(rng)

        def climb() -> Steps:
            for start in starts:
                here, best = start, (yield Trial(start))
                climbing = True
                while climbing:
                    near = pool.neighbours(here)
                    climbing = False
                    for at in rng.permutation(len(near)):
                        value = yield Trial(near[at])
                        if value > best:
                            here, best, climbing = near[at], value, True

        while True:
            yield climb()
