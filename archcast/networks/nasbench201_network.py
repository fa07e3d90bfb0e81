"""NAS-Bench-201 cells as torch modules, in any skeleton."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from archcast.spaces.nasbench201 import EDGES, OPERATIONS
from archcast.spaces.space import Architecture


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
    in_channels: int = 3
    classes: int = 10


OFFICIAL = Skeleton()
MINI = Skeleton(channels=8, cells=1, stem_stride=2, reduction="pool", in_channels=1)


class Stacked(nn.Module):
    """What stands around cells, which `cell` makes for a number of channels."""

    def __init__(self, cell: Callable[[int], nn.Module], skeleton: Skeleton) -> None:
        super().__init__()
        width = skeleton.channels
        self.stem = nn.Sequential(
            nn.Conv2d(skeleton.in_channels, width, 3, skeleton.stem_stride, 1, bias=False),
            nn.BatchNorm2d(width),
        )
        reduction = ResidualReduction if skeleton.reduction == "residual" else PoolReduction
        stages: list[nn.Module] = []
        for stage in range(3):
            if stage:
                stages.append(reduction(width, 2 * width))
                width *= 2
            stages += [cell(width) for _ in range(skeleton.cells)]
        self.stages = nn.Sequential(*stages)
        self.norm = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU())
        self.classifier = nn.Linear(width, skeleton.classes)

    def head(self, features: Tensor) -> Tensor:
        """Logits of what the last stage made."""
        logits: Tensor = self.classifier(self.norm(features).mean(dim=(2, 3)))
        return logits


class Network(Stacked):
    """One cell, stacked in a skeleton: from images (n, c, h, w) to logits (n, classes)."""

    def __init__(self, architecture: Architecture, skeleton: Skeleton = OFFICIAL) -> None:
        super().__init__(partial(Cell, architecture), skeleton)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.stages(self.stem(images)))


class Cell(nn.Module):
    """Four nodes; each sums what its incoming edges make of earlier nodes."""

    def __init__(self, architecture: Architecture, channels: int) -> None:
        super().__init__()
        self.edges = nn.ModuleList(
            operation(OPERATIONS[choice], channels) for choice in architecture.choices
        )

    def forward(self, features: Tensor) -> Tensor:
        return sum_at_nodes(features, lambda edge, source: self._send(self.edges[edge], source))

    @staticmethod
    def _send(operation: nn.Module, source: Tensor) -> Tensor | None:
        return None if isinstance(operation, Zero) else operation(source)


def sum_at_nodes(features: Tensor, send: Callable[[int, Tensor], Tensor | None]) -> Tensor:
    """The last node of a cell; `send` is what an edge makes of its source, None for nothing."""
    nodes = [features]
    for node in (1, 2, 3):
        terms = [
            term
            for edge, (source, target) in enumerate(EDGES)
            if target == node and (term := send(edge, nodes[source])) is not None
        ]
        nodes.append(sum(terms[1:], terms[0]) if terms else torch.zeros_like(features))
    return nodes[-1]


class Zero(nn.Module):
    """The operation `none`."""

    def forward(self, features: Tensor) -> Tensor:
        return torch.zeros_like(features)


def operation(name: str, channels: int) -> nn.Module:
    """One operation of the space; all keep the shape of their input."""
    match name:
        case "none":
            return Zero()
        case "skip_connect":
            return nn.Identity()
        case "nor_conv_1x1":
            return relu_conv_norm(channels, channels, 1)
        case "nor_conv_3x3":
            return relu_conv_norm(channels, channels, 3)
        case "avg_pool_3x3":
            return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    raise KeyError(name)


def relu_conv_norm(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """ReLU, convolution and batch norm: the order inside cells."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(c_out),
    )


class ResidualReduction(nn.Module):
    """The residual block with stride 2 between the stages of NAS-Bench-201."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            relu_conv_norm(c_in, c_out, 3, stride=2), relu_conv_norm(c_out, c_out, 3)
        )
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, ceil_mode=True), nn.Conv2d(c_in, c_out, 1, bias=False)
        )

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = self.main(features) + self.shortcut(features)
        return out


class PoolReduction(nn.Sequential):
    """Halve the image, rounding up, and double the channels with as few weights as possible."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__(
            nn.ReLU(),
            nn.AvgPool2d(2, ceil_mode=True),
            nn.Conv2d(c_in, c_out, 1, bias=False),
            nn.BatchNorm2d(c_out),
        )
