"""NAS-Bench-101 cells as torch modules."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from archcast.networks.blocks import conv_norm
from archcast.networks.scales import Stacks
from archcast.spaces.nasbench101 import OPERATIONS, Cell, Edges, pruned
from archcast.spaces.space import Architecture
from archcast.tasks.task import Signature


class StackedCells(nn.Module):
    """From images (n, c, h, w) to logits (n, classes); the image is halved between stacks."""

    def __init__(self, architecture: Architecture, signature: Signature, scale: Stacks) -> None:
        super().__init__()
        cell, width = pruned(architecture), scale.channels
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
                stacks.append(CellOfVertices(cell, c_in, width, scale.momentum))
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
    input where an edge leads there.
    """

    def __init__(self, cell: Cell, c_in: int, c_out: int, momentum: float) -> None:
        super().__init__()
        self.last = len(cell.operations) + 1
        self.edges = cell.edges
        self.widths = vertex_widths(cell.edges, c_out)
        block = partial(conv_norm, act=nn.ReLU, momentum=momentum)
        self.projections = nn.ModuleDict(
            {str(j): block(c_in, self.widths[j], 1) for i, j in cell.edges if i == 0}
        )
        self.operations = nn.ModuleList(
            nn.MaxPool2d(3, stride=1, padding=1)
            if OPERATIONS[operation] == "maxpool3x3"
            else block(width, width, 3 if OPERATIONS[operation] == "conv3x3-bn-relu" else 1)
            for operation, width in zip(cell.operations, self.widths[1:], strict=False)
        )

    def forward(self, features: Tensor) -> Tensor:
        of_input: dict[int, Tensor] = {
            int(vertex): each(features) for vertex, each in self.projections.items()
        }
        vertices: list[Tensor] = [features]
        for vertex, operation in enumerate(self.operations, start=1):
            sent = [of_input[vertex]] if vertex in of_input else []
            width = self.widths[vertex]
            sent += [vertices[i][:, :width] for i, j in self.edges if j == vertex and i > 0]
            vertices.append(operation(sum(sent[1:], sent[0])))
        joined = [vertices[i] for i, j in self.edges if j == self.last and i > 0]
        if not joined:
            return of_input[self.last]
        joint = torch.cat(joined, dim=1)
        return joint + of_input[self.last] if self.last in of_input else joint


def vertex_widths(edges: Edges, c_out: int) -> list[int]:
    """The channels of each vertex but the input, whose place is 0.

    Those that the output reads share its channels, the first ones having one more where they do not
    divide; others are as wide as the widest vertex that they feed.
    """
    last = edges[-1][1]
    widths = [0] * last + [c_out]
    read = [i for i, j in edges if j == last and i > 0]
    for at, vertex in enumerate(read):
        widths[vertex] = c_out // len(read) + (at < c_out % len(read))
    for vertex in range(last - 1, 0, -1):
        if vertex not in read:
            widths[vertex] = max(widths[j] for i, j in edges if i == vertex)
    return widths
