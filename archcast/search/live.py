"""A search that trains for real what its table lacks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from archcast.benchmarks.objective import MeasuredOn
from archcast.benchmarks.table import Table
from archcast.making.ground_truth import Beyond
from archcast.search.goal import Goal, Matrix
from archcast.search.open_pool import OpenPool
from archcast.search.pool import Pool
from archcast.search.simulation import Simulation, pool_of, returned_after
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
    _counted = frozenset(COUNTED)

    def __init__(
        self,
        table: Table,
        run: NDArray[np.int64],
        goal: Goal,
        label: MeasuredOn,
        device: str,
        seed: int,
    ) -> None:
        super().__init__(table, run, goal, label)
        self.beyond, self.seed, self.known = Beyond.of(table, device), seed, len(table)

    @property
    def strangers(self) -> list[Architecture]:
        """Those that were trained for this search, as their positions have it."""
        return self.table.architectures[self.known :]

    def truth(self, part: MeasuredOn) -> Matrix:
        """What is judged by, (trials, quantities), of each architecture that the search trained.

        Of what it returned at some time it is the mean over other runs, which are trained now where
        the table has none. Of others with a single run it is that run's.
        """
        truth = super().truth(part)
        runs = np.diff(self.table.starts)
        log = self.log
        returned = returned_after(self.goal, log.epochs, log.values, log.others)
        for at in dict.fromkeys(chain.from_iterable(returned)):
            position = log.architectures[at]
            if runs[position] == 1:
                own = int(self.table.columns["seed"][self.run[position]])
                architecture = self.table.architectures[position]
                others = [(architecture, seed) for seed in range(SEEDS) if seed != own]
                trained = self.beyond.trained(others)
                truth[at] = [
                    trained.mean_over_runs(trained.values(each, each.part(part)))[0]
                    for each in self.goal.quantities
                ]
        return truth

    def counts(self, name: str, architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        """A column of `COUNTED`, without any training."""
        counts = [COUNTED[name](self.beyond, each) for each in architectures]
        return np.array(counts, dtype=np.float64)

    def _pool(self) -> Pool:
        return _open_pool_of(self.table, self.goal)

    def _index(self, architecture: Architecture) -> int:
        try:
            return super()._index(architecture)
        except KeyError:
            run = self.beyond.trained([(self.table.space.canonical(architecture), self.seed)])
            self._know(self.table.with_runs(run), np.append(self.run, len(self.table.epochs)))
            return super()._index(architecture)


@lru_cache(maxsize=4)
def _open_pool_of(table: Table, goal: Goal) -> OpenPool:
    known = pool_of(table, goal)
    return OpenPool(known.space, known.architectures, known.epochs, goal)
