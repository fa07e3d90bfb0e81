"""What a worker of a cluster does for a job: it hosts a process of ours, which does the job.

A job that kills its process does so on a worker as it does here, and costs no other job anything.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import pickle
import platform
from collections.abc import Mapping
from functools import cache, partial
from importlib.metadata import version
from multiprocessing.util import Finalize
from pathlib import Path
from typing import NamedTuple

import cloudpickle

import archcast
from archcast.core.cache import Wanted, as_guest, cache_folder, made_folder
from archcast.core.errors import UnreachableError
from archcast.core.files import replacing
from archcast.core.workers import JobLost, Processes, kept, read_kept, stays


class Outcome(NamedTuple):
    """What comes back of a job: a result; or how it was lost; or what it lacks, by its name."""

    result: bytes = b""
    how: str = ""
    wanted: str = ""
    made: Mapping[str, bytes] = {}  # files of the cache that it made, by their names


@cache
def installed() -> str:
    """What runs here: archcast, as its sources are, and Python."""
    hashed = hashlib.sha256()
    root = Path(archcast.__path__[0])
    for path in sorted(root.rglob("*.py")):
        hashed.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    sources = hashed.hexdigest()[:8]
    return f"archcast {version('archcast')} ({sources}) on Python {platform.python_version()}"


def hosted(
    function: bytes,
    sent: bytes,
    asked_by: str,
    may_make: frozenset[str],
    names: tuple[str, ...],
    *contents: bytes,
) -> Outcome:
    """A job, in a process of its own.

    Args:
        function: pickled.
        sent: what it is called with, pickled.
        asked_by: what is `installed` where the job comes from.
        may_make: names of what the job may make in the cache for others too.
        names: of files for the cache.
        contents: of these files.

    Raises:
        UnreachableError: something else is installed here.
        InputError: the cache can't be written to.
    """
    if asked_by != installed():
        raise UnreachableError(
            f"a worker on {platform.node()} has {installed()}, and not {asked_by}; install the same"
            " there"
        )
    for name, content in zip(names, contents, strict=True):
        put_in_cache(name, content)
    job = partial(_run, kept(function), sent, may_make)
    try:
        outcome: Outcome = _hands().run_sent(pickle.dumps(job), "a job")
    except JobLost as loss:
        return Outcome(how=loss.how)
    return outcome


def _run(function: Path, sent: bytes, may_make: frozenset[str]) -> Outcome:
    try:
        job, (args, kwargs) = read_kept(function), pickle.loads(sent)
    except Exception as error:
        return Outcome(how=stays(error))
    result, wanted = b"", ""
    with as_guest(may_make) as made:
        try:
            result = cloudpickle.dumps(job(*args, **kwargs))
        except Wanted as lack:
            wanted = lack.name
    files = {name: path for name in made if (path := cache_folder(name)).exists()}
    return Outcome(
        result, wanted=wanted, made={name: path.read_bytes() for name, path in files.items()}
    )


def put_in_cache(name: str, content: bytes, anew: bool = False) -> None:
    """Give the cache a file that it has not, or also in place of one that it has.

    Raises:
        InputError: it can't be written.
    """
    path = cache_folder(name)
    if anew or not path.exists():
        with replacing(made_folder(path.parent) / path.name, "set ARCHCAST_CACHE") as aside:
            aside.write_bytes(content)


@cache
def _hands() -> Processes:
    """Feeds the processes of this worker, which end with it."""
    multiprocessing.current_process().daemon = False  # or it might start none
    Finalize(None, Processes.dismiss, exitpriority=0)
    return Processes(1)
