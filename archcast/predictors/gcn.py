"""Directed graph convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archcast.predictors.helpers.graph_predictor import GraphPredictor
from archcast.predictors.predictor import Tags

if TYPE_CHECKING:
    from archcast.predictors.helpers.graph_network import NodeMean


class GCN(GraphPredictor):
    """Graph convolutions along and against the edges, the mean over live nodes, two dense layers.

    Smaller than in the paper, which has 4 layers of 144 and a dense layer of 128, and of other
    convolutions; see `graph_network.DirectedConvolution`.
    """

    tags = Tags(paper="Wen et al., 2019, Neural Predictor for NAS", version=3)

    def _network(self, features: int) -> NodeMean:
        from archcast.predictors.helpers.graph_network import NodeMean

        return NodeMean(features, self.width_, self.layers)
