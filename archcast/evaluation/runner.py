"""Run many jobs over worker processes; whatever is finished stays finished."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from archcast.evaluation.job import BaseJob
from archcast.evaluation.record import BaseRecord, RecordStore, save_record
from archcast.progress import track
from archcast.tables.benchmark import open_table
from archcast.tables.table import Table
from archcast.workers import run_each

J = TypeVar("J", bound=BaseJob)
R = TypeVar("R", bound=BaseRecord)


def run_jobs(
    jobs: Sequence[J],
    benchmark: str,
    store: RecordStore[R],
    run: Callable[[J, Table], R],
    workers: int = 1,
) -> list[R]:
    """The records of `jobs` in their order; `run` runs those that have none yet.

    `benchmark` is the name or path of the table that all jobs are on. Each record is kept the
    moment its job ends. Numerical libraries run one thread in each process.
    """
    if not jobs:
        return []
    table = open_table(benchmark, jobs[0].dataset)
    keys = [job.key(table.hash) for job in jobs]
    kept = {key: record for key in dict.fromkeys(keys) if (record := store.load(key))}
    todo = {key: job for key, job in zip(keys, jobs, strict=True) if key not in kept}
    work = partial(_run_and_keep, benchmark=benchmark, folder=store.folder, run=run)
    results = run_each(work, list(todo.items()), workers)
    for key, record in track(results, len(todo), "jobs"):
        kept[key] = record
    return [kept[key] for key in keys]


def _run_and_keep(
    item: tuple[str, J], benchmark: str, folder: Path, run: Callable[[J, Table], R]
) -> tuple[str, R]:
    key, job = item
    record = run(job, open_table(benchmark, job.dataset))
    save_record(folder, key, record)
    return key, record
