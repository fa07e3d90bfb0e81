"""DARTS cells as torch modules."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from archcast.networks.blocks import conv_norm, relu_conv_norm
from archcast.networks.scales import CellRow
from archcast.spaces.darts import NODES, OPERATIONS, Cell, cells_of
from archcast.spaces.space import Architecture
from archcast.tasks.task import Signature

STEM = 3  # times the channels of the first cell


class RowOfCells(nn.Module):
    """From images (n, c, h, w) to logits (n, classes); each cell reads the two before it."""

    def __init__(self, architecture: Architecture, signature: Signature, scale: CellRow) -> None:
        super().__init__()
        normal, reduction = cells_of(architecture)
        width = STEM * scale.channels
        self.stem = conv_norm(signature.shape[0], width, 3, scale.stem_stride)
        cells: list[nn.Module] = []
        older, newer, channels, halved = width, width, scale.channels, False
        for number in range(scale.cells):
            reduces = number in scale.reductions
            if reduces:
                channels *= 2
            cell = reduction if reduces else normal
            cells.append(JoinedNodes(cell, older, newer, channels, reduces, halved))
            older, newer, halved = newer, len(NODES) * channels, reduces
        self.cells = nn.ModuleList(cells)
        self.classifier = nn.Linear(newer, signature.classes)

    def forward(self, images: Tensor) -> Tensor:
        older = newer = self.stem(images)
        for cell in self.cells:
            older, newer = newer, cell(older, newer)
        logits: Tensor = self.classifier(newer.mean(dim=(2, 3)))
        return logits


class JoinedNodes(nn.Module):
    """A cell of `channels` a node: each adds its two operations, and the output joins all nodes.

    `halved` says that the cell before halved the image, so that the older input is halved here.
    """

    def __init__(
        self, cell: Cell, older: int, newer: int, channels: int, reduces: bool, halved: bool
    ) -> None:
        super().__init__()
        self.older = HalvedImage(older, channels) if halved else relu_conv_norm(older, channels, 1)
        self.newer = relu_conv_norm(newer, channels, 1)
        self.sources = [[edge.source for edge in node] for node in cell]
        self.nodes = nn.ModuleList(
            nn.ModuleList(
                operation(OPERATIONS[each], channels, 2 if reduces and source < 2 else 1)
                for source, each in node
            )
            for node in cell
        )

    def forward(self, older: Tensor, newer: Tensor) -> Tensor:
        states: list[Tensor] = [self.older(older), self.newer(newer)]
        for sources, operations in zip(self.sources, self.nodes, strict=True):
            assert isinstance(operations, nn.ModuleList)
            one, other = (
                each(states[source]) for source, each in zip(sources, operations, strict=True)
            )
            states.append(one + other)
        return torch.cat(states[2:], dim=1)


def operation(name: str, channels: int, stride: int) -> nn.Module:
    """One operation of the space; only those of stride 2 change the shape, to half the image."""
    match name:
        case "max_pool_3x3":
            return nn.MaxPool2d(3, stride, padding=1)
        case "avg_pool_3x3":
            return nn.AvgPool2d(3, stride, padding=1, count_include_pad=False)
        case "skip_connect":
            return nn.Identity() if stride == 1 else HalvedImage(channels, channels)
        case "sep_conv_3x3" | "sep_conv_5x5":
            kernel = int(name[-1])
            return nn.Sequential(
                separable(channels, kernel, stride), separable(channels, kernel, 1)
            )
        case "dil_conv_3x3" | "dil_conv_5x5":
            return separable(channels, int(name[-1]), stride, dilation=2)
    raise KeyError(name)


def separable(channels: int, kernel: int, stride: int, dilation: int = 1) -> nn.Sequential:
    """ReLU, depthwise and pointwise convolution, batch norm."""
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(
            channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False
        ),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    )


class HalvedImage(nn.Module):
    """Half the image by two 1x1 convolutions, of every second pixel and of those between.

    DARTS calls it a factorised reduction. An odd image is taken to have zeros behind its end.
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.first, self.second = (
            nn.Conv2d(c_in, width, 1, stride=2, bias=False)
            for width in (c_out // 2, c_out - c_out // 2)
        )
        self.norm = nn.BatchNorm2d(c_out)

    def forward(self, features: Tensor) -> Tensor:
        features = nn.functional.relu(features)
        between = nn.functional.pad(features, (0, 1, 0, 1))[:, :, 1:, 1:]
        out: Tensor = self.norm(torch.cat([self.first(features), self.second(between)], dim=1))
        return out
