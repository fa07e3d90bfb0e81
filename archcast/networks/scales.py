"""How large networks are, and what stands around what a space decides: a class a kind of space."""

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


@dataclass(frozen=True, slots=True)
class Stacks:
    """Three stacks of cells; their channels double each.

    `momentum` is that of batch norm's statistics, in PyTorch's meaning.
    """

    channels: int = 128
    cells: int = 3
    stem_stride: int = 1
    momentum: float = 0.003


@dataclass(frozen=True, slots=True)
class Widths:
    """What layers are: `cell`s of NATS-Bench and residual reductions, or a `convolution` each.

    A width of 8 is `unit` channels, and others in proportion.
    """

    unit: int = 8
    stem_stride: int = 1
    layer: Literal["cell", "convolution"] = "cell"


@dataclass(frozen=True, slots=True)
class Stages:
    """Widths and strides of stages, the stem before, and the 1x1 convolution behind.

    `lead` is the width of a block without expansion between stem and stages; 0 has none.
    """

    stem: int
    widths: tuple[int, ...]
    strides: tuple[int, ...]
    head: int
    lead: int = 0
    stem_stride: int = 1
    activation: Literal["relu", "relu6"] = "relu"


@dataclass(frozen=True, slots=True)
class CellRow:
    """Cells one behind the other; those in `reductions` halve the image and double the channels.

    The stem is three times as wide as `channels`.
    """

    channels: int
    cells: int
    reductions: tuple[int, ...]
    stem_stride: int = 1


@dataclass(frozen=True, slots=True)
class Recurrence:
    """How wide the states of a recurrent network are.

    Weights are drawn between `-initial` and `initial`. What is dropped in training are shares: of
    embedded inputs, of these once more where the cell reads them, of states wherever they are
    multiplied by weights, and of outputs.
    """

    width: int
    initial: float
    dropped_inputs: float = 0.0
    dropped_steps: float = 0.0
    dropped_states: float = 0.0
    dropped_outputs: float = 0.0


@dataclass(frozen=True, slots=True)
class GraphStages:
    """Three stages of the nodes of a graph; widths double from stage to stage.

    `channels` is the width of the first one; None takes the greatest with which convolutions have
    no more than `weights` of them. Operations are a 3x3 `convolution`, or a `separable` one.
    """

    channels: int | None = None
    weights: int = 4_000_000
    operation: Literal["convolution", "separable"] = "convolution"
    stem_stride: int = 1
    head: int = 1_280
    dropout: float = 0.2
