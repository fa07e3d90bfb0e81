"""Feed-forward network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from archcast.core.heavy import torch
from archcast.predictors.helpers.capacity import sized
from archcast.predictors.helpers.descent import minimise
from archcast.predictors.helpers.losses import ERROR, LOSSES, alignment, check_loss
from archcast.predictors.helpers.tensor import TensorPredictor
from archcast.predictors.predictor import Tags

if TYPE_CHECKING:
    from torch import Tensor

WIDER = 400  # labels, from which on the network is: fewer noisy ones want a small one
LONGER = 100  # labels, from which on there are more steps


class MLP(TensorPredictor):
    """A fully connected network, trained by AdamW on the mean absolute error or on the order.

    `loss` is `error`, or `pairwise`, `listwise` or `top`, see `helpers.losses`.

    Wider, shallower and with fewer steps than the study's 20 layers of 20, which few labels can't
    train. The learning rate rises to `learning_rate` and falls to zero in one cycle. A step sees
    all labels, or a random `batch_size` of them where there are more. Without `width` it is 64 for
    up to 400 labels, and without `steps` these are 35 for up to 100, as more learn the noise; both
    grow with more, to 320 and 320 for 4,000.
    """

    tags = Tags(paper="White et al., 2021", version=4)

    @classmethod
    def search_space(cls) -> Mapping[str, Any]:
        from scipy.stats import loguniform, randint

        return {
            "width": np.geomspace(8, 256, 16).astype(int).tolist(),
            "layers": randint(1, 8),
            "learning_rate": loguniform(1e-4, 1e-1),
        }

    _networks = 1
    _steps: ClassVar[tuple[int, float]] = 35, 0.6  # see `sized`

    def __init__(
        self,
        encoding: str = "auto",
        labels: str = "normal",
        width: int | None = None,
        layers: int = 3,
        steps: int | None = None,
        batch_size: int = 512,
        learning_rate: float = 5e-3,
        weight_decay: float = 0.1,
        loss: str = ERROR,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        self.encoding = encoding
        self.labels = labels
        self.width = width
        self.layers = layers
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.loss = loss
        self.device = device
        self.seed = seed

    def check_parameters(self) -> None:
        super().check_parameters()
        check_loss(self.loss, *LOSSES)

    def _fit_tensors(self, x: Tensor, y: Tensor) -> None:
        from archcast.predictors.helpers.feed_forward import FeedForward

        generator = self._generator()
        width = sized(self.width, 64, 0.7, len(y), WIDER)
        sizes = [x.shape[1], *[width] * self.layers]
        self.networks_ = FeedForward(self._networks, sizes, generator).to(self.device)

        def loss(rows: Tensor) -> Tensor:
            scores: Tensor = self.networks_(x[rows])
            if self.loss == ERROR:
                losses = (scores - y[rows]).abs().mean(dim=1)
            else:
                losses = LOSSES[self.loss](scores, y[rows])
            return losses.sum()  # a sum: no network's gradient shrinks with others

        minimise(
            self.networks_,
            loss,
            len(y),
            generator,
            steps=sized(self.steps, *self._steps, len(y), LONGER),
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
        )
        if self.loss != ERROR:
            with torch.no_grad():
                scores = self._mean(x).cpu().numpy()
                self.networks_.align(*alignment(scores, y.cpu().numpy()))

    def _query_tensors(self, x: Tensor) -> Tensor:
        return self._mean(x)

    def _mean(self, x: Tensor) -> Tensor:
        """Of what the networks give."""
        scores: Tensor = self.networks_(x).mean(dim=0)
        return scores
