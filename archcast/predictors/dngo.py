"""Bayesian linear regression on the features that a network learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archcast.core.heavy import torch
from archcast.predictors.helpers.held_out import HeldOutVariance
from archcast.predictors.mlp import MLP
from archcast.predictors.predictor import Tags, Vector

if TYPE_CHECKING:
    from torch import Tensor


class DNGO(HeldOutVariance, MLP):
    """Deep networks for global optimization: `MLP` with a Bayesian linear last layer.

    The network is trained as a regression; then its last layer is replaced by linear regression on
    the last hidden layer, whose two precisions, of weights and noise, maximise the evidence. That
    layer was fitted to the same labels, so `HeldOutVariance` adds to the noise. Like the paper's,
    the network has three layers, but of ReLU units in place of 50 tanh ones; they are as many, and
    trained, as those of `MLP`.
    """

    tags = Tags(probabilistic=True, paper="Snoek et al., 2015, DNGO", version=4)

    def _fit_tensors(self, x: Tensor, y: Tensor) -> None:
        from sklearn.linear_model import BayesianRidge

        super()._fit_tensors(x, y)
        self.head_ = BayesianRidge().fit(self._hidden(x), y.cpu().numpy())

    def _query_tensors(self, x: Tensor) -> Tensor:
        return torch.from_numpy(self.head_.predict(self._hidden(x)))

    def _query_tensors_with_std(self, x: Tensor) -> tuple[Tensor, Tensor]:
        scores, std = self.head_.predict(self._hidden(x), return_std=True)
        return torch.from_numpy(scores), torch.from_numpy(std)

    def _hidden(self, x: Tensor) -> Vector:
        with torch.no_grad():
            hidden: Vector = self.networks_.hidden(x)[0].double().cpu().numpy()
        return hidden
