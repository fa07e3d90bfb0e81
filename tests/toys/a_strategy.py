from __future__ import annotations

from dataclasses import dataclass

from archcast.search.strategy import Strategy, Trial


@dataclass(frozen=True)
class InPairs(Strategy):
    """Random draws, each followed by a neighbour."""

    def steps(self, pool, rng, guide):  # type: ignore[no-untyped-def]
        while True:
            first = pool.draw(rng)
            yield Trial(first)
            yield Trial(pool.mutate(first, rng))
