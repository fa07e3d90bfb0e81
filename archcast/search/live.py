"""A search that trains for real what its table lacks."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from functools import lru_cache, partial
from itertools import chain
from math import inf

import numpy as np
from numpy.typing import NDArray

from archcast.benchmarks.objective import MeasuredOn
from archcast.benchmarks.table import Table
from archcast.core.progress import Pace
from archcast.making.ground_truth import Asked, Beyond
from archcast.search.async_search import AsyncSearch
from archcast.search.goal import Goal, Matrix
from archcast.search.open_pool import OpenPool
from archcast.search.pool import Pool
from archcast.search.simulation import IDLE, ROUNDING, Log, Simulation, pool_of, returned_after
from archcast.search.stop_rule import StopRule, Watch
from archcast.search.strategy import Trial
from archcast.search.trainings import FORETOLD, SECONDS, Row, Trainings
from archcast.spaces.space import Architecture

SEEDS = 3  # of the runs that judge what a search finds
COUNTED = {  # columns that are known of an untrained network
    "parameters": Beyond.parameters,
    "flops": Beyond.flops,
}


class LiveSimulation(Simulation):
    """As a simulation, of the whole space: what the table lacks is trained as its runs were.

    A search is told of one run, by `seed`. What is trained is trained to the end, also where a
    search pays for some epochs only; unless it is stopped by a rule.
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
        stop: StopRule | None = None,
        build: str | None = None,
        title: str = "a search",
        budget: int | None = None,
    ) -> None:
        """As `Simulation`.

        Args:
            device: where networks train.
            seed: of the runs that the search is told of.
            stop: what ends trainings early; None for nothing.
            build: the function that builds the networks, if they are none of ours.
            title: what the search is called in lines that say how far it is.
            budget: the trainings that these count towards.
        """
        super().__init__(table, run, goal, label, stop)
        self._pace, self._title = Pace(), title
        self._of = "" if budget is None else f" of {budget}"
        self.beyond, self.seed, self.known = Beyond.of(table, device, build), seed, len(table)

    def run_async(
        self,
        search: AsyncSearch,
        trainings: Trainings,
        at_once: int,
        budget: float = inf,
        seconds: float = inf,
    ) -> Log:
        """As `run_search`, with several trainings at a time: whenever one ends the search is asked.

        Trials are logged as they end. It ends when the time of `trainings` is over, too; what is in
        flight then never happens.
        """
        idle = 0
        enough = budget - ROUNDING
        waiting: dict[Asked, list[Trial]] = {}
        whole = int(self.table.epochs.max())

        def in_flight() -> float:
            trials = chain.from_iterable(waiting.values())
            return sum(1.0 if each.epochs is None else each.epochs / whole for each in trials)

        def tell(trial: Trial) -> bool:
            """Whether the search goes on."""
            nonlocal idle
            known = len(self.log.values)
            value = self.try_(trial)
            if self.is_over(seconds, known):
                return False
            self.chosen(partial(search.tell, trial, value))
            idle = idle + 1 if len(self.log.values) == known else 0
            return True

        with trainings:
            while not trainings.is_over:
                while (
                    len(trainings) < at_once
                    and self.evaluations + in_flight() < enough
                    and idle < IDLE
                    and (trial := self.chosen(search.ask))
                ):
                    asked = self._asked(trial.architecture)
                    if self._knows(trial.architecture):
                        if not tell(trial):
                            return self.log
                    elif asked in waiting:
                        waiting[asked].append(trial)
                    else:
                        waiting[asked] = [trial]
                        trainings.begin(asked, self._watch())
                if not waiting or (ended := trainings.end()) is None:
                    break
                asked, row = ended
                row = row or self._lost(asked)
                self.predictor_seconds += row.pop(SECONDS, 0.0)
                foretold = row.pop(FORETOLD, None)
                if not self._knows(asked[0]):  # a guide may have paid for it since
                    self._learn(self.beyond.table([row]))
                    if self.beyond.is_stopped(row):
                        at = self._index(asked[0])
                        self.stopped[at], self.foretold[at] = len(row["train_loss"]), foretold
                if not all(tell(each) for each in waiting.pop(asked)):
                    break
        return self.log

    def _lost(self, asked: Asked) -> Row:
        """What a search is told of a training that was lost: the worst, at the highest costs."""
        row, known = self.beyond.lost(asked), self.table.columns
        costs = ("epoch_seconds", "parameters", "flops", "memory")
        for name in (*costs, f"latency_{self.beyond.setting.device}"):
            if name in known:
                row[name] = np.nanmax(known[name]).item()
        return row

    def _watch(self) -> Watch | None:
        """Who is to watch a training that begins now."""
        if self.stop is None or (foresight := self._foresight_now()) is None:
            return None
        return Watch(foresight, self.beyond)

    def _train(self, architecture: Architecture, epochs: int | None) -> int:
        return self.pay(architecture, epochs)  # of what was stopped, the run is short

    def _parts(self, at: int) -> int:
        recipe = self.beyond.setting.recipe
        return recipe.epochs if at in self.stopped else super()._parts(at)

    @property
    def strangers(self) -> list[Architecture]:
        """Those that were trained for this search, as their positions have it."""
        return self.table.architectures[self.known :]

    def truth(self, part: MeasuredOn, workers: int | Executor = 1) -> Matrix:
        """What is judged by, (trials, quantities), of each architecture that the search trained.

        Of what it returned at some time it is the mean over other runs, which are trained now where
        the table has none. Of others with a single run it is that run's.
        """
        truth = super().truth(part)
        runs = np.diff(self.table.starts)
        log = self.log
        returned = returned_after(self.goal, log.epochs, log.values, log.others)
        found = dict.fromkeys(chain.from_iterable(returned))
        alone = [at for at in found if runs[log.architectures[at]] == 1]
        positions = dict.fromkeys(log.architectures[at] for at in alone)
        others = [asked for position in positions for asked in self._others(position)]
        if others:
            trained = self.beyond.trained(others, workers)
            means = np.column_stack(
                [
                    trained.mean_over_runs(trained.values(each, each.part(part)))
                    for each in self.goal.quantities
                ]
            )
            for at in alone:
                architecture = self.table.architectures[log.architectures[at]]
                truth[at] = means[trained.index(architecture)]
        return truth

    def _others(self, position: int) -> list[Asked]:
        """Further runs of an architecture that has one."""
        own = int(self.table.columns["seed"][self.run[position]])
        architecture = self.table.architectures[position]
        return [(architecture, seed) for seed in range(SEEDS + 1) if seed != own][:SEEDS]

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
            self._learn(self.beyond.trained([self._asked(architecture)]))
            return super()._index(architecture)

    def _asked(self, architecture: Architecture) -> Asked:
        return self.table.space.canonical(architecture), self.seed

    def _learn(self, run: Table) -> None:
        self._know(self.table.with_runs(run), np.append(self.run, len(self.table.epochs)))
        done = len(self.table) - self.known
        self._pace.say("%s: %d%s trainings", self._title, done, self._of)

    def _knows(self, architecture: Architecture) -> bool:
        try:
            super()._index(architecture)
        except KeyError:
            return False
        return True


@lru_cache(maxsize=4)
def _open_pool_of(table: Table, goal: Goal) -> OpenPool:
    known = pool_of(table, goal)
    return OpenPool(known.space, known.architectures, known.epochs, goal)
