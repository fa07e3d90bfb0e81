"""Graph convolution in both directions, and the networks that are made of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from archcast.predictors.helpers.graph_predictor import GraphTensors


class DirectedConvolution(nn.Module):
    """Each node sees itself, and the means of its relatives: its sources, its targets, and others.

    Itself and each kind through a weight matrix of its own, summed; then ReLU and layer
    normalisation. Wen et al., 2019, give nodes self loops instead and average two ReLUs, one for
    each direction; that learns less from few labels.
    """

    def __init__(self, inputs: int, outputs: int, kinds: int = 2) -> None:
        super().__init__()
        self.kinds = kinds
        self.linear = nn.Linear(inputs, (1 + kinds) * outputs)
        self.normalise = nn.LayerNorm(outputs)

    def forward(self, values: Tensor, *relatives: Tensor) -> Tensor:
        """New values (n, nodes, outputs) of values (n, nodes, inputs).

        Of each kind, row i of `relatives` (n, nodes, nodes) weighs the nodes that node i reads.
        Sources come first, and targets second.
        """
        own, *others = self.linear(values).chunk(1 + self.kinds, dim=2)
        for weights, read in zip(relatives, others, strict=True):
            own = own + weights @ read
        normalised: Tensor = self.normalise(torch.relu(own))
        return normalised

    def last_node(self, values: Tensor, sources: Tensor) -> Tensor:
        """New values (n, outputs) of the last node alone, which has sources and no targets."""
        weights = self.linear.weight.chunk(1 + self.kinds)
        biases = self.linear.bias.chunk(1 + self.kinds)
        own = functional.linear(values[:, -1], weights[0], biases[0])
        mean = (sources[:, -1:] @ values).squeeze(1)
        before = functional.linear(mean, weights[1], biases[1])
        normalised: Tensor = self.normalise(torch.relu(own + before))
        return normalised


def mean_of_targets(edges: Tensor) -> Tensor:
    """Edges (n, nodes, nodes) with rows divided by their sums; rows of zeros stay.

    Of transposed edges, the same is the mean of sources.
    """
    return edges / edges.sum(dim=2, keepdim=True).clamp(min=1)


class NodeMean(nn.Module):
    """From graphs to scores (n,), of the mean of the nodes' values."""

    kinds: ClassVar[int] = 2  # of relatives

    def __init__(self, features: int, width: int, layers: int) -> None:
        super().__init__()
        sizes = [features, *[width] * layers]
        self.convolutions = nn.ModuleList(
            DirectedConvolution(*ends, self.kinds) for ends in pairwise(sizes)
        )
        self.head = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, graphs: GraphTensors) -> Tensor:
        relatives = [mean_of_targets(each) for each in self.relatives(graphs.edges)]
        values = graphs.nodes
        for convolution in self.convolutions:
            values = convolution(values, *relatives) * graphs.live
        scores: Tensor = self.head(values.sum(dim=1) / graphs.live.sum(dim=1)).squeeze(1)
        return scores

    def relatives(self, edges: Tensor) -> Sequence[Tensor]:
        """Of each kind, which nodes a node reads: as edges (n, nodes, nodes) that lead to them."""
        return edges.transpose(1, 2), edges


class KinMean(NodeMean):
    """As `NodeMean`; nodes read their ancestors, their descendants and their siblings too.

    Siblings are nodes that feed one node, and nodes that one node feeds: two kinds.
    """

    kinds = 6

    def relatives(self, edges: Tensor) -> Sequence[Tensor]:
        descendants = edges
        for _ in range(edges.shape[1].bit_length()):  # paths twice as long each time
            descendants = ((descendants + descendants @ descendants) > 0).to(edges)
        others = 1 - torch.eye(edges.shape[1]).to(edges)
        sources = edges.transpose(1, 2)
        return (
            sources,
            edges,
            descendants.transpose(1, 2),
            descendants,
            ((edges @ sources) > 0) * others,
            ((sources @ edges) > 0) * others,
        )


class GlobalNode(nn.Module):
    """From graphs to scores (n,), of a further node that every node feeds."""

    def __init__(self, features: int, width: int, layers: int) -> None:
        super().__init__()
        sizes = [features + 1, *[width] * layers]  # the global node has a feature of its own
        *convolutions, self.last = map(DirectedConvolution, sizes, sizes[1:])
        self.convolutions = nn.ModuleList(convolutions)
        self.head = nn.Linear(width, 1)

    def forward(self, graphs: GraphTensors) -> Tensor:
        scores: Tensor = self.head(self.read_out(graphs)).squeeze(1)
        return scores

    def read_out(self, graphs: GraphTensors) -> Tensor:
        """The values (n, width) of the global node, which reads every node and which none reads."""
        values = functional.pad(graphs.nodes, (0, 1, 0, 1))
        values[:, -1, -1] = 1
        live = functional.pad(graphs.live, (0, 0, 0, 1), value=1)
        edges = functional.pad(graphs.edges, (0, 1, 0, 1))
        targets = mean_of_targets(edges)
        edges[:, :-1, -1] = graphs.live.squeeze(2)
        sources = mean_of_targets(edges.transpose(1, 2))
        for convolution in self.convolutions:
            values = convolution(values, sources, targets) * live
        return self.last.last_node(values, sources)
