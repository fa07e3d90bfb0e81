from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archcast.spaces.space import Architecture


def encode(architectures: Sequence[Architecture]) -> NDArray[np.float64]:
    """How often each option is chosen."""
    return np.array(
        [[a.choices.count(option) for option in range(3)] for a in architectures], dtype=np.float64
    )
