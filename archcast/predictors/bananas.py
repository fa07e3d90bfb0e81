"""Ensemble of feed-forward networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from archcast.predictors.helpers.held_out import HeldOutVariance
from archcast.predictors.helpers.losses import ERROR
from archcast.predictors.mlp import MLP
from archcast.predictors.predictor import Tags

if TYPE_CHECKING:
    from torch import Tensor


class Bananas(HeldOutVariance, MLP):
    """The mean of networks that differ in their starting weights.

    Their spread is a part of the deviation, and `HeldOutVariance` adds the noise of labels and what
    they all get wrong.

    Trained as `MLP`, all at once in one batched program. The paper encodes paths (`encoding=path`);
    the features used here hold those and more. Five networks, as in the paper, of three layers
    where it has ten. Without `steps` there are 25 for up to 100 labels, and 397 for 4,000.
    """

    tags = Tags(probabilistic=True, paper="White et al., 2019, BANANAS", version=3)
    _steps: ClassVar[tuple[int, float]] = 25, 0.75

    def __init__(
        self,
        encoding: str = "auto",
        labels: str = "normal",
        networks: int = 5,
        width: int = 64,
        layers: int = 3,
        steps: int | None = None,
        batch_size: int = 512,
        learning_rate: float = 1e-2,
        weight_decay: float = 0.1,
        loss: str = ERROR,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        super().__init__(
            encoding, labels, width, layers, steps, batch_size, learning_rate, weight_decay, loss,
            device, seed,
        )  # fmt: skip
        self.networks = networks

    @property
    def _networks(self) -> int:  # type: ignore[override]
        return self.networks

    def _query_tensors_with_std(self, x: Tensor) -> tuple[Tensor, Tensor]:
        scores = self.networks_(x)
        return scores.mean(dim=0), scores.std(dim=0)
