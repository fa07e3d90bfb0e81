"""Directed graph convolution."""

from __future__ import annotations

from torch import Tensor, nn

from archcast.predictors.helpers.graph_network import (
    DirectedConvolution,
    GraphPredictor,
    GraphTensors,
    mean_of_targets,
)
from archcast.predictors.predictor import Tags


class GCN(GraphPredictor):
    """Graph convolutions along and against the edges, the mean over live nodes, two dense layers.

    Smaller than in the paper, which has 4 layers of 144 and a dense layer of 128, and of other
    convolutions; see `graph_network.DirectedConvolution`.
    """

    tags = Tags(paper="Wen et al., 2019, Neural Predictor for NAS")

    def _network(self, features: int) -> nn.Module:
        return Network(features, self.width, self.layers)


class Network(nn.Module):
    """From graphs to scores (n,)."""

    def __init__(self, features: int, width: int, layers: int) -> None:
        super().__init__()
        sizes = [features, *[width] * layers]
        self.convolutions = nn.ModuleList(map(DirectedConvolution, sizes, sizes[1:]))
        self.head = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, graphs: GraphTensors) -> Tensor:
        sources = mean_of_targets(graphs.edges.transpose(1, 2))
        targets = mean_of_targets(graphs.edges)
        values = graphs.nodes
        for convolution in self.convolutions:
            values = convolution(values, sources, targets) * graphs.live
        scores: Tensor = self.head(values.sum(dim=1) / graphs.live.sum(dim=1)).squeeze(1)
        return scores
