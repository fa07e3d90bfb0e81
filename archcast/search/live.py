"""A search that trains for real what its table lacks."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from archcast.benchmarks.objective import MeasuredOn, Objective
from archcast.benchmarks.table import Table
from archcast.evaluation.engine import truth_of
from archcast.making.ground_truth import Beyond
from archcast.search.open_pool import OpenPool
from archcast.search.pool import Pool
from archcast.search.simulation import Simulation, pool_of
from archcast.spaces.space import Architecture

SEEDS = 4  # that what a search finds is judged by, its own included


class LiveSimulation(Simulation):
    """As a simulation, of the whole space: what the table lacks is trained as its runs were.

    A search is told of one run, by `seed`. What is trained is trained to the end, also where a
    search pays for some epochs only.
    """

    def __init__(
        self,
        table: Table,
        run: NDArray[np.int64],
        objective: Objective,
        label: MeasuredOn,
        device: str,
        seed: int,
    ) -> None:
        super().__init__(table, run, objective, label)
        self.beyond, self.seed, self.known = Beyond.of(table, device), seed, len(table)

    @property
    def strangers(self) -> list[Architecture]:
        """Those that were trained for this search, as their positions have it."""
        return self.table.architectures[self.known :]

    def truth(self, part: MeasuredOn) -> NDArray[np.float64]:
        """What is judged by, of each architecture that the search trained, in its order.

        Of what it returned at some time it is the mean over other runs, as in tables with several;
        these are trained now. Of the others that the table lacks it is the same run's.
        """
        truth = truth_of(self.table, self.objective, part, self.run)[self.log.architectures]
        others = [seed for seed in range(SEEDS) if seed != self.seed]
        lacking = [at for at in self.incumbents() if self.log.architectures[at] >= self.known]
        for at in lacking:
            architecture = self.table.architectures[self.log.architectures[at]]
            runs = self.beyond.trained([(architecture, seed) for seed in others])
            truth[at] = runs.mean_over_runs(runs.values(self.objective, part))[0]
        return truth

    def incumbents(self) -> list[int]:
        """The trials of which each was the best when it came."""
        found: list[int] = []
        best = (0, -np.inf)
        for at, value in enumerate(zip(self.log.epochs, self.log.values, strict=True)):
            signed = value[0], float(self.objective.signed(value[1]))
            if signed > best:
                found, best = [*found, at], signed
        return found

    def _pool(self) -> Pool:
        return _open_pool_of(self.table, self.objective)

    def _index(self, architecture: Architecture) -> int:
        try:
            return super()._index(architecture)
        except KeyError:
            run = self.beyond.trained([(self.table.space.canonical(architecture), self.seed)])
            self._know(self.table.with_runs(run), np.append(self.run, len(self.table.epochs)))
            return super()._index(architecture)


@lru_cache(maxsize=4)
def _open_pool_of(table: Table, objective: Objective) -> OpenPool:
    known = pool_of(table, objective)
    return OpenPool(known.space, known.architectures, known.epochs)
