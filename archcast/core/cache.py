"""Where work is kept that many commands can use: trained supernets, scores of networks.

A job on a machine of a cluster is a guest there: the cache is not that of who asked. What others
may want too it makes only if it is told to, and what it made goes back with its result.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archcast.core.errors import InputError
from archcast.core.files import remove_left_behind


class Wanted(BaseException):
    """A guest lacks a file of the cache, `name`, that others may be making."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def cache_folder(name: str) -> Path:
    """The folder of one kind of work, in `$ARCHCAST_CACHE` or `~/.cache/archcast`."""
    root = os.environ.get("ARCHCAST_CACHE") or Path.home() / ".cache" / "archcast"
    return Path(root) / name


def made_folder(folder: Path) -> Path:
    """The same folder, which is there now and can be written to.

    Raises:
        InputError: it can't be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cache {folder}: {error.strerror}; choose another folder, or set ARCHCAST_CACHE"
        ) from None
    remove_left_behind(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(
            f"cache {folder}: not writable; choose another folder, or set ARCHCAST_CACHE"
        )
    return folder


_may_make: frozenset[str] | None = None  # None: no guest
_made: set[str] = set()


@contextmanager
def as_guest(may_make: frozenset[str]) -> Iterator[set[str]]:
    """Inside, this process is a guest, which may make files of these names.

    Yields the names of what it made, or may have; they are known at the end.
    """
    global _may_make, _made
    _may_make, _made = may_make, {*may_make}
    try:
        yield _made
    finally:
        _may_make = None


def want(path: Path) -> None:
    """Say that a file is to be made that takes long, and that others may want too.

    Raises:
        Wanted: this process is a guest that was not told to make it.
    """
    if _may_make is not None and (name := _name(path)) and name not in _may_make:
        raise Wanted(name)


def made(path: Path) -> None:
    """Say that a file was made, which a guest takes home."""
    if _may_make is not None and (name := _name(path)):
        _made.add(name)


def _name(path: Path) -> str:
    """Of a file in the cache; empty for others."""
    root = cache_folder("")
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else ""
