"""Gaussian-process regression, stochastic and variational."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archcast.core.heavy import torch
from archcast.predictors.helpers.capacity import sized
from archcast.predictors.helpers.tensor import TensorPredictor
from archcast.predictors.predictor import Tags

if TYPE_CHECKING:
    from torch import Tensor


class VariationalSparseGP(TensorPredictor):
    """Gaussian process through inducing points whose values have a learned normal distribution.

    The evidence's lower bound is a sum over labels, so a step needs a batch of them only: all, or
    a random `batch_size` where there are more. Natural gradients move the distribution, Adam the
    rest. Kernel and inducing points start as in `SparseGP`, half as many points. Natural gradients
    (Salimbeni et al., 2018) make do with few steps.
    """

    tags = Tags(probabilistic=True, paper="Hensman et al., 2013, SVGP", version=4)
    precision = "float64"

    def __init__(
        self,
        encoding: str = "auto",
        labels: str = "normal",
        inducing: int | None = None,
        steps: int = 60,
        batch_size: int = 4_096,
        learning_rate: float = 0.1,
        natural_rate: float = 0.3,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        self.encoding = encoding
        self.labels = labels
        self.inducing = inducing
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.natural_rate = natural_rate
        self.device = device
        self.seed = seed

    def _fit_tensors(self, x: Tensor, y: Tensor) -> None:
        from gpytorch.mlls import VariationalELBO
        from gpytorch.optim import NGD

        from archcast.predictors.helpers.gp_models import (
            InducedGP,
            cholesky,
            little_noise,
            some_of,
        )

        generator = self._generator()
        inducing = sized(self.inducing, 100, 0.4, len(x))
        self.model_ = InducedGP(some_of(x, inducing, generator)).to(x)
        self.likelihood_ = little_noise().to(x)
        bound = VariationalELBO(self.likelihood_, self.model_, num_data=len(y))
        natural = NGD(self.model_.variational_parameters(), len(y), self.natural_rate)
        others = [*self.model_.hyperparameters(), *self.likelihood_.parameters()]
        adam = torch.optim.Adam(others, self.learning_rate)
        rows: Tensor | slice = slice(None)
        with cholesky(), torch.random.fork_rng():  # gpytorch draws noise, and scales it to zero
            for _ in range(self.steps):
                if len(y) > self.batch_size:
                    rows = torch.randperm(len(y), generator=generator)[: self.batch_size]
                natural.zero_grad()
                adam.zero_grad()
                (-bound(self.model_(x[rows]), y[rows])).backward()
                natural.step()
                adam.step()
        self.model_.eval()
        self.likelihood_.eval()

    def _query_tensors(self, x: Tensor) -> Tensor:
        return self._query_tensors_with_std(x)[0]

    def _query_tensors_with_std(self, x: Tensor) -> tuple[Tensor, Tensor]:
        from archcast.predictors.helpers.gp_models import mean_and_deviation

        return mean_and_deviation(self.model_, self.likelihood_, x)
