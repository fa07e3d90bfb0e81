"""DARTS cells as torch modules."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import combinations
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from archcast.networks.blocks import conv_norm, relu_conv_norm
from archcast.networks.scales import CellRow
from archcast.networks.supernet import Selection, Supernet, nothing, weighed_sum
from archcast.spaces.darts import CELLS, INPUTS, NODES, OPERATIONS, SPACE, Cell, cells_of
from archcast.spaces.space import Architecture
from archcast.tasks.task import Signature

STEM = 3  # times the channels of the first cell


class Row(nn.Module):
    """A stem, cells one behind the other, and a classifier; each cell reads the two before it."""

    def __init__(
        self, cell: Callable[[Around], nn.Module], signature: Signature, scale: CellRow
    ) -> None:
        super().__init__()
        width = STEM * scale.channels
        self.stem = conv_norm(signature.shape[0], width, 3, scale.stem_stride)
        cells: list[nn.Module] = []
        older, newer, channels, halved = width, width, scale.channels, False
        for number in range(scale.cells):
            reduces = number in scale.reductions
            if reduces:
                channels *= 2
            cells.append(cell(Around(older, newer, channels, reduces, halved)))
            older, newer, halved = newer, len(NODES) * channels, reduces
        self.cells = nn.ModuleList(cells)
        self.classifier = nn.Linear(newer, signature.classes)

    @property
    def archcast_blocks(self) -> Sequence[nn.Module]:
        """One behind the other."""
        return [*self.cells]

    def logits(self, features: Tensor) -> Tensor:
        """Of what the last cell made."""
        logits: Tensor = self.classifier(features.mean(dim=(2, 3)))
        return logits


class RowOfCells(Row):
    """From images (n, c, h, w) to logits (n, classes)."""

    def __init__(self, architecture: Architecture, signature: Signature, scale: CellRow) -> None:
        cells = cells_of(architecture)
        super().__init__(
            lambda around: JoinedNodes(cells[around.reduces], around), signature, scale
        )

    def forward(self, images: Tensor) -> Tensor:
        older = newer = self.stem(images)
        for cell in self.cells:
            older, newer = newer, cell(older, newer)
        return self.logits(newer)


class RowSupernet(Row, Supernet):
    """Every operation from every earlier node; all cells of a kind select the same."""

    def __init__(self, signature: Signature, scale: CellRow) -> None:
        super().__init__(MixedNodes, signature, scale)
        self.signature, self.scale = signature, scale

    def forward(self, images: Tensor, selection: Selection) -> Tensor:
        if isinstance(selection, Tensor):
            cells = mixed_cells(selection)
        else:
            chosen = cells_of(Architecture(SPACE, tuple(selection)))
            cells = [[[*node] for node in cell] for cell in chosen]
        older = newer = self.stem(images)
        for cell in self.cells:
            assert isinstance(cell, MixedNodes)
            older, newer = newer, cell(older, newer, cells[cell.reduces])
        return self.logits(newer)

    def inherit(self, architecture: Architecture) -> RowOfCells:
        cells = cells_of(architecture)
        with torch.device("meta"):
            heir = RowOfCells(architecture, self.signature, self.scale)
        heir.stem, heir.classifier = self.stem, self.classifier
        for own, cell in zip(self.cells, heir.cells, strict=True):
            assert isinstance(own, MixedNodes)
            cell.older, cell.newer = own.older, own.newer
            cell.nodes = nn.ModuleList(
                nn.ModuleList(every[edge.source][edge.operation] for edge in node)  # type: ignore[index]
                for every, node in zip(own.nodes, cells[own.reduces], strict=True)
            )
        return copy.deepcopy(heir)

    def weighed(self, mixture: Tensor) -> Iterator[tuple[Tensor, nn.Module]]:
        cells = mixed_cells(mixture)
        for cell in self.cells:
            assert isinstance(cell, MixedNodes)
            for node, every in zip(cells[cell.reduces], cell.nodes, strict=True):
                for source, weights in node:
                    yield from zip(weights, every[source], strict=True)  # type: ignore[index]


class Around(NamedTuple):
    """What stands around a cell: the widths of what it reads, and of its nodes."""

    older: int
    newer: int
    channels: int
    reduces: bool
    halved: bool  # whether the cell before did so, so that the older input is halved here


class CellOfNodes(nn.Module):
    """Brings what a cell reads to its width."""

    def __init__(self, around: Around) -> None:
        super().__init__()
        older, newer, self.channels, self.reduces, halved = around
        bring = HalvedImage if halved else partial(relu_conv_norm, kernel=1)
        self.older = bring(older, self.channels)
        self.newer = relu_conv_norm(newer, self.channels, 1)

    def operation(self, name: str, source: int) -> nn.Module:
        """One from a node or input."""
        return operation(name, self.channels, 2 if self.reduces and source < INPUTS else 1)


class JoinedNodes(CellOfNodes):
    """A cell whose nodes add two operations each; the output joins all nodes."""

    def __init__(self, cell: Cell, around: Around) -> None:
        super().__init__(around)
        self.sources = [[edge.source for edge in node] for node in cell]
        self.nodes = nn.ModuleList(
            nn.ModuleList(self.operation(OPERATIONS[each], source) for source, each in node)
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
        return torch.cat(states[INPUTS:], dim=1)


MixedNode = list[tuple[int, Any]]  # sources, and of each the operation, or what weighs all


class MixedNodes(CellOfNodes):
    """A cell with every operation from every earlier node or input to every node."""

    def __init__(self, around: Around) -> None:
        super().__init__(around)
        self.nodes = nn.ModuleList(
            nn.ModuleList(
                nn.ModuleList(self.operation(name, source) for name in OPERATIONS)
                for source in range(node)
            )
            for node in NODES
        )

    def forward(self, older: Tensor, newer: Tensor, nodes: list[MixedNode]) -> Tensor:
        states: list[Tensor] = [self.older(older), self.newer(newer)]
        for node, every in zip(nodes, self.nodes, strict=True):
            terms = []
            for source, chosen in node:
                operations, read = every[source], states[source]  # type: ignore[index]
                if isinstance(chosen, Tensor):
                    terms.append(weighed_sum(zip(chosen, operations, strict=True), read))
                else:
                    terms.append(operations[chosen](read))
            made = [term for term in terms if term is not None]
            if not made:
                made = [nothing(states[0], self.channels, 2 if self.reduces else 1)]
            states.append(sum(made[1:], made[0]))
        return torch.cat(states[INPUTS:], dim=1)


def mixed_cells(mixture: Tensor) -> list[list[MixedNode]]:
    """Of each kind of cell the nodes: each source with what weighs the operations on it."""
    rows = iter(mixture)
    cells = []
    for _ in CELLS:
        nodes: list[MixedNode] = []
        for node in NODES:
            pairs = next(rows) if node > INPUTS else mixture.new_ones(1)
            both = next(rows), next(rows)
            weights = [mixture.new_zeros(len(OPERATIONS)) for _ in range(node)]
            for weight, pair in zip(pairs, combinations(range(node), 2), strict=False):
                for source, operations in zip(pair, both, strict=True):
                    weights[source] = weights[source] + weight * operations[: len(OPERATIONS)]
            nodes.append(list(enumerate(weights)))
        cells.append(nodes)
    return cells


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
