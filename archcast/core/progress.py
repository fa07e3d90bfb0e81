"""Progress with time left, on standard error: a bar where somebody is looking, else lines."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from datetime import timedelta
from time import monotonic, thread_time
from typing import Any, TypeVar

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from archcast.core.plain_console import PlainConsole

T = TypeVar("T")
Above = Callable[[Sequence[T], Console], RenderableType | None]


SECONDS = 60.0  # from one line to the next
SHARE = 0.05  # of a core's time that what stands above the bar may take, as far as
WAIT = 3.0  # seconds from one to the next allow

_logger = logging.getLogger("archcast")


def track(
    items: Iterable[T], total: int, label: str, above: Above[T] | None = None
) -> Generator[T]:
    """Yield `items` under a live bar, or log a line each minute where there is no terminal.

    What `above` makes of the items so far stands above the bar; it is called now and then, in
    another thread.
    """
    console = PlainConsole(stderr=True)
    if not console.is_terminal:
        yield from _logged(items, total, label)
        return
    with _Bar(label, console, above, disable=not total) as bar:
        task = bar.add_task("", total=total)
        for item in items:
            yield item
            bar.done.append(item)
            bar.advance(task)


class _Bar(Progress):
    """A bar, and what stands above it."""

    def __init__(
        self, label: str, console: Console, above: Above[Any] | None, disable: bool
    ) -> None:
        self.done: list[Any] = []
        self._above, self._on, self._seen, self._next = above, console, -1, 0.0
        self._shown: RenderableType | None = None
        super().__init__(
            TextColumn(label),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            _LeftColumn(),
            console=console,
            transient=True,
            refresh_per_second=4,
            disable=disable,
        )

    def get_renderables(self) -> Iterator[RenderableType]:
        """The first is above the others."""
        done = [*self.done]
        if self._above and len(done) > self._seen and monotonic() >= self._next:
            begun = thread_time()
            self._shown, self._seen = self._above(done, self._on), len(done)
            self._next = monotonic() + min((thread_time() - begun) / SHARE, WAIT)
        if self._shown is not None:
            yield self._shown
        yield from super().get_renderables()


class _LeftColumn(ProgressColumn):
    """How long the rest takes, if jobs take on as long as those so far; also while none ends."""

    def render(self, task: Task) -> Text:
        if not task.completed or task.total is None:
            return Text("")
        left = _left(task.elapsed or 0.0, int(task.completed), int(task.total))
        return Text(f"left {timedelta(seconds=round(left))}")


class Pace:
    """Says how far a long job is that nobody can look into, a line each minute."""

    def __init__(self) -> None:
        self._last = monotonic()

    def say(self, *said: object) -> None:
        """A line by the arguments of a logger, if it is time for one."""
        if monotonic() - self._last >= SECONDS:
            _logger.warning(*said)
            self._last = monotonic()


def _left(seconds: float, done: int, total: int) -> float:
    return seconds / done * (total - done)


def _logged(items: Iterable[T], total: int, label: str) -> Iterator[T]:
    begun = last = monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = monotonic()
        if now - last >= SECONDS and done < total:
            left = _left(now - begun, done, total)
            _logger.warning("%s: %d of %d, some %.0f min left", label, done, total, left / 60)
            last = now
