"""Jobs on the machines of a cluster, by Dask: as on one machine, and without a shared folder.

What jobs have in common travels once to each worker, by its content; so does what one of them made
for the cache of whoever asked, such as a supernet, to those that want it too.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import pickle
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import cloudpickle

from archcast.core.cache import cache_folder
from archcast.core.device import machine_kind
from archcast.core.errors import InputError, UnreachableError, foreign, told
from archcast.core.files import read_whole
from archcast.core.hosting import Outcome, hosted, installed, put_in_cache
from archcast.core.workers import JobLost, pickled, stays

R = TypeVar("R")
ANSWERS = 20  # seconds within which a scheduler does
_logger = logging.getLogger("archcast")


@dataclass(eq=False)
class _Trip:
    """A job on its way, maybe not for the first time."""

    job: Any  # of Dask: the pickled function
    sent: bytes  # what it is called with
    item: object
    arrived: Future[Any] = field(default_factory=Future)
    carries: set[str] = field(default_factory=set)  # names of files for the worker's cache
    may_make: set[str] = field(default_factory=set)  # and of those that it may make there
    makes: str = ""  # the one among these that others wait for


class Cluster(Executor):
    """The workers of a Dask scheduler. Each of their threads has one job at a time.

    Jobs run in processes of ours beside Dask's. One that kills two of them is lost, and so is one
    whose workers are lost more often than the scheduler allows. Other jobs of lost workers run
    again elsewhere. Whoever opens one leaves it by `shutdown`, or at the end of the process.

    Args:
        where: the scheduler's address, such as `tcp://scheduler:8786`, or the path of the JSON file
            that it wrote. Certificates for `tls://` are those of Dask's configuration.

    Raises:
        InputError: no scheduler answers, or a worker has another archcast or Python.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self._client = _client(where)
        self._executor = self._client.get_executor(pure=False)
        self._held: WeakValueDictionary[str, Any] = WeakValueDictionary()
        self._last: tuple[Callable[..., Any], Any] | None = None
        self._waiting: dict[str, list[_Trip]] = {}  # for what another job makes, by its name
        self._lock = RLock()
        try:
            self._check_workers()
        except BaseException:
            self.shutdown()
            raise

    def _check_workers(self) -> None:
        found = self._client.run(installed, on_error="return")
        for worker, has in found.items():
            if has != installed():
                told_of = told(has) if isinstance(has, BaseException) else has
                raise InputError(
                    f"--cluster {self.where}: {worker} has {told_of}, and not {installed()};"
                    " install the same there"
                )
        if len(kinds := {*self._client.run(machine_kind).values()}) > 1:
            _logger.warning(
                "%s has several kinds of machine, and seconds of trainings are those of any: %s",
                self.where,
                "; ".join(sorted(kinds)),
            )
        if not found:
            _logger.warning("%s has no workers yet; jobs wait for them", self.where)

    def submit(self, job: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        item = args[-1] if args else job
        try:
            sent = cloudpickle.dumps((args, kwargs))
        except Exception as error:  # of any part of the item
            lost: Future[R] = Future()
            lost.set_exception(JobLost(item, stays(error)))
            return lost
        if self._last is None or self._last[0] is not job:  # successive jobs have it in common
            self._last = job, self._hold(pickled(job))
        trip = _Trip(self._last[1], sent, item)
        self._send(trip)
        return trip.arrived

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster; jobs that nobody waited for end there."""
        self._client.close()

    def _hold(self, content: bytes) -> Any:
        """A content on the cluster, which outlives the workers that have it: a task gives it."""
        import dask

        name = f"archcast-{hashlib.sha256(content).hexdigest()}"
        with (
            self._lock,
            dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}),
        ):
            if (held := self._held.get(name)) is None:
                held = self._held[name] = self._client.submit(bytes, content, key=name)
        return held

    def _send(self, trip: _Trip) -> None:
        with self._lock:
            if trip.arrived.cancelled():
                self._release(trip, came=False)
                return
            names = tuple(trip.carries)
            asked = (trip.sent, installed(), frozenset(trip.may_make), names)
            try:
                contents = [self._hold(read_whole(cache_folder(name))) for name in names]
                there = self._executor.submit(hosted, trip.job, *asked, *contents)
            except Exception as error:
                self._end(trip, error)
                return
            trip.arrived.add_done_callback(lambda own: own.cancelled() and there.cancel())
            there.add_done_callback(partial(self._arrive, trip))

    def _arrive(self, trip: _Trip, there: Future[Outcome]) -> None:
        """Hand over what came of a job, or send it again with what it lacked."""
        with self._lock:
            try:
                outcome = self._outcome(trip, there)
                for name, content in outcome.made.items():
                    put_in_cache(name, content, anew=name in trip.may_make)
                    trip.carries.add(name)
                result = pickle.loads(outcome.result) if outcome.result else None
            except BaseException as error:
                self._end(trip, error)
                return
            self._release(trip, came=trip.makes in outcome.made)
            if outcome.wanted:
                self._provide(trip, outcome.wanted)
            elif trip.arrived.set_running_or_notify_cancel():
                trip.arrived.set_result(result)

    def _end(self, trip: _Trip, error: BaseException) -> None:
        self._release(trip, came=False)
        if trip.arrived.set_running_or_notify_cancel():
            trip.arrived.set_exception(error)

    def _outcome(self, trip: _Trip, there: Future[Outcome]) -> Outcome:
        from distributed import KilledWorker

        try:
            outcome = there.result()
        except CancelledError:
            raise UnreachableError(
                f"--cluster {self.where}: the scheduler is gone; what is finished is kept"
            ) from None
        except KilledWorker as error:
            raise JobLost(
                trip.item, f"lost the worker that had it, {error.allowed_failures + 1} times"
            ) from None
        if outcome.how:
            raise JobLost(trip.item, outcome.how)
        return outcome

    def _provide(self, trip: _Trip, name: str) -> None:
        """Send a job again with a file that it lacks: when another has made it, or to make it."""
        if name in self._waiting:
            self._waiting[name].append(trip)
        elif name not in trip.carries and cache_folder(name).exists():
            trip.carries.add(name)
            self._send(trip)
        else:
            self._let_make(trip, name, ())

    def _let_make(self, trip: _Trip, name: str, waiting: Iterable[_Trip]) -> None:
        self._waiting[name] = [*waiting]
        trip.makes = name
        trip.may_make.add(name)
        self._send(trip)

    def _release(self, trip: _Trip, came: bool) -> None:
        """Go on with those that wait for what a job was to make."""
        name, trip.makes = trip.makes, ""
        waiting = self._waiting.pop(name, [])
        if came:
            for each in waiting:
                each.carries.add(name)
                self._send(each)
        elif waiting:
            self._let_make(waiting[0], name, waiting[1:])


@cache
def opened(where: str) -> Cluster:
    """The cluster of an address or a file, one in the whole process."""
    return Cluster(where)


def _client(where: str) -> Any:
    try:
        from distributed import Client
    except ModuleNotFoundError:
        raise InputError("--cluster: needs Dask; install archcast[cluster]") from None
    address = _address_in(Path(where)) if where.endswith(".json") else where
    with foreign(f"--cluster {where}: no scheduler answers"):
        with ThreadPoolExecutor(1) as apart:  # from the loop of a notebook
            apart.submit(asyncio.run, _reach(address)).result()
        return Client(address, set_as_default=False, name="archcast")


def _address_in(path: Path) -> str:
    with foreign(f"--cluster {path}: not written by `dask scheduler --scheduler-file`"):
        return str(json.loads(read_whole(path))["address"])


async def _reach(address: str) -> None:
    """Fail where nobody answers; a client would take a minute to say so, and not in one line."""
    from distributed.comm.core import connect
    from distributed.security import Security

    given = Security().get_connection_args("client")
    comm = await connect(address, timeout=ANSWERS, **given)
    await comm.close()
