"""Run one search, and record what it trained and what that cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from archcast.benchmarks.objective import MeasuredOn, Objective
from archcast.benchmarks.table import Table
from archcast.core.errors import InputError
from archcast.core.identity import digest, versioned
from archcast.evaluation.engine import (
    UNLABELED_SIZE,
    draw_runs,
    outcome_or_error,
    warm_up,
)
from archcast.evaluation.job import BaseJob, Planned
from archcast.evaluation.record import BaseRecord
from archcast.predictors.predictor import Predictor
from archcast.predictors.predictor_text import configured
from archcast.search.async_search import AsyncSearch
from archcast.search.goal import Goal, Limit, Matrix
from archcast.search.live import SEEDS, LiveSimulation
from archcast.search.several import Counted, Guides
from archcast.search.simulation import PaidGuide, Simulation, goal_truth, told
from archcast.search.stop_rule import StopRule
from archcast.search.strategy import Course, Search, Strategy
from archcast.search.trainings import Trainers, Trainings
from archcast.spaces.space import Architecture, Choices


class SearchJob(BaseJob):
    """One search of a strategy, with a predictor or without.

    `strategy` is its text, and `unguided` that of the strategy that it is to improve on.
    """

    strategy: str
    unguided: str
    others: tuple[Objective, ...] = ()  # objectives besides the first
    limits: tuple[Limit, ...] = ()
    epochs: int = Field(ge=0)  # 0 where no predictor sees learning curves
    budget: int | None = Field(default=None, ge=1)  # whole trainings; None for as many as it may
    seconds: float | None = Field(default=None, gt=0)  # of training; None for any
    truth: MeasuredOn
    live: bool = False  # whether the whole space is searched, and what the table lacks is trained
    at_once: int = Field(default=1, ge=1)  # live: trainings at a time
    wall: float | None = Field(default=None, gt=0)  # live: seconds by the clock; None for any
    stop: str = ""  # the predictor that stops trainings, as text; empty where none does
    threshold: float = 0.0  # the chance of a new best below which it does

    @property
    def title(self) -> str:
        """What it is called where it takes long, or fails."""
        return f"{self.strategy} with {self.predictor or 'no predictor'}"

    @property
    def stops(self) -> str:
        """What stops trainings, as it is shown; empty where nothing does."""
        return f"{self.stop} < {self.threshold:g}" if self.stop else ""

    @property
    def goal(self) -> Goal:
        """What it is after."""
        return Goal((self.objective, *self.others), self.limits)


@dataclass(frozen=True, slots=True)
class PlannedSearch:
    """A search, and the strategy and the unfitted predictor that it is of."""

    job: SearchJob
    strategy: Strategy
    predictor: Predictor | None
    stop: StopRule | None = None
    build: str | None = None  # the function that builds networks that are none of ours


class SearchRecord(BaseRecord):
    """What a search trained, in order; costs are what it had paid when each trial was done.

    The totals may be more: queries that led to no further trial are paid too. `architectures` are
    those trained, as positions in the table; those of a live search that it lacks, `beyond`, stand
    behind its last. Values are in the objective's unit. What a strategy never sees is `truth`, of
    their other runs, and `best`, the best of that in the table; both are of another data set,
    `judged_on`, where that judges.

    With several objectives, or limits, `others` and `other_truth` are of the quantities besides the
    first, by trial, and there is no `best`: what could be found is `front`, by point, and from
    `worst` its hypervolume is counted, of each objective in its unit.
    """

    job: SearchJob
    # That each had been trained for; all of the longest training, where one is whole.
    epochs: list[int] = Field(default_factory=list)
    beyond: list[str] = Field(default_factory=list)
    values: list[float] = Field(default_factory=list)  # what came of each
    stopped: list[int] = Field(default_factory=list)  # those whose training was, by a rule
    others: list[list[float]] = Field(default_factory=list)
    truth: list[float] = Field(default_factory=list)
    other_truth: list[list[float]] = Field(default_factory=list)
    best: float = 0.0  # 0 where the search never began
    front: list[list[float]] = Field(default_factory=list)
    worst: list[float] = Field(default_factory=list)
    judged_on: str | None = None
    liked: list[list[int]] = Field(default_factory=list)  # one-shot: choices, by epoch
    liked_truth: list[float | None] = Field(default_factory=list)  # None: not in the table
    probabilities: list[list[list[float]]] = Field(default_factory=list)  # of options, by epoch
    evaluations: list[float] = Field(default_factory=list)  # trainings paid, in wholes
    training_seconds: list[float] = Field(default_factory=list)  # empty: unknown
    predictor_seconds: list[float] = Field(default_factory=list)  # measured: fits, queries, choices
    total_evaluations: float = 0.0
    total_training_seconds: float = 0.0  # 0 where the table does not say
    total_predictor_seconds: float = 0.0
    source_seconds: float | None = 0.0  # what the guide knew from elsewhere took; None: unknown

    def lists(self) -> Iterable[tuple[Sequence[float], int]]:
        trials = len(self.values)
        each = (self.epochs, self.truth, self.evaluations, self.predictor_seconds)
        yield from ((values, trials) for values in (self.values, self.architectures, *each))
        yield self.training_seconds, trials if self.training_seconds else 0
        further = len(self.job.goal.quantities) - 1
        for rows in (self.others, self.other_truth):
            yield [len(row) for row in rows], trials if further else 0
            yield from ((row, further) for row in rows)
        totals = self.total_evaluations, self.total_training_seconds, self.total_predictor_seconds
        yield (self.best, *totals), 4


@versioned(6)
def run_search_job(
    planned: PlannedSearch, table: Table, trainers: Trainers | None = None
) -> SearchRecord:
    """Replay one search; whatever goes wrong inside it becomes the record's error.

    One that is live may leave training to `trainers`.
    """
    job = planned.job
    # Seconds of the few runs that a live search begins with are another machine's, or hour's.
    begun = digest([*map(str, table.architectures)]) if job.live else table.hash
    rng = job.split_rng(begun)
    run = draw_runs(table, rng, told(table, job.goal, job.label).sum(axis=1))
    truth = goal_truth(table, job.goal, job.truth, run)
    record = SearchRecord(job=job, table=table.hash, **to_find(job.goal, truth))

    def search() -> dict[str, Any]:
        if not (job.goal.is_single or job.live or record.front):
            raise InputError("nothing keeps the limits, by the runs that judge this search")
        known = table, run, job.goal, job.label
        stop = planned.stop and replace(planned.stop, seed=job.predictor_seed(), device=job.device)
        simulation = (
            LiveSimulation(
                *known, job.device, own_seed(job), stop, planned.build, job.title, job.budget
            )
            if job.live
            else Simulation(*known, stop)
        )
        guide = _guide(planned, simulation, rng)
        way = planned.strategy, simulation.pool, rng.spawn(1)[0], guide
        most = job.budget or inf, job.seconds or inf
        if trainers is not None and isinstance(simulation, LiveSimulation):
            journal = trainers.journal(job.key(table.hash))
            trainings = Trainings(simulation.beyond, trainers.workers, journal, job.wall or inf)
            log = simulation.run_async(AsyncSearch(*way), trainings, job.at_once, *most)
            trained = simulation.truth(job.truth, trainers.workers)
        else:
            log = simulation.run_search(Search(*way), *most)
            trained = simulation.truth(job.truth)
        if not log.values and (job.wall or job.seconds):
            given = (("--wall", job.wall), ("--seconds", job.seconds))
            within = " and ".join(f"{name} {value:g}" for name, value in given if value)
            raise InputError(f"no training ends within {within}; give more")
        fallbacks = guide.fallbacks if guide else 0
        course = planned.strategy.course(guide) if guide else Course()
        beyond = simulation.strangers if isinstance(simulation, LiveSimulation) else []
        return {
            **asdict(log),
            "stopped": [*simulation.stopped],
            "liked": [list(each) for each in course.liked],
            "liked_truth": [known_truth(table, tuple(each), truth[:, 0]) for each in course.liked],
            "probabilities": list(course.probabilities),
            "beyond": [str(each) for each in beyond],
            "truth": trained[:, 0].tolist(),
            "other_truth": [] if job.goal.is_single else trained[:, 1:].tolist(),
            "total_evaluations": simulation.evaluations,
            "total_training_seconds": simulation.training_seconds,
            "total_predictor_seconds": simulation.predictor_seconds,
            "source_seconds": guide.source_seconds if guide else 0.0,
            "fallbacks": fallbacks,
        }

    return record.model_copy(update=outcome_or_error(search))


def own_seed(job: SearchJob) -> int:
    """Of the runs that a live search is told of: no other repeat's, and none that judges."""
    return SEEDS + 1 + job.repeat + 10_000 * job.seed


