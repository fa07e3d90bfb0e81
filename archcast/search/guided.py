"""What a guided search has trained so far, and the loop that such searches share."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from typing import Any

import numpy as np

from archcast.predictors.predictor import Vector
from archcast.search.pool import Pool
from archcast.search.strategy import Guide, Steps, Trial
from archcast.spaces.space import Architecture

TRIES = 20  # for each new mutant
GROWTH = 0.1  # of what is trained, in a batch


class Trained:
    """Architectures with their values, higher is better, as their trainings ended."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.architectures: list[Architecture] = []
        self.values: list[Any] = []  # as told: numbers, or (quantities,)
        self._classes: set[int] = set()

    def begin(self, architecture: Architecture) -> None:
        """Nobody is to propose it again."""
        self._classes.add(self.pool.class_of(architecture))

    def add(self, architecture: Architecture, value: Any) -> None:
        self.architectures.append(architecture)
        self.values.append(value)

    def next_batch(self, least: int) -> int:
        """How many to train before the predictor learns again: a tenth more, or `least`.

        Early on, when it knows little, it learns often; its fits remain few as they get longer.
        """
        return max(least, round(GROWTH * len(self.architectures)))

    def best(self, n: int) -> list[Architecture]:
        """The `n` best for the goal, best first."""
        if not self.values:
            return []
        order = self.pool.goal.order(np.reshape(self.values, (len(self.values), -1)))
        return [self.architectures[at] for at in order[:n]]

    def new_mutants(self, parents: int, n: int, rng: np.random.Generator) -> list[Architecture]:
        """Up to `n` mutants of the best, none trained or isomorphic to another.

        The parents have equally many; a mutant that is not new is mutated further. Before anything
        is trained they are random.
        """
        if not self.architectures:
            return self.new_random(n, rng, besides=[])
        ancestors = cycle(self.best(parents))

        def walk() -> Iterator[Architecture]:
            mutant = next(ancestors)
            while True:
                mutant = self.pool.mutate(mutant, rng)
                yield mutant

        return self._new(walk, n, set(self._classes))

    def new_random(
        self, n: int, rng: np.random.Generator, besides: Sequence[Architecture]
    ) -> list[Architecture]:
        """Up to `n` random ones, none trained or isomorphic to another or to those `besides`."""

        def draws() -> Iterator[Architecture]:
            while True:
                yield self.pool.draw(rng)

        return self._new(draws, n, self._classes | {self.pool.class_of(each) for each in besides})

    def _new(
        self, walk: Callable[[], Iterator[Architecture]], n: int, seen: set[int]
    ) -> list[Architecture]:
        """The first of each of `n` walks that is of no class seen."""
        found = []
        for _ in range(n):
            for architecture in islice(walk(), TRIES):
                if (kind := self.pool.class_of(architecture)) not in seen:
                    seen.add(kind)
                    found.append(architecture)
                    break
        return found


Scored = tuple[list[Architecture], Vector]


def train_the_best(
    pool: Pool,
    rng: np.random.Generator,
    guide: Guide,
    start: int,
    batch: int,
    score: Callable[[Trained, int], Scored],
) -> Iterator[Steps]:
    """Train `start` random architectures, and then, again and again, a batch of the best scored.

    Before each batch the guide learns from all that was trained. `score` gives candidates and how
    much each is worth training, from what was trained and the size of the batch. `batch` is the
    least size: it grows with what was trained. A guide that ranks without labels chooses the first
    too, and there is no random start. Who is free while the first are in training trains another.
    """
    trained = Trained(pool)
    left = deque([] if guide.informed else islice(pool.shuffled(rng), start))
    enough = len(left)

    def choose() -> list[Architecture]:
        if len(trained.values) < enough:
            return trained.new_random(1, rng, besides=[])
        guide.fit(trained.architectures, trained.values)
        size = trained.next_batch(batch)
        candidates, worth = score(trained, size)
        return [candidates[at] for at in np.argsort(-worth, kind="stable")[:size]]

    def loop() -> Steps:
        while True:
            if not left:
                left.extend(choose())
            if not left:
                return
            architecture = left.popleft()
            trained.begin(architecture)
            trained.add(architecture, (yield Trial(architecture)))

    while True:
        yield loop()


def explored(worth: Vector, size: int, share: float, rng: np.random.Generator) -> Vector:
    """How much candidates are worth, where random ones take some places in a batch of `size`.

    Each place goes with chance `share` to any candidate but the best, which take the others. What
    is trained by its score alone never says where the guide errs, which then holds on to one
    region: it has seen too little of the others to like them.
    """
    order = np.argsort(-worth, kind="stable")
    best = max(0, min(size, len(order)) - int(rng.binomial(size, share)))
    found = worth.copy()
    found[rng.permutation(order[best:])[: size - best]] = np.inf
    return found
