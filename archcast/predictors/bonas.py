"""Graph convolution with a global node, and Bayesian regression on what it learned."""

from __future__ import annotations

import torch
from sklearn.linear_model import BayesianRidge
from torch import Tensor, nn
from torch.nn import functional

from archcast.predictors.helpers.graph_network import (
    DirectedConvolution,
    GraphPredictor,
    GraphTensors,
    mean_of_targets,
)
from archcast.predictors.helpers.held_out import HeldOutVariance
from archcast.predictors.predictor import Tags, Vector


class BONAS(HeldOutVariance, GraphPredictor):
    """Graph convolutions whose read-out is a further node that every node feeds.

    The network is trained as a regression; then its last layer is replaced by Bayesian linear
    regression on the values of the global node, whose two precisions maximise the evidence. The
    paper regresses the logits of accuracies; normal quantiles of ranks are close to that. The
    network was fitted to the same labels, so `HeldOutVariance` adds to the noise. Width, layers and
    training are those of `GCN`; the paper has four layers of 64.
    """

    tags = Tags(probabilistic=True, paper="Shi et al., 2019, BONAS")

    network_: Network

    def _network(self, features: int) -> Network:
        return Network(features, self.width, self.layers)

    def _fit_graphs(self, graphs: GraphTensors, labels: Vector) -> None:
        super()._fit_graphs(graphs, labels)
        self.head_ = BayesianRidge().fit(self._values(graphs), labels)

    def _query_graphs(self, graphs: GraphTensors) -> Vector:
        scores: Vector = self.head_.predict(self._values(graphs))
        return scores

    def _query_graphs_with_std(self, graphs: GraphTensors) -> tuple[Vector, Vector]:
        scores, std = self.head_.predict(self._values(graphs), return_std=True)
        return scores, std

    def _values(self, graphs: GraphTensors) -> Vector:
        with torch.no_grad():
            values: Vector = self.network_.read_out(graphs).double().cpu().numpy()
        return values


class Network(nn.Module):
    """From graphs to scores (n,)."""

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
