"""NAS-Bench-101 cells as torch modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from archcast.networks.blocks import conv_norm
from archcast.networks.scales import Stacks
from archcast.networks.supernet import Selection, SlicedSupernet, nothing, weighed_sum
from archcast.spaces.nasbench101 import (
    OPERATIONS,
    PAIRS,
    SPACE,
    VERTICES,
    Cell,
    Edges,
    pruned,
    pruned_with_places,
)
from archcast.spaces.space import Architecture
from archcast.tasks.task import Signature

MakeCell = Callable[[int, int], nn.Module]  # from so many channels to so many


class StackedCells(nn.Module):
    """From images (n, c, h, w) to logits (n, classes); the image is halved between stacks."""

    def __init__(self, cell: MakeCell, signature: Signature, scale: Stacks) -> None:
        super().__init__()
        width = scale.channels
        self.stem = conv_norm(
            signature.shape[0], width, 3, scale.stem_stride, nn.ReLU, momentum=scale.momentum
        )
        stacks: list[nn.Module] = []
        c_in = width
        for stack in range(3):
            if stack:
                stacks.append(nn.MaxPool2d(2, ceil_mode=True))
                width *= 2
            for _ in range(scale.cells):
                stacks.append(cell(c_in, width))
                c_in = width
        self.stacks = nn.Sequential(*stacks)
        self.classifier = nn.Linear(width, signature.classes)

    def forward(self, images: Tensor) -> Tensor:
        features = self.stacks(self.stem(images))
        logits: Tensor = self.classifier(features.mean(dim=(2, 3)))
        return logits


class CellOfVertices(nn.Module):
    """A pruned cell, from `c_in` to `c_out` channels.

    The input reaches each vertex by a projection. An interior vertex adds what it is sent, of wider
    vertices their first channels, and applies its operation. The output concatenates, and adds the
    input where an edge leads there; without any edge it is zero.
    """

    def __init__(self, cell: Cell, momentum: float, c_in: int, c_out: int) -> None:
        super().__init__()
        self.last, self.c_out = len(cell.operations) + 1, c_out
        self.edges = cell.edges
        self.widths = vertex_widths(cell.edges, c_out)
        self.projections = nn.ModuleDict(
            {str(j): conv_norm(c_in, self.widths[j], 1, act=nn.ReLU, momentum=momentum)
             for i, j in cell.edges if i == 0}
        )  # fmt: skip
        self.operations = nn.ModuleList(
            self._options(operation, width, momentum)
            for operation, width in zip(cell.operations, self.widths[1:], strict=False)
        )

    def forward(self, features: Tensor) -> Tensor:
        of_input: dict[int, Tensor] = {
            int(vertex): self._sent(each(features), 0, int(vertex))
            for vertex, each in self.projections.items()
        }
        vertices: list[Tensor] = [features]
        for vertex in range(1, self.last):
            sent = [of_input[vertex]] if vertex in of_input else []
            width = self.widths[vertex]
            sent += [
                self._sent(vertices[i][:, :width], i, j)
                for i, j in self.edges
                if j == vertex and i > 0
            ]
            vertices.append(self._operated(vertex, sum(sent[1:], sent[0])))
        joined = [self._sent(vertices[i], i, j) for i, j in self.edges if j == self.last and i > 0]
        if not joined:
            return of_input.get(self.last, nothing(features, self.c_out, 1))
        joint = torch.cat(joined, dim=1)
        return joint + of_input[self.last] if self.last in of_input else joint

    def _options(self, operation: int, width: int, momentum: float) -> nn.Module:
        return vertex_operation(operation, width, momentum)

    def _sent(self, features: Tensor, source: int, target: int) -> Tensor:
        return features

    def _operated(self, vertex: int, features: Tensor) -> Tensor:
        out: Tensor = self.operations[vertex - 1](features)
        return out


def vertex_operation(operation: int, width: int, momentum: float) -> nn.Module:
    """An operation by its number, on so many channels."""
    if OPERATIONS[operation] == "maxpool3x3":
        return nn.MaxPool2d(3, stride=1, padding=1)
    kernel = 3 if OPERATIONS[operation] == "conv3x3-bn-relu" else 1
    return conv_norm(width, width, kernel, act=nn.ReLU, momentum=momentum)


class MixedVertices(CellOfVertices):
    """A cell whose edges are weighed, and whose interior vertices weigh all operations.

    Args:
        sent: weighs what goes along an edge.
        operated: weighs the operations of each interior vertex.
    """

    def __init__(
        self,
        cell: Cell,
        momentum: float,
        sent: Mapping[tuple[int, int], Tensor],
        operated: Sequence[Tensor],
        c_in: int,
        c_out: int,
    ) -> None:
        super().__init__(cell, momentum, c_in, c_out)
        self.sent, self.operated = sent, operated

    def _options(self, operation: int, width: int, momentum: float) -> nn.Module:
        return every_operation(width, momentum)

    def _sent(self, features: Tensor, source: int, target: int) -> Tensor:
        return self.sent[source, target] * features

    def _operated(self, vertex: int, features: Tensor) -> Tensor:
        options = self.operations[vertex - 1]
        assert isinstance(options, nn.ModuleList)
        total = weighed_sum(zip(self.operated[vertex - 1], options, strict=True), features)
        return torch.zeros_like(features) if total is None else total


def every_operation(width: int, momentum: float) -> nn.ModuleList:
    """All that an interior vertex can be."""
    return nn.ModuleList(vertex_operation(at, width, momentum) for at in range(len(OPERATIONS)))


class WholeCell(nn.Module):
    """What all cells may need, every vertex as wide as the output; it does not run itself."""

    def __init__(self, momentum: float, c_in: int, c_out: int) -> None:
        super().__init__()
        self.projections = nn.ModuleDict(
            {str(j): conv_norm(c_in, c_out, 1, act=nn.ReLU, momentum=momentum)
             for j in range(1, VERTICES)}
        )  # fmt: skip
        self.operations = nn.ModuleList(
            every_operation(c_out, momentum) for _ in range(VERTICES - 2)
        )


class VerticesSupernet(SlicedSupernet):
    """Cells share the first channels of projections and operations, vertex by vertex.

    Vertices are numbered as in the pruned cell. A mixture has the edges and the channels of the
    cell of all edges whose weight is not zero.
    """

    def __init__(self, signature: Signature, scale: Stacks) -> None:
        super().__init__()
        self.signature, self.scale = signature, scale
        self.whole = StackedCells(partial(WholeCell, scale.momentum), signature, scale)

    def forward(self, images: Tensor, selection: Selection) -> Tensor:
        if not isinstance(selection, Tensor):
            architecture = Architecture(SPACE, tuple(selection))
            return self.run(*self._alone(architecture), images)
        edges, operations = selection[: len(PAIRS), 1], selection[len(PAIRS) :]
        there = [int(weight != 0) for weight in edges]
        cell, kept = pruned_with_places(Architecture(SPACE, (*there, *[0] * len(operations))))
        sent = {(i, j): edges[PAIRS.index((kept[i], kept[j]))] for i, j in cell.edges}
        operated = [operations[vertex - 1] for vertex in kept[1:-1]]
        make = partial(MixedVertices, cell, self.scale.momentum, sent, operated)
        return self.run(self._narrow(make), self._place(cell, mixed=True), images)

    def inherit(self, architecture: Architecture) -> StackedCells:
        return self.copied(*self._alone(architecture))

    def _alone(self, architecture: Architecture) -> tuple[StackedCells, Callable[[str], str]]:
        cell = pruned(architecture)
        make = partial(CellOfVertices, cell, self.scale.momentum)
        return self._narrow(make), self._place(cell)

    def _narrow(self, make: MakeCell) -> StackedCells:
        with torch.device("meta"):
            return StackedCells(make, self.signature, self.scale)

    @staticmethod
    def _place(cell: Cell, mixed: bool = False) -> Callable[[str], str]:
        last, output = str(len(cell.operations) + 1), str(VERTICES - 1)

        def place(name: str) -> str:
            parts = name.split(".")
            if len(parts) > 3 and parts[2] == "projections":
                parts[3] = output if parts[3] == last else parts[3]
            elif len(parts) > 3 and parts[2] == "operations" and not mixed:
                parts.insert(4, str(cell.operations[int(parts[3])]))
            return ".".join(["whole", *parts])

        return place


def vertex_widths(edges: Edges, c_out: int) -> list[int]:
    """The channels of each vertex but the input, whose place is 0.

    Those that the output reads share its channels, the first ones having one more where they do not
    divide; others are as wide as the widest vertex that they feed.
    """
    last = max((j for _, j in edges), default=1)
    widths = [0] * last + [c_out]
    read = [i for i, j in edges if j == last and i > 0]
    for at, vertex in enumerate(read):
        widths[vertex] = c_out // len(read) + (at < c_out % len(read))
    for vertex in range(last - 1, 0, -1):
        if vertex not in read:
            widths[vertex] = max(widths[j] for i, j in edges if i == vertex)
    return widths
