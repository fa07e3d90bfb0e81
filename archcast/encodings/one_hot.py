"""The options that an architecture chose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archcast.spaces.space import Architecture, choice_matrix


def encode(architectures: Sequence[Architecture]) -> NDArray[np.float64]:
    """One feature an option of a decision, in the order of `Space.decisions`: 1 where chosen."""
    sizes = [len(options) for options in architectures[0].space.decisions]
    columns = choice_matrix(architectures) + np.cumsum([0, *sizes[:-1]])
    encoded = np.zeros((len(architectures), sum(sizes)))
    np.put_along_axis(encoded, columns, 1, axis=1)
    return encoded
