"""What keeps memory bounded: a few architectures at a time, and no rows of millions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archcast.core.errors import InputError
from archcast.spaces.space import Architecture

CELLS = 4_000_000  # numbers held at once
MOST_FEATURES = 20_000


def batches(
    architectures: Sequence[Architecture], cells: int, most: int = CELLS
) -> Iterator[Sequence[Architecture]]:
    """Stretches of at most `most` architectures, fewer where each needs many `cells`."""
    size = max(1, min(most, CELLS // cells))
    for start in range(0, len(architectures), size):
        yield architectures[start : start + size]


def refuse_wide(encoding: str, width: int) -> None:
    """Refuse an encoding whose rows would be too long.

    Raises:
        InputError: they have more than 20,000 features.
    """
    if width > MOST_FEATURES:
        raise InputError(
            f"encoding {encoding} has {width} features of such a space, and {MOST_FEATURES} are the"
            " most; use graph-features"
        )
