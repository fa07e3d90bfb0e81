"""How good what a search returns is: its regret, and where it is a front, what that misses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from archcast.evaluation.pareto_front import hypervolume_regret, on_front
from archcast.predictors.predictor import Vector
from archcast.search.goal import Goal, Matrix, matrix
from archcast.search.search_job import SearchRecord
from archcast.search.simulation import returned_after

Trials = Sequence[int] | NDArray[np.int64]  # their numbers


def incumbent_regrets(record: SearchRecord) -> Vector:
    """The regret of what would be returned after each trial.

    With one objective it is in its unit, and where nothing keeps the limits, what would be returned
    is the worst; with several it is how much of the hypervolume is missing, in percent.
    """
    job = record.job
    returned = returned_after(job.goal, record.epochs, record.values, record.others)
    if job.goal.is_single:
        truth = np.array(record.truth, dtype=np.float64)[[at for (at,) in returned]]
        return np.asarray(job.objective.signed(record.best) - job.objective.signed(truth))
    missing: dict[tuple[int, ...], float] = {}
    front = Front.of(record)
    for each in map(tuple, returned):
        if each not in missing:
            missing[each] = front.regret(each)
    return np.array([missing[tuple(each)] for each in returned])


@dataclass(frozen=True, slots=True, eq=False)
class Front:
    """What a search of several objectives, or within limits, could find, and found: signed."""

    goal: Goal
    truth: Matrix  # (trials, quantities)
    points: Matrix  # the best that there are (points, objectives)
    worst: Vector

    @classmethod
    def of(cls, record: SearchRecord) -> Self:
        """As a record tells of it."""
        goal = record.job.goal
        signs = goal.signed(np.ones((1, len(goal.quantities))))[:, : len(goal.objectives)]
        truth = goal.signed(matrix(record.truth, record.other_truth))
        points = np.reshape(record.front, (-1, len(goal.objectives)))
        return cls(goal, truth, signs * points, (signs * record.worst)[0])

    def found(self, trials: Trials) -> Matrix:
        """The true values (points, objectives) of those that keep the limits in truth."""
        truth = self.truth[list(trials)]
        kept = self.goal.violations(truth) == 0
        found: Matrix = truth[kept][:, : len(self.goal.objectives)]
        return found

    def regret(self, trials: Trials) -> float:
        """Of returning these trials: see `incumbent_regrets`."""
        if not len(self.points):
            return np.nan
        share = hypervolume_regret(self.found(trials), self.points, self.worst)
        several = len(self.goal.objectives) > 1
        return share * (100.0 if several else float(self.points[0, 0] - self.worst[0]))

    def distance(self, trials: Trials) -> float:
        """Mean distance of the best points there are to what was found (IGD+, Ishibuchi, 2015).

        In shares of the range of each objective. Where nothing that was found keeps the limits, it
        is that of the worst values.
        """
        from moocore import igd_plus

        if not len(self.points):
            return np.nan
        found = np.vstack([self.found(trials), self.worst])
        range_ = np.maximum(self.points.max(axis=0) - self.worst, 1e-12)
        return float(igd_plus(found / range_, ref=self.points / range_, maximise=True))


def with_finds(records: Iterable[SearchRecord]) -> list[SearchRecord]:
    """The records; the best, or the front, of live ones holds what any of them has returned too.

    Of a few architectures that a table begins with there may be no front to speak of.
    """
    given = list(records)
    live: dict[tuple[Any, ...], list[SearchRecord]] = {}
    for record in given:
        if record.job.live:
            live.setdefault(_sought(record), []).append(record)
    known = {
        sought: (_best if some[0].job.goal.is_single else _front)(some)
        for sought, some in live.items()
        if any(record.values for record in some)
    }
    return [
        each.model_copy(update=known.get(_sought(each), {})) if each.job.live else each
        for each in given
    ]


def _sought(record: SearchRecord) -> tuple[Any, ...]:
    """What is searched for, where, and how it is judged."""
    return record.table, record.job.goal, record.job.truth, record.judged_on


def _best(records: Sequence[SearchRecord]) -> dict[str, Any]:
    """The best of the table, unless live searches for it returned better."""
    signed = records[0].job.objective.signed
    most, beaten = -np.inf, False
    for record in (each for each in records if each.values):
        returned = returned_after(record.job.goal, record.epochs, record.values)
        found = max(signed(record.truth[at]) for [at] in returned)
        beaten |= found > signed(record.best)
        most = max(most, found, signed(record.best))
    return {"best": signed(most)} if beaten else {}


def _front(records: Sequence[SearchRecord]) -> dict[str, Any]:
    """The front and the worst of the table and of all that live searches for it returned."""
    goal = records[0].job.goal
    points, worst = [], []
    for record in records:
        front = Front.of(record)
        points.append(front.points)
        worst.append(front.worst[np.newaxis])
        if record.values:
            returned = returned_after(goal, record.epochs, record.values, record.others)
            points.append(front.found(sorted({*chain.from_iterable(returned)})))
    every = np.vstack(points)
    signs = np.array([each.signed(1.0) for each in goal.objectives])
    return {
        "front": (signs * np.unique(every[on_front(every)], axis=0)).tolist(),
        "worst": (signs * np.vstack([every, *worst]).min(axis=0)).tolist(),
    }


def ending(record: SearchRecord) -> dict[str, Any]:
    """What a search of several objectives, or within limits, returns at its end.

    Its `returned` true values and the best there are, `front`, (points, objectives) in the units of
    `axes`; the `distance` of the one to the other; and which share of it is `broken`: breaks a
    limit in truth, which counts as all where it returns nothing. None and NaN of other searches,
    and `broken` is NaN where there is no limit.
    """
    goal = record.job.goal
    axes = [f"{each.name} ({each.unit})" if each.unit else each.name for each in goal.objectives]
    if goal.is_single or not record.values:
        return dict.fromkeys(("axes", "returned", "front")) | {"distance": np.nan, "broken": np.nan}
    front = Front.of(record)
    last = np.flatnonzero(goal.returned(goal.signed(matrix(record.values, record.others))))
    broken = float((goal.violations(front.truth[last]) > 0).mean()) if len(last) else 1.0
    return {
        "axes": axes,
        "returned": goal.signed(front.truth[last])[:, : len(axes)],
        "front": np.array(record.front),
        "distance": front.distance(last),
        "broken": broken if goal.limits else np.nan,
    }