def to_find(goal: Goal, truth: Matrix) -> dict[str, Any]:
    """The best, or the front, of what a table holds, by its truth (architectures, quantities)."""
    signed = goal.signed(truth)
    if goal.is_single:
        return {"best": float(truth[np.nanargmax(signed[:, 0]), 0])}
    shown = truth[:, : len(goal.objectives)]
    at_worst = signed[:, : len(goal.objectives)].argmin(axis=0)
    return {
        "front": np.unique(shown[goal.returned(signed)], axis=0).tolist(),
        "worst": shown[at_worst, range(shown.shape[1])].tolist(),
    }


def known_truth(table: Table, choices: Choices, truth: NDArray[np.float64]) -> float | None:
    """Of the architecture of these choices; None where the table has none."""
    if not table.space.is_valid(choices):
        return None
    try:
        return float(truth[table.index(Architecture(table.space, choices))])
    except KeyError:
        return None


def _guide(
    planned: PlannedSearch, simulation: Simulation, rng: np.random.Generator
) -> PaidGuide | Guides | None:
    job = planned.job
    if (predictor := planned.predictor or planned.strategy.own_guide()) is None:
        return None
    simulation.brings_guide = planned.predictor is None
    unlabeled = rng.permutation(len(simulation.table))[:UNLABELED_SIZE]
    seed = int(rng.integers(2**31))

    def paid(objective: Objective) -> PaidGuide:
        if planned.predictor is not None:
            warm_up(Planned(job, predictor), objective, job.epochs, simulation.table)
        own = configured(predictor, job.predictor_seed(), job.device)
        return PaidGuide(own, simulation, job.epochs, unlabeled, seed, objective)

    if job.goal.is_single:
        return paid(job.objective)
    return Guides(
        [
            Counted(each, partial(simulation.counts, name))
            if (name := simulation.counted(each))
            else paid(each)
            for each in job.goal.quantities
        ]
    )
