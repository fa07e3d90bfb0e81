"""Directed graph convolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from archcast.predictors.base import Tags
from archcast.predictors.graph_network import GraphPredictor, GraphTensors, average_of_sources


class GCN(GraphPredictor):
    """Graph convolutions along and against the edges, the mean over live nodes, two dense layers.

    Different from the paper, and better on few labels: a node has a weight matrix for itself beside
    those for its sources and its targets, where the paper adds self loops and averages the two
    directions after the ReLU; layer normalisation; 3 layers of 64 (the paper: 3 of 144) and a
    hidden dense layer of 64 (128).
    """

    tags = Tags(paper="Wen et al., 2019, Neural Predictor for NAS")

    def _network(self, operations: int) -> nn.Module:
        return Network(operations, self.width, self.layers)


class Network(nn.Module):
    """From graphs to scores (n,)."""

    def __init__(self, operations: int, width: int, layers: int) -> None:
        super().__init__()
        sizes = [operations, *[width] * layers]
        self.convolutions = nn.ModuleList(map(DirectedConvolution, sizes, sizes[1:]))
        self.head = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, graphs: GraphTensors) -> Tensor:
        from_sources = average_of_sources(graphs.edges)
        from_targets = average_of_sources(graphs.edges.transpose(1, 2))
        values = graphs.nodes
        for convolution in self.convolutions:
            values = convolution(values, from_sources, from_targets) * graphs.live
        scores: Tensor = self.head(values.sum(dim=1) / graphs.live.sum(dim=1)).squeeze(1)
        return scores


class DirectedConvolution(nn.Module):
    """Each node sees itself, the mean of its sources and the mean of its targets."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, 3 * outputs)
        self.normalise = nn.LayerNorm(outputs)

    def forward(self, values: Tensor, from_sources: Tensor, from_targets: Tensor) -> Tensor:
        """New values (n, nodes, outputs) of values (n, nodes, inputs)."""
        own, sources, targets = self.linear(values).chunk(3, dim=2)
        seen = own + from_sources @ sources + from_targets @ targets
        normalised: Tensor = self.normalise(torch.relu(seen))
        return normalised
