"""A search of which several trials are pending at a time."""

from __future__ import annotations

import numpy as np

from archcast.predictors.predictor import Vector
from archcast.search.pool import Pool
from archcast.search.strategy import Guide, Loop, Strategy, Trial

TRIES = 20  # for a trial that is not pending
Key = tuple[int, int | None]  # the class of an architecture, and epochs


class AsyncSearch:
    """One search by a strategy: ask whenever a worker is free, tell whenever one is done.

    >>> from archcast.search.random_search import RandomSearch
    >>> from archcast.spaces import registry as spaces
    >>> cells = spaces.get("nasbench201").sample(3, np.random.default_rng(0))
    >>> search = AsyncSearch(
    ...     RandomSearch(), Pool(cells[0].space, cells, 1), np.random.default_rng(1)
    ... )
    >>> first, second = search.ask(), search.ask()
    >>> search.tell(second, 93.0)
    """

    def __init__(
        self, strategy: Strategy, pool: Pool, rng: np.random.Generator, guide: Guide | None = None
    ) -> None:
        self.pool = pool
        self._others = strategy.loops(pool, rng, guide)
        self._free: list[Loop] = []
        self._pending: dict[Key, list[Loop]] = {}  # those that wait for it, the first to ask first

    def ask(self) -> Trial | None:
        """What to train next, and never what is pending; None where nothing is left for now.

        Then there may be something after the next `tell`, if anything is pending.
        """
        for _ in range(TRIES):
            loop = self._free.pop() if self._free else self._another()
            if loop is None or (trial := loop.ask()) is None:
                return None
            waiting = self._pending.setdefault(self._key(trial), [])
            waiting.append(loop)
            if len(waiting) == 1:
                return trial
        return None

    def tell(self, trial: Trial, value: float | Vector) -> None:
        """What a pending trial came to; higher is better.

        Raises:
            ValueError: it is not pending.
        """
        if (waiting := self._pending.pop(self._key(trial), None)) is None:
            raise ValueError(f"{trial.architecture} is not pending: tell comes after ask")
        for loop in waiting:
            loop.tell(value)
        self._free += waiting

    def _another(self) -> Loop | None:
        steps = next(self._others, None)
        return None if steps is None else Loop(steps)

    def _key(self, trial: Trial) -> Key:
        return self.pool.class_of(trial.architecture), trial.epochs
