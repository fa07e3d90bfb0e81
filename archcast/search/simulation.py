"""A search replayed on measured results: what it trains, what that costs, and on whose clock."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache, partial
from math import inf
from time import perf_counter
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from archcast.benchmarks.objective import COUNTED, MeasuredOn, Objective
from archcast.benchmarks.table import Table
from archcast.evaluation.engine import context, label_seconds, truth_of
from archcast.predictors.helpers.paying import paying_once
from archcast.predictors.predictor import Context, Predictor, Vector
from archcast.search.goal import Goal, Matrix, matrix
from archcast.search.pool import Pool
from archcast.search.stop_rule import Foresight, StopRule
from archcast.search.strategy import Guide, Search, Trial
from archcast.spaces.space import Architecture

T = TypeVar("T")
A = TypeVar("A", Vector, tuple[Vector, Vector])

IDLE = 1_000  # trials in a row of what was trained before, after which a search has stalled
ROUNDING = 1e-9  # of sums of parts of evaluations


@dataclass
class Log:
    """What a search trained, in order, and what it had cost when each trial was done."""

    architectures: list[int] = field(default_factory=list)  # positions in the table
    epochs: list[int] = field(default_factory=list)  # of training by then; all of the longest
    # training, where it is whole and went well
    values: list[float] = field(default_factory=list)  # of the first objective, in its unit
    others: list[list[float]] = field(default_factory=list)  # of the other quantities, by trial
    evaluations: list[float] = field(default_factory=list)  # whole trainings paid
    training_seconds: list[float] = field(default_factory=list)  # empty where unknown
    predictor_seconds: list[float] = field(default_factory=list)  # and the strategy's own

    def cut(self, trials: int) -> None:
        """Forget all but the first so many trials."""
        for each in fields(self):
            del getattr(self, each.name)[trials:]


class Simulation:
    """Training by looking up: one run an architecture, every epoch paid once.

    Isomorphic architectures are one network: the first that is trained stands for all.

    Args:
        table: the results.
        run: the row of the one run that each architecture is known by.
        goal: what is searched for.
        label: which of its values a search is told; of a quantity without such, the others.
        stop: what ends trainings early; None for nothing.
    """

    is_live = False  # whether it trains what the table lacks
    _counted = frozenset(COUNTED)

    def __init__(
        self,
        table: Table,
        run: NDArray[np.int64],
        goal: Goal,
        label: MeasuredOn,
        stop: StopRule | None = None,
    ) -> None:
        self.goal, self.label, self.stop = goal, label, stop
        self._know(table, run)
        self.pool = self._pool()
        self.log = Log()
        self.evaluations = 0.0
        self.training_seconds = 0.0
        self.predictor_seconds = 0.0
        self._apart = 0.0
        self.brings_guide = False  # whether the strategy's own guide, a supernet, is what it pays
        self._position: dict[int, int] = {}  # of each class, the member that stands for it
        self._paid: dict[int, int] = {}  # epochs, by position
        self._told: dict[int, int] = {}  # epochs of the last result that the search was told
        self.stopped: dict[int, int] = {}  # epochs after which a training was
        self.foretold: dict[int, float] = {}  # how they would have ended; higher is better
        self._foresight: Foresight | None = None

    def _know(self, table: Table, run: NDArray[np.int64]) -> None:
        self.table, self.run = table, run
        self._final = told(table, self.goal, self.label)
        self._seconds = epoch_prices(table, run, self.goal.dearest)

    def _pool(self) -> Pool:
        return pool_of(self.table, self.goal)

    def _index(self, architecture: Architecture) -> int:
        return self.table.index(architecture)

    def position(self, architecture: Architecture) -> int:
        """Of the member that stands for an architecture, which it becomes if none does yet."""
        kind = self.pool.class_of(architecture)
        if kind not in self._position:
            self._position[kind] = self._index(architecture)
        return self._position[kind]

    def truth(self, part: MeasuredOn) -> Matrix:
        """What is judged by, (trials, quantities), of each architecture that the search trained."""
        return goal_truth(self.table, self.goal, part, self.run)[self.log.architectures]

    def counted(self, objective: Objective) -> str | None:
        """The column of an objective that `counts` gives; None of another."""
        name, *others = objective.columns
        return None if others or name not in self._counted else name

    def counts(self, name: str, architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        """A column that is counted of an untrained network, and costs nothing."""
        at = [self.position(each) for each in architectures]
        column: NDArray[np.float64] = self.table.columns[name][self.run[at]].astype(np.float64)
        return column

    def pay(self, architecture: Architecture, epochs: int | None) -> int:
        """Train up to a number of epochs, or to the end; the number that it has got so far."""
        at = self.position(architecture)
        whole = self._whole(at)
        wanted = whole if epochs is None else min(epochs, whole)
        before = self._paid.get(at, 0)
        further = max(0, wanted - before)
        self._paid[at] = before + further
        self.evaluations += further / self._parts(at)
        if self._seconds is not None:
            self.training_seconds += further * float(self._seconds[at])
        return wanted

    def try_(self, trial: Trial) -> float | Vector:
        """Train as a trial says, and write it down unless the search knows what comes of it.

        Returns what came of it, as higher is better: a number, or (quantities,).
        """
        epochs = self._train(*trial)
        at = self.position(trial.architecture)
        row = self.run[at]
        whole = epochs == self._whole(at)
        if whole:
            value, *others = self._final[row].tolist()
        else:
            curve = self.table.curve_of(self.goal.objectives[0])
            assert curve is not None, "a pool of one epoch has no shorter trials"
            if not self.goal.is_single:
                raise ValueError(f"{self.goal.name}: known after whole trainings only")
            value, others = float(self.table.columns[curve][row, epochs - 1]), []
        if epochs > self._told.get(at, 0):
            self._told[at] = epochs
            self.log.architectures.append(at)
            went_well = whole and at not in self.stopped and not self.table.diverged[row]
            self.log.epochs.append(max(1, int(self.table.epochs.max())) if went_well else epochs)
            self.log.values.append(value)
            if others:
                self.log.others.append(others)
            self.log.evaluations.append(self.evaluations)
            self.log.predictor_seconds.append(self.predictor_seconds)
            if self._seconds is not None:
                self.log.training_seconds.append(self.training_seconds)
        if at in self.foretold and (trial.epochs is None or trial.epochs >= self._parts(at)):
            return self.foretold[at]
        signed: Vector = self.goal.signed(np.array([value, *others]))
        return float(signed[0]) if self.goal.is_single else signed

    def _train(self, architecture: Architecture, epochs: int | None) -> int:
        """As `pay`, and no further than is hopeful."""
        at = self.position(architecture)
        if self.stop is None:
            return self.pay(architecture, epochs)
        if at not in self.stopped and (foresight := self._foresight_now()):
            before, known = foresight.seconds, self._paid.get(at, 0)
            wanted = self._whole(at) if epochs is None else epochs
            for reached in range(max(1, known), wanted):
                self.pay(architecture, reached)
                if foresight.is_hopeless(self.table, self.run[at], reached):
                    self.stopped[at], self.foretold[at] = reached, foresight.foretold
                    break
            self.predictor_seconds += foresight.seconds - before
        return self.stopped[at] if at in self.stopped else self.pay(architecture, epochs)

    def _foresight_now(self) -> Foresight | None:
        """What is foretold of a training that begins now."""
        assert self.stop is not None
        trained = zip(self.log.architectures, self.log.epochs, strict=True)
        ended = [
            at for at, epochs in trained if epochs >= self._whole(at) and at not in self.stopped
        ]
        last, now = self._foresight, self.stop.foresight(self.table, self.run[ended])
        if last and now and np.array_equal(last.rows, now.rows):
            now.name = last.name
        self._foresight = now
        return now

    def _whole(self, at: int) -> int:
        """Epochs of the whole training run of an architecture."""
        return max(1, int(self.table.epochs[self.run[at]]))

    def _parts(self, at: int) -> int:
        """As how many epochs an evaluation of an architecture counts."""
        return self._whole(at)

    def run_search(self, search: Search, budget: float = inf, seconds: float = inf) -> Log:
        """Replay a search until it has nothing left to pay with, or to try.

        It may pay `budget` whole trainings, the last one wholly, or `seconds` of training, that of
        a supernet too, in which what is not finished never happens.
        """
        idle = 0
        enough = budget - ROUNDING
        while self.evaluations < enough and idle < IDLE and (trial := self.chosen(search.ask)):
            known = len(self.log.architectures)
            value = self.try_(trial)
            if self.is_over(seconds, known):
                break
            self.chosen(partial(search.tell, value))
            idle = idle + 1 if len(self.log.architectures) == known else 0
        return self.log

    def chosen(self, step: Callable[[], T]) -> T:
        """What a step of a strategy gives; its seconds count as its guide's, which count apart."""
        begun, apart = perf_counter(), self._apart
        result = step()
        self.predictor_seconds += perf_counter() - begun - (self._apart - apart)
        return result

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Meanwhile nothing is chosen: seconds are counted by whoever does this, or not at all."""
        begun = perf_counter()
        try:
            yield
        finally:
            self._apart += perf_counter() - begun

    def is_over(self, seconds: float, known: int) -> bool:
        """Whether the last training took too long; then what is beyond `known` trials is undone."""
        own = self.predictor_seconds if self.brings_guide else 0.0
        if self.training_seconds + own <= seconds:
            return False
        self.log.cut(known)
        self.training_seconds = max(0.0, seconds - own)
        return True


def incumbents(epochs: Sequence[int], values: Sequence[float], objective: Objective) -> list[int]:
    """After each trial which one was the best so far: of the most epochs the best value."""
    found: list[int] = []
    best = (0, -np.inf)
    for at, (trained, value) in enumerate(zip(epochs, values, strict=True)):
        signed = float(objective.signed(value))
        if (trained, signed) > best:
            best, incumbent = (trained, signed), at
        found.append(incumbent)
    return found


def returned_after(
    goal: Goal,
    epochs: Sequence[int],
    values: Sequence[float],
    others: Sequence[Sequence[float]] = (),
) -> list[list[int]]:
    """After each trial which trials a search would return: the best so far, or a front."""
    if goal.is_single:
        return [[at] for at in incumbents(epochs, values, goal.objectives[0])]
    signed = goal.signed(matrix(values, others))
    found: list[list[int]] = []
    front: list[int] = []
    for at in range(len(signed)):
        rivals = [*front, at]
        front = [rivals[i] for i in np.flatnonzero(goal.returned(signed[rivals]))]
        found.append(front)
    return found


def epoch_prices(
    table: Table, run: NDArray[np.int64], objective: Objective
) -> NDArray[np.float64] | None:
    """Seconds of an epoch of each architecture's run, or as large a part of a measurement.

    None where the table does not say what these take, or they take nothing.
    """
    if objective.needs_training:
        return table.epoch_seconds if bool(table.lengths.all()) else None
    every = np.arange(len(table))
    whole = label_seconds(table, objective, every, run)
    return None if whole is None or not whole.any() else whole / np.maximum(1, table.epochs[run])


def told(table: Table, goal: Goal, label: MeasuredOn) -> Matrix:
    """What searches are told of each run, (rows of the table, quantities), in their units."""
    return np.column_stack([table.values(each, each.part(label)) for each in goal.quantities])


def goal_truth(table: Table, goal: Goal, part: MeasuredOn, run: NDArray[np.int64]) -> Matrix:
    """What searches are judged by, (architectures of the table, quantities), in their units."""
    return np.column_stack(
        [truth_of(table, each, each.part(part), run) for each in goal.quantities]
    )


@lru_cache(maxsize=4)
def pool_of(table: Table, goal: Goal) -> Pool:
    """All architectures of a table."""
    epochs = int(table.epochs.max())
    curve = table.curve_of(goal.objectives[0])
    by_epoch = curve is not None and table.columns[curve].shape[1] >= epochs and goal.is_single
    return Pool(table.space, table.architectures, max(1, epochs) if by_epoch else 1, goal)


class PaidGuide(Guide):
    """A predictor in a simulation: it sees what was paid for, and its seconds count.

    It is of one objective. A query of one that reads learning curves trains each architecture for
    `epochs` epochs. One that does not learn is fitted once, and scores an architecture once; so do
    the parts of one that learns, as far as they can be kept.
    """

    def __init__(
        self,
        predictor: Predictor,
        simulation: Simulation,
        epochs: int,
        unlabeled: NDArray[np.int64],
        seed: int,
        objective: Objective,
    ) -> None:
        super().__init__(predictor)
        self.simulation, self.epochs, self.objective = simulation, epochs, objective
        whole = max(1, int(simulation.table.epochs.max()))
        self.evidence = epochs / whole if self._reads_curves else 0.0
        self._unlabeled, self._seed = unlabeled, seed
        self._scores: dict[Architecture, float] = {}
        self._fitted = False
        self._paid: set[Hashable] = set()

    @property
    def _reads_curves(self) -> bool:
        return "curves" in self.predictor.tags.needs

    def fit(self, architectures: Sequence[Architecture], labels: Sequence[float]) -> None:
        if self._fitted and not self.predictor.tags.learns:
            return
        known = (architectures, labels) if self.predictor.tags.learns else ([], [])
        with self.simulation.apart():
            facts = self._context(known[0])
            self._timed(lambda: self.predictor.fit(*known, facts))
        self.source_seconds = self.predictor.source_seconds_
        self._fitted = True

    def query(self, architectures: Sequence[Architecture]) -> Vector:
        if self.predictor.tags.learns:
            return self._ask(architectures, self.predictor.query)
        new = [each for each in architectures if each not in self._scores]
        scores = self._ask(new, self.predictor.query)
        self._scores |= dict(zip(new, scores.tolist(), strict=True))
        return np.array([self._scores[each] for each in architectures])

    def query_with_std(self, architectures: Sequence[Architecture]) -> tuple[Vector, Vector]:
        ask = self.predictor.query
        return self._ask(architectures, lambda asked, facts: ask(asked, facts, return_std=True))

    def _ask(
        self,
        architectures: Sequence[Architecture],
        query: Callable[[Sequence[Architecture], Context], A],
    ) -> A:
        with self.simulation.apart():
            facts = self._context(architectures)
            answer = self._timed(lambda: query(architectures, facts))
        if not np.isfinite(answer).all():
            raise ValueError("predictions are not all finite")
        self.fallbacks += self.predictor.fallbacks_
        return answer

    def _context(self, architectures: Sequence[Architecture]) -> Context:
        if self._reads_curves:
            for architecture in architectures:
                self.simulation.pay(architecture, self.epochs)
        needs, columns = self.predictor.tags.needs, self.predictor.tags.columns
        counted = self.simulation.is_live and "columns" in needs
        measured = self._reads_curves or ("columns" in needs and not counted)
        at = [self.simulation.position(each) for each in architectures if measured]
        rows = self.simulation.run[np.array(at, dtype=np.int64)]
        facts = context(
            self.simulation.table,
            rows,
            self.predictor,
            self.objective,
            self.epochs,
            self._unlabeled,
            self._seed,
        )
        if counted:
            of_networks = {name: self.simulation.counts(name, architectures) for name in columns}
            facts = replace(facts, columns=of_networks)
        return facts

    def _timed(self, work: Callable[[], T]) -> T:
        start = perf_counter()
        with paying_once(self._paid):
            result = work()
        self.simulation.predictor_seconds += perf_counter() - start + self.predictor.saved_seconds_
        return result
