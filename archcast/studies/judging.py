"""Searches on one data set, judged by another: does what they find carry over?"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from archcast.benchmarks.table import Table
from archcast.core.errors import InputError
from archcast.search.goal import Goal, limits_text
from archcast.search.search_job import SearchRecord, known_truth, to_find
from archcast.studies.experiment import chosen_parts


class Judge:
    """Another table's truth of the architectures that searches found in theirs.

    That is the mean over all runs there, of which a search has seen none, of the objectives of the
    same names, and limits are of what is true there. The best, or the front, is that of the
    architectures that could be found.
    """

    def __init__(self, searched: Table, judge: Table, goal: Goal) -> None:
        """Find what searches for a goal on one table are judged by in the other.

        Raises:
            InputError: it is the same table, it lacks some architectures or an objective, or
                nothing there keeps the limits.
        """
        self.table = judge
        if judge.hash == searched.hash or (
            searched.mixed and judge.averaged().hash == searched.hash
        ):
            raise InputError(
                f"{judge.source} is no judge of itself: searches have seen its runs; leave it out"
            )
        if judge.space != searched.space:
            raise InputError(f"{judge.source} is no judge of {searched.source}: another space")
        try:
            at = [judge.index(architecture) for architecture in searched.architectures]
        except KeyError as missing:
            raise InputError(
                f"{judge.source} is no judge of {searched.source}: it lacks {missing.args[0]}"
            ) from None
        columns = []
        for name in (each.name for each in goal.quantities):
            there = judge.objective(name)
            _, part = chosen_parts(judge, there, None, there.part(goal.objectives[0].truth))
            columns.append(judge.mean_over_runs(judge.values(there, part)))
        self._of_all = np.column_stack(columns)  # (architectures there, quantities)
        self._truth = self._of_all[at]
        if goal.violations(goal.signed(self._truth)).min() > 0:
            raise InputError(
                f"--limit {limits_text(goal.limits)}: nothing in {judge.source}, which judges,"
                " keeps it"
            )
        self._to_find = to_find(goal, self._truth)

    def judged(self, records: Iterable[SearchRecord]) -> list[SearchRecord]:
        """The records of searches for that goal, with this truth in place of their own.

        Raises:
            InputError: a search was live.
        """
        found = []
        for record in records:
            if record.job.live:
                raise InputError(f"{self.table.source} is no judge of a live search: it lacks some")
            of_trials = self._truth[record.architectures]
            of_all = self._of_all[:, 0]
            changes = {
                **self._to_find,
                "truth": of_trials[:, 0].tolist(),
                "other_truth": [] if record.job.goal.is_single else of_trials[:, 1:].tolist(),
                "liked_truth": [known_truth(self.table, tuple(x), of_all) for x in record.liked],
                "judged_on": self.table.dataset,
            }
            found.append(record.model_copy(update=changes))
        return found
