"""A few architectures at a time, and so is memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archcast.spaces.space import Architecture

CELLS = 4_000_000  # numbers held at once


def batches(
    architectures: Sequence[Architecture], cells: int, most: int = CELLS
) -> Iterator[Sequence[Architecture]]:
    """Stretches of at most `most` architectures, fewer where each needs many `cells`."""
    size = max(1, min(most, CELLS // cells))
    for start in range(0, len(architectures), size):
        yield architectures[start : start + size]
