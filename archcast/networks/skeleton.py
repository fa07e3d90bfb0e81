"""What stands around cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What stands around the cells of a network: three stages, their channels doubling each.

    `reduction` is what halves the image between stages: `residual` (the residual block of
    NAS-Bench-201) or `pool` (ReLU, 2x2 average pooling, 1x1 convolution and batch norm).
    """

    channels: int = 16
    cells: int = 5
    stem_stride: int = 1
    reduction: Literal["residual", "pool"] = "residual"
