"""Searches on one data set, judged by another: does what they find carry over?"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np

from archcast.benchmarks.objective import MeasuredOn
from archcast.benchmarks.table import Table
from archcast.core.errors import InputError
from archcast.predictors.predictor import Vector
from archcast.search.search_job import SearchRecord, known_truth
from archcast.studies.experiment import chosen_parts


class Judge:
    """Another table's truth of the architectures that searches found in theirs.

    That is the mean over all runs there, of which a search has seen none, of the objective of the
    same name. The best is the best of the architectures that could be found.
    """

    def __init__(self, searched: Table, judge: Table) -> None:
        """Find the architectures of the table that is searched in the one that judges.

        Raises:
            InputError: there are some that it lacks.
        """
        self.table = judge
        if judge.space != searched.space:
            raise InputError(f"{judge.source} is no judge of {searched.source}: another space")
        try:
            self._at = [judge.index(architecture) for architecture in searched.architectures]
        except KeyError as missing:
            raise InputError(
                f"{judge.source} is no judge of {searched.source}: it lacks {missing.args[0]}"
            ) from None

    def judged(self, records: Iterable[SearchRecord]) -> list[SearchRecord]:
        """The records, with this truth in place of their own.

        Raises:
            InputError: the table that judges lacks the objective, or a search was live.
        """

        @cache
        def truth_and_best(name: str, part: MeasuredOn) -> tuple[Vector, Vector, float]:
            objective = self.table.objective(name)
            there = part if getattr(objective, part) else None
            _, part = chosen_parts(self.table, objective, None, there)
            of_all = self.table.mean_over_runs(self.table.values(objective, part))
            truth = of_all[self._at]
            return of_all, truth, float(truth[np.argmax(objective.signed(truth))])

        found = []
        for record in records:
            if record.job.live:
                raise InputError(f"{self.table.source} is no judge of a live search: it lacks some")
            if not record.job.goal.is_single:
                raise InputError(
                    f"{self.table.source} is no judge of {record.job.goal.name} within limits: a"
                    " judge is of one objective"
                )
            of_all, truth, best = truth_and_best(record.job.objective.name, record.job.truth)
            of_trials = truth[record.architectures].tolist()
            liked = [known_truth(self.table, tuple(each), of_all) for each in record.liked]
            changes = {"truth": of_trials, "best": best, "liked_truth": liked}
            changes["judged_on"] = self.table.dataset
            found.append(record.model_copy(update=changes))
        return found
