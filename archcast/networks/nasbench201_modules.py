"""NAS-Bench-201 cells as torch modules: in any skeleton, alone and with shared weights."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn

from archcast.networks.blocks import ResidualReduction, conv_norm, relu_conv_norm
from archcast.networks.scales import Skeleton
from archcast.networks.supernet import Path, Selection, Supernet, weighed_sum
from archcast.spaces.nasbench201 import EDGES, OPERATIONS
from archcast.spaces.space import Architecture
from archcast.tasks.task import Signature


class Stacked(nn.Module):
    """What stands around cells, which `cell` makes for a number of channels."""

    def __init__(
        self, cell: Callable[[int], nn.Module], signature: Signature, skeleton: Skeleton
    ) -> None:
        super().__init__()
        width = skeleton.channels
        self.stem = conv_norm(signature.shape[0], width, 3, skeleton.stem_stride)
        reduction = ResidualReduction if skeleton.reduction == "residual" else PoolReduction
        stages: list[nn.Module] = []
        for stage in range(3):
            if stage:
                stages.append(reduction(width, 2 * width))
                width *= 2
            stages += [cell(width) for _ in range(skeleton.cells)]
        self.stages = nn.Sequential(*stages)
        self.norm = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU())
        self.classifier = nn.Linear(width, signature.classes)

    def head(self, features: Tensor) -> Tensor:
        """Logits of what the last stage made."""
        logits: Tensor = self.classifier(self.norm(features).mean(dim=(2, 3)))
        return logits


class Network(Stacked):
    """One cell, stacked in a skeleton: from images (n, c, h, w) to logits (n, classes)."""

    def __init__(
        self, architecture: Architecture, signature: Signature, skeleton: Skeleton
    ) -> None:
        names = [OPERATIONS[choice] for choice in architecture.choices]
        super().__init__(
            lambda channels: Cell(operation(name, channels) for name in names), signature, skeleton
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.stages(self.stem(images)))


class Cell(nn.Module):
    """Four nodes; each sums what its incoming edges, an operation each, make of earlier nodes."""

    def __init__(self, edges: Iterable[nn.Module]) -> None:
        super().__init__()
        self.edges = nn.ModuleList(edges)

    def forward(self, features: Tensor) -> Tensor:
        return sum_at_nodes(features, lambda edge, source: _send(self.edges[edge], source))


class CellSupernet(Stacked, Supernet):
    """Every operation on every edge, with weights of its own; all cells select the same."""

    def __init__(self, signature: Signature, skeleton: Skeleton) -> None:
        super().__init__(MixedCell, signature, skeleton)
        self.signature, self.skeleton = signature, skeleton

    def forward(self, images: Tensor, selection: Selection) -> Tensor:
        features: Tensor = self.stem(images)
        for stage in self.stages:
            mixed = isinstance(stage, MixedCell)
            features = stage(features, selection) if mixed else stage(features)
        return self.head(features)

    def inherit(self, architecture: Architecture) -> Network:
        """The network of one architecture, with a copy of its share of the weights."""
        with torch.device("meta"):
            heir = Network(architecture, self.signature, self.skeleton)
        heir.stem, heir.norm, heir.classifier = self.stem, self.norm, self.classifier
        heir.stages = nn.Sequential(
            *(s.cell(architecture.choices) if isinstance(s, MixedCell) else s for s in self.stages)
        )
        return copy.deepcopy(heir)

    def weighed(self, mixture: Tensor) -> Iterator[tuple[Tensor, nn.Module]]:
        for stage in self.stages:
            if isinstance(stage, MixedCell):
                for weights, operations in zip(mixture, stage.edges, strict=True):
                    yield from zip(weights, operations, strict=True)  # type: ignore[call-overload]


class MixedCell(nn.Module):
    """A cell with every operation on every edge."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.edges = nn.ModuleList(
            nn.ModuleList(operation(name, channels) for name in OPERATIONS) for _ in EDGES
        )

    def cell(self, path: Path) -> Cell:
        """The cell of one path; the operations are those that are here."""
        return Cell(edge[choice] for edge, choice in zip(self.edges, path, strict=True))  # type: ignore[index]

    def forward(self, features: Tensor, selection: Selection) -> Tensor:
        def send(edge: int, source: Tensor) -> Tensor | None:
            operations = self.edges[edge]
            assert isinstance(operations, nn.ModuleList)
            if isinstance(selection, Tensor):
                pairs = zip(selection[edge], operations, strict=True)
                return weighed_sum(
                    (each for each in pairs if not isinstance(each[1], Zero)), source
                )
            return _send(operations[selection[edge]], source)

        return sum_at_nodes(features, send)


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


class PoolReduction(nn.Sequential):
    """Halve the image, rounding up, and double the channels with as few weights as possible."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__(
            nn.ReLU(),
            nn.AvgPool2d(2, ceil_mode=True),
            nn.Conv2d(c_in, c_out, 1, bias=False),
            nn.BatchNorm2d(c_out),
        )
