"""Progress with time left, on standard error, where somebody is looking."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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


def track(items: Iterable[T], total: int, label: str) -> Iterator[T]:
    """Yield `items` under a live bar; silent where standard error is no terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn(label),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    silent = not total or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=silent) as progress:
        yield from progress.track(items, total=total)
