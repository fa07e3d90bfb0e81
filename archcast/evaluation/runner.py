"""Run many jobs over worker processes; whatever is finished stays finished."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from joblib import Parallel, delayed, parallel_config
from threadpoolctl import threadpool_limits

from archcast.evaluation.job import BaseJob
from archcast.evaluation.record import BaseRecord, RecordStore, save_record
from archcast.progress import track
from archcast.tables.benchmark import open_table
from archcast.tables.table import Table

J = TypeVar("J", bound=BaseJob)
R = TypeVar("R", bound=BaseRecord)

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


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
    results = _run(todo, benchmark, store.folder, run, workers)
    for key, record in track(results, len(todo), "jobs"):
        kept[key] = record
    return [kept[key] for key in keys]


def _run(
    todo: dict[str, J],
    benchmark: str,
    folder: Path,
    run: Callable[[J, Table], R],
    workers: int,
) -> Iterator[tuple[str, R]]:
    if workers == 1:
        with _one_thread():
            for key, job in todo.items():
                yield _run_and_keep(key, job, benchmark, folder, run)
        return
    with parallel_config(backend="loky", n_jobs=workers, inner_max_num_threads=1):
        yield from Parallel(return_as="generator_unordered")(
            delayed(_run_and_keep)(key, job, benchmark, folder, run) for key, job in todo.items()
        )


def _run_and_keep(
    key: str, job: J, benchmark: str, folder: Path, run: Callable[[J, Table], R]
) -> tuple[str, R]:
    record = run(job, open_table(benchmark, job.dataset))
    save_record(folder, key, record)
    return key, record


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread for numerical libraries, those loaded already and those still to come."""
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    try:
        with threadpool_limits(1):
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
