"""What several predictors of a split share is made once, before their jobs."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from archcast.benchmarks.table import Table
from archcast.evaluation.engine import context, split
from archcast.evaluation.job import Job, Planned
from archcast.predictors.predictor_text import configured

PARTS = 8  # of the shared work of a split, for as many workers


@dataclass(frozen=True, slots=True)
class Preparation:
    """A part of what the predictors of jobs on one split share."""

    planned: tuple[Planned[Job], ...]
    part: int

    def __call__(self, table: Table) -> None:
        """Do it; what fails here fails again, and is told, in the jobs."""
        with suppress(Exception):
            job = self.planned[0].job
            parts = split(job, table)
            predictors = [
                configured(each.predictor, each.job.predictor_seed(), job.device)
                for each in self.planned
            ]
            neediest = max(predictors, key=lambda predictor: len(predictor.tags.needs))
            rows = parts.run[parts.test]
            facts = context(table, rows, neediest, job.objective, 0, parts.unlabeled, parts.seed)
            test = [table.architectures[i] for i in parts.test]
            predictors[0].prepare(predictors, test, facts, slice(self.part, None, PARTS))


def preparations(planned: Iterable[object]) -> list[Preparation]:
    """What to do before jobs: nothing where no two of them share anything."""
    sharing: dict[object, list[Planned[Job]]] = {}
    for each in planned:
        if not (isinstance(each, Planned) and isinstance(job := each.job, Job)):
            continue
        with suppress(Exception):  # of a predictor that can't work; its job tells
            if shares := each.predictor.shares:
                split_of = job.objective.name, job.label, job.seed, job.repeat, job.test_size
                sharing.setdefault((shares, job.device, *split_of), []).append(each)
    groups = [tuple(group) for group in sharing.values() if len(group) > 1]
    return [Preparation(group, part) for group in groups for part in range(PARTS)]
