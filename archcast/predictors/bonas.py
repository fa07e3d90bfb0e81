"""Graph convolution with a global node, and Bayesian regression on what it learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from archcast.core.heavy import torch
from archcast.predictors.helpers.graph_predictor import GraphPredictor, GraphTensors
from archcast.predictors.helpers.held_out import HeldOutVariance
from archcast.predictors.predictor import Tags, Vector

if TYPE_CHECKING:
    from archcast.predictors.helpers.graph_network import GlobalNode


class BONAS(HeldOutVariance, GraphPredictor):
    """Graph convolutions whose read-out is a further node that every node feeds.

    The network is trained as a regression; then its last layer is replaced by Bayesian linear
    regression on the values of the global node, whose two precisions maximise the evidence. The
    paper regresses the logits of accuracies; normal quantiles of ranks are close to that. The
    network was fitted to the same labels, so `HeldOutVariance` adds to the noise. Width, layers and
    training are those of `GCN`; the paper has four layers of 64.
    """

    tags = Tags(probabilistic=True, paper="Shi et al., 2019, BONAS", version=3)

    networks_: Sequence[GlobalNode]

    def _network(self, features: int) -> GlobalNode:
        from archcast.predictors.helpers.graph_network import GlobalNode

        return GlobalNode(features, self.width_, self.layers)

    def _fit_graphs(self, graphs: GraphTensors, labels: Vector) -> None:
        from sklearn.linear_model import BayesianRidge

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
            values: Vector = self.networks_[0].read_out(graphs).double().cpu().numpy()
        return values
