"""Graphs of graphs of operations as torch modules."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from archcast.networks.blocks import conv_norm
from archcast.networks.scales import GraphStages
from archcast.spaces.nago import Node
from archcast.tasks.task import Signature

STAGES, KERNEL = 3, 3


class GraphOfGraphs(nn.Module):
    """From images (n, c, h, w) to logits (n, classes).

    The nodes of the top graph are cut into stages of as many nodes in their order; from stage to
    stage the image is halved and the width doubles.
    """

    archcast_blocks = ()  # none stand one behind the other

    def __init__(self, top: Node, signature: Signature, scale: GraphStages) -> None:
        super().__init__()
        width = scale.channels or widest(top, scale.weights)
        stages = stages_of(len(top.inside))
        self.stem = nn.Sequential(
            conv_norm(signature.shape[0], width, KERNEL, scale.stem_stride, nn.ReLU),
            conv_norm(width, width, KERNEL),
        )
        widths = [width << stage for stage in stages]
        self.graph = InnerGraph(top, width, widths, stages, scale)
        self.head = nn.Sequential(nn.ReLU(), conv_norm(widths[-1], scale.head, 1, act=nn.ReLU))
        self.dropout = nn.Dropout(scale.dropout)
        self.classifier = nn.Linear(scale.head, signature.classes)

    def forward(self, images: Tensor) -> Tensor:
        features = self.head(self.graph(self.stem(images)))
        logits: Tensor = self.classifier(self.dropout(features.mean(dim=(2, 3))))
        return logits


class InnerGraph(nn.Module):
    """A graph whose nodes merge what they read and are graphs or operations; outputs are averaged.

    Args:
        node: the graph.
        c_in: the width of what comes in, which nodes read that read no other.
        widths: of what each node gives.
        stages: of each node; what comes from an earlier stage is pooled.
        scale: of the network.
    """

    def __init__(
        self, node: Node, c_in: int, widths: Sequence[int], stages: Sequence[int],
        scale: GraphStages,
    ) -> None:  # fmt: skip
        super().__init__()
        self.sources, self.last = node.dag.sources, node.dag.outputs
        self.halvings = [
            [stages[at] - stages[source] for source in sources] or [stages[at]]
            for at, sources in enumerate(self.sources)
        ]
        merges, nodes = list[nn.Module](), list[nn.Module]()
        for at, sources in enumerate(self.sources):
            read, width = [widths[source] for source in sources] or [c_in], widths[at]
            merges.append(Merge(read))
            if node.inside:
                inner = node.inside[at]
                alike = [width] * len(inner.dag.sources), [0] * len(inner.dag.sources)
                nodes.append(InnerGraph(inner, read[-1], *alike, scale))
            else:
                nodes.append(operation(read[-1], width, scale.operation))
        self.merges, self.nodes = nn.ModuleList(merges), nn.ModuleList(nodes)
        final = stages[self.last[-1]]
        self.width = widths[self.last[-1]]
        self.halvings_of_last = [final - stages[at] for at in self.last]
        self.widened = nn.ModuleList(fitted(widths[at], self.width) for at in self.last)

    def forward(self, features: Tensor) -> Tensor:
        made: list[Tensor] = []
        for sources, halvings, merge, node in zip(
            self.sources, self.halvings, self.merges, self.nodes, strict=True
        ):
            read = [made[source] for source in sources] or [features]
            made.append(node(merge([*map(halved, read, halvings)])))
        pooled = map(halved, [made[at] for at in self.last], self.halvings_of_last)
        outputs = [widen(each) for widen, each in zip(self.widened, pooled, strict=True)]
        return torch.stack(outputs).mean(dim=0)


class Merge(nn.Module):
    """The sum of several inputs, as wide as the last: each by a gate, or by a 1x1 convolution."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        width, alike = widths[-1], [each == widths[-1] for each in widths]
        self.gates = nn.Parameter(torch.ones(sum(alike))) if len(widths) > 1 else None
        self.fitted, self.alike = nn.ModuleList(fitted(each, width) for each in widths), alike

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        if self.gates is None:
            return inputs[0]
        gates = iter(torch.sigmoid(self.gates))
        return torch.stack(
            [
                next(gates) * each if is_alike else fit(each)
                for each, fit, is_alike in zip(inputs, self.fitted, self.alike, strict=True)
            ]
        ).sum(dim=0)


def fitted(c_in: int, c_out: int) -> nn.Module:
    """A 1x1 convolution where widths differ."""
    return nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)


def operation(c_in: int, c_out: int, kind: str) -> nn.Sequential:
    """ReLU, convolution and batch norm."""
    if kind == "convolution":
        convolutions = [nn.Conv2d(c_in, c_out, KERNEL, padding=KERNEL // 2)]
    else:
        convolutions = [
            nn.Conv2d(c_in, c_in, KERNEL, padding=KERNEL // 2, groups=c_in, bias=False),
            nn.Conv2d(c_in, c_out, 1, bias=False),
        ]
    return nn.Sequential(nn.ReLU(), *convolutions, nn.BatchNorm2d(c_out))


def halved(features: Tensor, times: int) -> Tensor:
    """Average-pooled to half its height and width, so many times."""
    for _ in range(times):
        features = nn.functional.avg_pool2d(features, 2, ceil_mode=True)
    return features


def stages_of(nodes: int) -> list[int]:
    """The stage of each node of the top graph: thirds, in their order, the first ones larger."""
    ends = [math.ceil(nodes * (stage + 1) / STAGES) for stage in range(STAGES)]
    return [next(stage for stage, end in enumerate(ends) if at < end) for at in range(nodes)]


def widest(top: Node, weights: int) -> int:
    """The width with which all 3x3 convolutions of operations have at most so many weights."""
    stages = stages_of(len(top.inside))
    units = convolution_units(top, 1, [1 << stage for stage in stages])
    return max(1, math.isqrt(weights // (KERNEL**2 * units)))


def convolution_units(node: Node, c_in: int, widths: Sequence[int]) -> int:
    """The sum of widths in times widths out over the operations inside."""
    total = 0
    for at, sources in enumerate(node.dag.sources):
        read = widths[sources[-1]] if sources else c_in
        if node.inside:
            inner = node.inside[at]
            total += convolution_units(inner, read, [widths[at]] * len(inner.dag.sources))
        else:
            total += read * widths[at]
    return total
