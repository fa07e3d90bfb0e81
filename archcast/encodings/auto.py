"""The encoding that a space names as its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archcast.encodings import registry as encodings
from archcast.spaces import registry as spaces
from archcast.spaces.choices import ChoicesSpace
from archcast.spaces.dag import DagSpace
from archcast.spaces.space import Architecture, Space


def encode(architectures: Sequence[Architecture]) -> NDArray[np.float64]:
    """`Space.encoding`: `graph-features` of cells and graphs, `one-hot` of lists of decisions."""
    return encodings.get(architectures[0].space.encoding)(architectures)


def uses() -> list[object]:
    """The encodings of all spaces: what is computed depends on them."""
    every: list[Space | type[Space]] = [*spaces.all(), ChoicesSpace, DagSpace]
    return [encodings.get(name) for name in sorted({space.encoding for space in every})]


encode.uses = uses  # type: ignore[attr-defined]
