"""Trainings of a live search: several at a time, by the clock, and going on after a kill."""

from __future__ import annotations

import json
import logging
import os
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any, Self

from filelock import FileLock

from archcast.core.errors import InputError
from archcast.core.files import append_line, read_whole, whole_lines
from archcast.core.workers import HEED, JobLost, submitting
from archcast.making.ground_truth import Asked, Beyond
from archcast.making.table_training import lost
from archcast.search.stop_rule import Watch

Row = dict[str, Any]
SECONDS, FORETOLD = "watched_seconds", "foretold"  # of a row, and no columns of a table
_logger = logging.getLogger("archcast")


@dataclass(frozen=True, slots=True)
class Trainers:
    """Who trains for searches, and where these keep in which order trainings ended."""

    workers: int | Executor
    folder: Path

    def journal(self, name: str) -> Path:
        return self.folder / f"{name}.journal"


@dataclass(frozen=True, slots=True)
class Ended:
    """A line of a journal: a training that ended, and how long the search had taken by then."""

    text: str
    seconds: float
    row: Row | None  # of a training that was watched; empty of one that was lost
    at: int  # the byte where the line begins
    end: int  # and where the next one does


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
        self._flying: dict[str, tuple[Asked, Watch | None]] = {}
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
            self._own_folder()
            entering.enter_context(FileLock(self.journal.with_suffix(".lock")))
            self._past = deque(ended_in(self.journal))
            if self.journal.exists():
                os.truncate(self.journal, self._past[-1].end if self._past else 0)
            self._before = 0.0  # seconds, by the last training that is gone through
            self._begun = monotonic()
            work = partial(_trained, beyond=self.beyond)
            self._submit = entering.enter_context(submitting(work, self.workers))
            self._leaving = entering.pop_all()
        return self

    def __exit__(self, *failure: Any) -> None:
        """Leave those that are in flight."""
        for future in self._futures:
            future.cancel()
        left = (_LeftError, _LeftError(), None) if self._flying else (None, None, None)
        self._leaving.__exit__(*(failure if failure[0] else left))

    def begin(self, asked: Asked, watch: Watch | None = None) -> None:
        """Begin a training, which may be watched."""
        self._flying[json.dumps([str(asked[0]), asked[1]])] = asked, watch
        if not self._past:
            self._go_on()

    def end(self) -> tuple[Asked, Row] | None:
        """Wait for the next training to end; None where the time is over before.

        The row of a training that was lost, with the processes that it ran in, is empty.
        """
        if self._past and self._past[0].text not in self._flying:
            _logger.warning("%s: is of another course of the search, which goes on", self.journal)
            os.truncate(self.journal, self._past[0].at)
            self._past.clear()
            self._begun = monotonic()
            self._go_on()
        if self._past:
            ended = self._past.popleft()
            self._before = ended.seconds
            asked, _ = self._flying.pop(ended.text)
            row = ended.row
            if row is None:
                row = self.beyond.kept(asked) or _outcome(asked, self._submit((asked, None)))
            if not self._past:
                self._begun = monotonic()
                self._go_on()
            return asked, row
        done: set[Future[Row]] = set()
        while not done:
            if not self._futures or (left := self.wall - self.seconds) <= 0.0:
                return None
            done, _ = wait(self._futures, min(left, HEED), FIRST_COMPLETED)
        future = next(each for each in self._futures if each in done)  # the first to begin
        text = self._futures.pop(future)
        asked, watch = self._flying.pop(text)
        row = _outcome(asked, future)
        self._append(text, row if watch or not row else None)
        return asked, row

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
        for text, each in self._flying.items():
            if text not in with_workers:
                self._futures[self._submit(each)] = text

    def _own_folder(self) -> None:
        try:
            self.journal.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{self.journal}: can't be written ({error.strerror})") from None

    def _append(self, text: str, row: Row | None) -> None:
        try:
            with self.journal.open("ab") as file:
                append_line(file, [text, self.seconds, row])
        except OSError as error:
            raise InputError(f"{self.journal}: can't be written ({error.strerror})") from None


def ended_in(journal: Path) -> list[Ended]:
    """What a journal tells, up to a line that a kill has cut."""
    found: list[Ended] = []
    at = 0
    try:
        whole = whole_lines(read_whole(journal))
    except FileNotFoundError:
        return found
    for line in whole.splitlines(keepends=True):
        try:
            text, seconds, row = json.loads(line)
            if row and not {"architecture", "seed", "diverged", "train_loss"} <= row.keys():
                break
            found.append(
                Ended(str(text), float(seconds), row and dict(row), at, at := at + len(line))
            )
        except (AttributeError, ValueError, TypeError, RecursionError):
            break
    return found


def stopped_in(folder: Path, beyond: Beyond) -> list[Row]:
    """The runs that were stopped early, by the journals of a folder."""
    rows = [ended.row for path in sorted(folder.glob("*.journal")) for ended in ended_in(path)]
    stopped = [row for row in rows if row and beyond.is_stopped(row)]
    apart = SECONDS, FORETOLD
    return [{name: row[name] for name in row if name not in apart} for row in stopped]


def _outcome(asked: Asked, future: Future[Row]) -> Row:
    """A row; none of a training that no process survives."""
    try:
        return future.result()
    except JobLost as loss:
        return lost(asked, loss)


def _trained(item: tuple[Asked, Watch | None], beyond: Beyond) -> Row:
    """A row; of a training that was watched with the `SECONDS` that this took, and how it ends."""
    asked, watch = item
    row = beyond.row(asked, watch)
    if watch is None:
        return row
    return row | {SECONDS: watch.foresight.seconds, FORETOLD: watch.foresight.foretold}


class _LeftError(Exception):
    """Tells workers that nobody waits for what they are at."""
