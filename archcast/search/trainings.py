"""Trainings of a live search: several at a time, by the clock, and going on after a kill."""

from __future__ import annotations

import json
import logging
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import ExitStack
from dataclasses import dataclass
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any, Self

from filelock import FileLock

from archcast.core.cache import made_folder
from archcast.core.errors import InputError
from archcast.core.files import read_whole
from archcast.core.workers import submitting
from archcast.making.ground_truth import Asked, Beyond

Row = dict[str, Any]
_logger = logging.getLogger("archcast")


@dataclass(frozen=True, slots=True)
class Trainers:
    """Who trains for searches, and where these keep in which order trainings ended."""

    workers: int | Executor
    folder: Path

    def journal(self, name: str) -> Path:
        return self.folder / f"{name}.journal"


@dataclass(frozen=True, slots=True)
class _Ended:
    """A line of a journal: a training that ended, and how long the search had taken by then."""

    text: str
    seconds: float
    at: int  # the byte where the line begins


class Trainings:
    """The trainings in flight of one search.

    In which order they end is kept in a journal. After a kill the same trainings end in the same
    order, without being trained again, so that the search comes to where it was.

    Args:
        beyond: trains, and keeps what it has trained.
        workers: processes, or an executor.
        journal: the file.
        wall: seconds by the clock that there are, over all times that it was begun.
    """

    def __init__(
        self, beyond: Beyond, workers: int | Executor, journal: Path, wall: float = inf
    ) -> None:
        self.beyond, self.workers, self.journal, self.wall = beyond, workers, journal, wall
        self._flying: dict[str, Asked] = {}
        self._futures: dict[Future[Row], str] = {}
        self._leaving = ExitStack()

    def __len__(self) -> int:
        """How many are in flight."""
        return len(self._flying)

    def __enter__(self) -> Self:
        """Wait for the end of another process that runs the same search, and read its journal.

        Raises:
            InputError: the journal can't be written to.
        """
        with ExitStack() as entering:
            lock = made_folder(self.beyond.folder) / f"{self.journal.stem}.search.lock"
            entering.enter_context(FileLock(lock))
            self._past = deque(self._read())
            self._before = self._past[-1].seconds if self._past else 0.0
            self._begun = monotonic()
            self._submit: Callable[[Asked], Future[Row]] = entering.enter_context(
                submitting(self.beyond.row, self.workers)
            )
            self._leaving = entering.pop_all()
        return self

    def __exit__(self, *failure: Any) -> None:
        """Leave those that are in flight."""
        for future in self._futures:
            future.cancel()
        left = (_LeftError, _LeftError(), None) if self._flying else (None, None, None)
        self._leaving.__exit__(*(failure if failure[0] else left))

    def begin(self, asked: Asked) -> None:
        """Begin a training."""
        self._flying[self._text(asked)] = asked
        if not self._past:
            self._go_on()

    def end(self) -> tuple[Asked, Row] | None:
        """Wait for the next training to end; None where the time is over before."""
        if self._past and self._past[0].text not in self._flying:
            _logger.warning("%s: is of another course of the search, which goes on", self.journal)
            os.truncate(self.journal, self._past[0].at)
            self._past.clear()
            self._go_on()
        if self._past:
            asked = self._flying.pop(self._past.popleft().text)
            row = self.beyond.row(asked)
            if not self._past:
                self._begun = monotonic()
                self._go_on()
            return asked, row
        left = None if self.wall == inf else max(0.0, self.wall - self.seconds)
        done, _ = wait(self._futures, left, FIRST_COMPLETED)
        if not done:
            return None
        future = next(iter(done))
        text = self._futures.pop(future)
        row = future.result()
        self._append(text)
        return self._flying.pop(text), row

    @property
    def seconds(self) -> float:
        """By the clock, without what a kill lost."""
        return self._before + monotonic() - self._begun

    @property
    def is_over(self) -> bool:
        """Whether the time is up; never while what was there before is gone through."""
        return not self._past and self.seconds >= self.wall

    def _go_on(self) -> None:
        """Hand over what is in flight and with no worker yet."""
        with_workers = {*self._futures.values()}
        for text, asked in self._flying.items():
            if text not in with_workers:
                self._futures[self._submit(asked)] = text

    @staticmethod
    def _text(asked: Asked) -> str:
        architecture, seed = asked
        return json.dumps([str(architecture), seed])

    def _append(self, text: str) -> None:
        try:
            with self.journal.open("a") as file:
                file.write(json.dumps([text, self.seconds]) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise InputError(f"{self.journal}: can't be written ({error.strerror})") from None

    def _read(self) -> list[_Ended]:
        """The lines; from one that a kill has cut on, they are removed."""
        found: list[_Ended] = []
        at = 0
        try:
            content = read_whole(self.journal)
        except FileNotFoundError:
            return found
        for line in content.splitlines(keepends=True):
            try:
                text, seconds = json.loads(line)
                found.append(_Ended(str(text), float(seconds), at))
            except (ValueError, TypeError, RecursionError):
                break
            at += len(line)
        if at < len(content):
            os.truncate(self.journal, at)
        return found


class _LeftError(Exception):
    """Tells workers that nobody waits for what they are at."""
