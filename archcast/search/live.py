"""A search that trains for real what its table lacks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from archcast.benchmarks.objective import MeasuredOn, Objective
from archcast.benchmarks.table import Table
from archcast.evaluation.engine import truth_of
from archcast.making.ground_truth import Beyond
from archcast.search.open_pool import OpenPool
from archcast.search.pool import Pool
from archcast.search.simulation import Simulation, incumbents, pool_of
from archcast.spaces.space import Architecture

SEEDS = 4  # that what a search finds is judged by, its own included
COUNTED = {  # columns that are known of an untrained network
    "parameters": Beyond.parameters,
    "flops": Beyond.flops,
}


class LiveSimulation(Simulation):
    """As a simulation, of the whole space: what the table lacks is trained as its runs were.

    A search is told of one run, by `seed`. What is trained is trained to the end, also where a
    search pays for some epochs only.
    """

    is_live = True

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

        Of what it returned at some time it is the mean over other runs, which are trained now where
        the table has none. Of others with a single run it is that run's.
        """
        truth = truth_of(self.table, self.objective, part, self.run)[self.log.architectures]
        runs = np.diff(self.table.starts)
        returned = incumbents(self.log.epochs, self.log.values, self.objective)
        for at in dict.fromkeys(returned):
            position = self.log.architectures[at]
            if runs[position] == 1:
                own = int(self.table.columns["seed"][self.run[position]])
                architecture = self.table.architectures[position]
                others = [(architecture, seed) for seed in range(SEEDS) if seed != own]
                trained = self.beyond.trained(others)
                truth[at] = trained.mean_over_runs(trained.values(self.objective, part))[0]
        return truth

    def facts(self, name: str, architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        """A column of `COUNTED`, without any training."""
        counts = [COUNTED[name](self.beyond, each) for each in architectures]
        return np.array(counts, dtype=np.float64)

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
