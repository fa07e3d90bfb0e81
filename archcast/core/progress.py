"""Progress with time left, on standard error: a bar where somebody is looking, else lines."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from time import monotonic
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

T = TypeVar("T")


SECONDS = 60.0  # from one line to the next

_logger = logging.getLogger("archcast")


def track(items: Iterable[T], total: int, label: str) -> Iterator[T]:
    """Yield `items` under a live bar, or log a line each minute where there is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield from _logged(items, total, label)
        return
    columns = (
        TextColumn(label),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not total) as progress:
        yield from progress.track(items, total=total)


def _logged(items: Iterable[T], total: int, label: str) -> Iterator[T]:
    begun = last = monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = monotonic()
        if now - last >= SECONDS and done < total:
            left = (now - begun) / done * (total - done)
            _logger.warning("%s: %d of %d, some %.0f min left", label, done, total, left / 60)
            last = now
