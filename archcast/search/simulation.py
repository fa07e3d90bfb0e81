"""A search replayed on measured results: what it trains, what that costs, and on whose clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from time import perf_counter
from typing import Literal, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from archcast.evaluation.run import context
from archcast.predictors.base import Context, Predictor, Vector
from archcast.search.pool import Pool
from archcast.search.strategy import Search, Trial
from archcast.spaces.base import Architecture
from archcast.tables.table import Table

T = TypeVar("T")

IDLE = 1_000  # trials in a row of what was trained before, after which a search has stalled


@dataclass
class Log:
    """What a search trained, in order, and its costs when each trial was done."""

    architectures: list[int] = field(default_factory=list)  # positions in the table
    epochs: list[int] = field(default_factory=list)  # that it has been trained for by then
    accuracies: list[float] = field(default_factory=list)  # what the search was told, percent
    evaluations: list[float] = field(default_factory=list)  # whole trainings paid, all told
    training_seconds: list[float] = field(default_factory=list)  # empty where unknown
    predictor_seconds: list[float] = field(default_factory=list)


class Simulation:
    """Training by looking up: one run an architecture, every epoch paid once.

    Isomorphic architectures are one network: the first that is trained stands for all.

    Args:
        table: the results.
        run: the row of the one run that each architecture is known by.
        label: the final accuracy that a search is told, `valid` or `test`.
    """

    def __init__(self, table: Table, run: NDArray[np.int64], label: str) -> None:
        self.table, self.run, self.pool = table, run, pool_of(table)
        self.log = Log()
        self.evaluations = 0.0
        self.training_seconds = 0.0
        self.predictor_seconds = 0.0
        self._final = table.final_accuracy(label)
        self._seconds = table.columns.get("epoch_seconds")
        self._position: dict[int, int] = {}  # of each class, the member that stands for it
        self._paid: dict[int, int] = {}  # epochs, by position

    def position(self, architecture: Architecture) -> int:
        """Of the member that stands for an architecture, which it becomes if none does yet."""
        kind = self.pool.class_of(architecture)
        return self._position.setdefault(kind, self.table.index(architecture))

    def pay(self, architecture: Architecture, epochs: int | None) -> int:
        """Train up to a number of epochs, or to the end; the number that it has got so far."""
        at = self.position(architecture)
        whole = self._whole(at)
        wanted = whole if epochs is None else min(epochs, whole)
        before = self._paid.get(at, 0)
        further = max(0, wanted - before)
        self._paid[at] = before + further
        self.evaluations += further / whole
        if self._seconds is not None:
            self.training_seconds += further * float(self._seconds[self.run[at]])
        return wanted

    def try_(self, trial: Trial) -> float:
        """Train as a trial says, and write it down unless that was done before.

        Returns the validation accuracy in percent.
        """
        before = self.evaluations
        epochs = self.pay(*trial)
        at = self.position(trial.architecture)
        row = self.run[at]
        if epochs == self._whole(at):
            accuracy = float(self._final[row])
        else:
            accuracy = float(self.table.columns["valid_accuracy"][row, epochs - 1])
        if self.evaluations > before:
            self.log.architectures.append(at)
            self.log.epochs.append(epochs)
            self.log.accuracies.append(accuracy)
            self.log.evaluations.append(self.evaluations)
            self.log.predictor_seconds.append(self.predictor_seconds)
            if self._seconds is not None:
                self.log.training_seconds.append(self.training_seconds)
        return accuracy

    def _whole(self, at: int) -> int:
        """Epochs of the whole training run of an architecture."""
        return max(1, int(self.table.epochs[self.run[at]]))

    def run_search(self, search: Search, budget: float) -> Log:
        """Replay a search until it has paid `budget` whole trainings, or has nothing left."""
        idle = 0
        while self.evaluations < budget and idle < IDLE and (trial := search.ask()):
            before = self.evaluations
            search.tell(self.try_(trial))
            idle = idle + 1 if self.evaluations == before else 0
        return self.log


@lru_cache(maxsize=4)
def pool_of(table: Table) -> Pool:
    """All architectures of a table."""
    epochs = int(table.epochs.max()) if "valid_accuracy" in table.columns else 1
    return Pool(table.space, table.architectures, max(1, epochs))


class PaidGuide:
    """A predictor in a search: it sees what was paid for, and its seconds count.

    A query of one that reads learning curves trains each architecture for `epochs` epochs. One that
    does not learn is fitted once, and scores an architecture once.
    """

    def __init__(
        self,
        predictor: Predictor,
        simulation: Simulation,
        epochs: int,
        unlabeled: NDArray[np.int64],
        seed: int,
    ) -> None:
        self.predictor, self.simulation, self.epochs = predictor, simulation, epochs
        self._unlabeled, self._seed = unlabeled, seed
        self._scores: dict[Architecture, float] = {}
        self._fitted = False
        self.fallbacks = 0  # queries answered by a stand-in

    def fit(self, architectures: Sequence[Architecture], labels: Sequence[float]) -> None:
        if self.predictor.tags.learns:
            self._fit(architectures, labels)
        elif not self._fitted:
            self._fit([], [])

    def _fit(self, architectures: Sequence[Architecture], labels: Sequence[float]) -> None:
        facts = self._context(architectures)
        self._timed(lambda: self.predictor.fit(architectures, labels, facts))
        self.simulation.predictor_seconds += self.predictor.saved_seconds_
        self._fitted = True

    @overload
    def query(self, architectures: Sequence[Architecture]) -> Vector: ...

    @overload
    def query(
        self, architectures: Sequence[Architecture], *, return_std: Literal[True]
    ) -> tuple[Vector, Vector]: ...

    def query(
        self, architectures: Sequence[Architecture], *, return_std: bool = False
    ) -> Vector | tuple[Vector, Vector]:
        ask = self.predictor.query
        if return_std:
            return self._ask(
                architectures, lambda facts: ask(architectures, facts, return_std=True)
            )
        if self.predictor.tags.learns:
            return self._ask(architectures, lambda facts: ask(architectures, facts))
        new = [each for each in architectures if each not in self._scores]
        scores = self._ask(new, lambda facts: ask(new, facts))
        self._scores |= dict(zip(new, scores.tolist(), strict=True))
        return np.array([self._scores[each] for each in architectures])

    def _ask(self, architectures: Sequence[Architecture], query: Callable[[Context], T]) -> T:
        facts = self._context(architectures)
        answer = self._timed(lambda: query(facts))
        self.fallbacks += self.predictor.fallbacks_
        return answer

    def _context(self, architectures: Sequence[Architecture]) -> Context:
        if "curves" in self.predictor.tags.needs:
            for architecture in architectures:
                self.simulation.pay(architecture, self.epochs)
        at = [self.simulation.position(each) for each in architectures]
        rows = self.simulation.run[np.array(at, dtype=np.int64)]
        return context(
            self.simulation.table, rows, self.predictor, self.epochs, self._unlabeled, self._seed
        )

    def _timed(self, work: Callable[[], T]) -> T:
        start = perf_counter()
        result = work()
        self.simulation.predictor_seconds += perf_counter() - start
        return result
