"""Run many jobs over worker processes; whatever is finished stays finished."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any, Protocol, TypeVar

from archcast.benchmarks.table import Table
from archcast.core.progress import track
from archcast.core.workers import JobLost, run_each
from archcast.evaluation.job import BaseJob
from archcast.evaluation.record import BaseRecord, RecordStore, save_record, say_what_is_mixed


class HasJob(Protocol):
    """A job with the objects that it takes to run it."""

    @property
    def job(self) -> BaseJob: ...


P = TypeVar("P", bound=HasJob)
R = TypeVar("R", bound=BaseRecord)
_logger = logging.getLogger("archcast")


def run_jobs(
    planned: Sequence[P],
    table: Table,
    store: RecordStore[R],
    run: Callable[[P, Table], R],
    workers: int | Executor = 1,
    retry: bool = True,
) -> list[R]:
    """The records of jobs on `table`, in their order; `run` runs those that have none yet.

    Those that failed are run again, unless `retry` is false. Each record is kept the moment its job
    ends; that of one that kills the process that it runs in, where that is not this one, or that
    can't go there, is a failure. Numerical libraries run one thread in each process. How many
    results were reused is logged, and so are libraries in several versions.
    """
    keys = [each.job.key(table.hash) for each in planned]
    found = {key: record for key in dict.fromkeys(keys) if (record := store.load(key))}
    kept = {key: record for key, record in found.items() if not (retry and record.failed)}
    todo = {key: each for key, each in zip(keys, planned, strict=True) if key not in kept}
    say_what_is_reused(len(kept), len(set(keys)), store)
    kept |= run_missing(todo, table, store, run, workers)
    records = [kept[key] for key in keys]
    say_what_is_mixed(record.versions for record in records)
    return records


def say_what_is_reused(count: int, of: int, store: RecordStore[Any]) -> None:
    """Log how many results are not computed."""
    if count:
        _logger.warning("%d of %d results reused from %s", count, of, store.folder)


def run_missing(
    todo: Mapping[str, P],
    table: Table,
    store: RecordStore[R],
    run: Callable[[P, Table], R],
    workers: int | Executor,
) -> dict[str, R]:
    """Run jobs by key, and keep their records as `run_jobs` does."""
    if todo:
        store.prepare()
    work = partial(_run, table=table, run=run)
    made: dict[str, R] = {}

    def failure(item: tuple[str, P], loss: JobLost) -> tuple[str, R]:
        key, planned = item
        return key, store.kind.model_validate(
            {"job": planned.job, "table": table.hash, "error": loss.how}
        )

    results = run_each(work, todo.items(), workers, on_loss=failure)
    for key, record in track(results, len(todo), "jobs"):
        save_record(store.folder, key, record)
        made[key] = record
    return made


def _run(item: tuple[str, P], table: Table, run: Callable[[P, Table], R]) -> tuple[str, R]:
    key, planned = item
    return key, run(planned, table)
