"""Graph networks in which nodes see their kin."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from archcast.predictors.helpers.graph_predictor import GraphPredictor
from archcast.predictors.predictor import Tags

if TYPE_CHECKING:
    from archcast.predictors.helpers.graph_network import KinMean


class NNFormer(GraphPredictor):
    """Graph networks, each node of which sees ancestors, descendants and siblings apart.

    Siblings, which feed the same node or are fed by the same, are what the paper adds to what a
    node attends to. Here every kind of kin is read in the mean, in place of by attention, and three
    networks of two layers are averaged.
    """

    tags = Tags(paper="Xu et al., 2025, NN-Former: Rethinking Graph Structure", version=2)
    networks: ClassVar[int] = 3

    def __init__(
        self,
        labels: str = "normal",
        width: int | None = None,
        layers: int = 2,
        steps: int | None = None,
        batch_size: int = 128,
        learning_rate: float = 0.01,
        weight_decay: float = 0.01,
        loss: str = "error",
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        super().__init__(
            labels, width, layers, steps, batch_size, learning_rate, weight_decay, loss, device,
            seed,
        )  # fmt: skip

    def _network(self, features: int) -> KinMean:
        from archcast.predictors.helpers.graph_network import KinMean

        return KinMean(features, self.width_, self.layers)
