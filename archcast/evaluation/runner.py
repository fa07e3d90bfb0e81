"""Run many jobs over worker processes; whatever is finished stays finished."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from archcast.benchmarks.table import Table
from archcast.core.cluster import Cluster
from archcast.core.progress import Above, track
from archcast.core.workers import JobLost, run_each
from archcast.evaluation.job import BaseJob
from archcast.evaluation.preparing import Preparation, preparations
from archcast.evaluation.record import BaseRecord, RecordStore, save_record, say_what_is_mixed
from archcast.predictors.predictor import Predictor

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


class HasJob(Protocol):
    """A job with the objects that it takes to run it."""

    @property
    def job(self) -> BaseJob: ...

    @property
    def predictor(self) -> Predictor | None: ...


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
    results were reused is logged, and so are libraries in several versions and several kinds of
    machine.
    """
    keys = [each.job.key(table.hash) for each in planned]
    found = {key: record for key in dict.fromkeys(keys) if (record := store.load(key))}
    kept = {key: record for key, record in found.items() if not (retry and record.failed)}
    todo = {key: each for key, each in zip(keys, planned, strict=True) if key not in kept}
    say_what_is_reused(len(kept), len(set(keys)), store)
    kept |= run_missing(todo, table, store, run, workers)
    records = [kept[key] for key in keys]
    say_what_is_mixed(records)
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
    above: Above[R] | None = None,
) -> dict[str, R]:
    """Run jobs by key, in the order of `place`, and keep their records as `run_jobs` does.

    What `above` makes of the records so far is shown while others are made; see `track`.
    """
    if todo:
        store.prepare()
    work = partial(_run, table=table, run=run)
    made: dict[str, R] = {}
    items: list[Preparation | tuple[str, P]] = [*todo.items()]
    if not isinstance(workers, Cluster):  # whose machines do not see what is prepared on another
        items += preparations(todo.values())
    items.sort(key=lambda item: place(item if isinstance(item, Preparation) else item[1]))

    def failure(item: Preparation | tuple[str, P], loss: JobLost) -> tuple[str, R] | None:
        if isinstance(item, Preparation):
            return None
        key, planned = item
        return key, store.kind.model_validate(
            {"job": planned.job, "table": table.hash, "error": loss.how}
        )

    results = run_each(work, items, workers, on_loss=failure)

    def shown(done: Sequence[tuple[str, R] | None], console: Console) -> RenderableType | None:
        return above and above([each[1] for each in done if each], console)

    with closing(track(results, len(items), "jobs", shown)) as tracked:
        for result in tracked:
            if result is not None:
                key, record = result
                save_record(store.folder, key, record)
                made[key] = record
    return made


def place(work: Preparation | HasJob) -> tuple[int, int]:
    """Where a job stands in the order of work, by what its predictor needs.

    The quick ones come first, so that something is soon seen, and those that train supernets next.
    Jobs that want the same supernet, as repeats do, are kept apart: one would wait for the other.
    What is shared comes before all that look at networks, in parts so small that no core is left
    alone at the end.
    """
    if isinstance(work, Preparation):
        return 2, 0
    if work.predictor is None:
        return 0, 0
    tags = work.predictor.tags
    if "networks" in tags.needs:
        return 1, work.job.repeat
    if "build" in tags.needs:
        return 3, 0
    return 0, int(tags.learns)


def _run(
    item: Preparation | tuple[str, P], table: Table, run: Callable[[P, Table], R]
) -> tuple[str, R] | None:
    if isinstance(item, Preparation):
        return item(table)
    key, planned = item
    return key, run(planned, table)
