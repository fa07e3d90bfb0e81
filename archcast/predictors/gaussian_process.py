"""Gaussian-process regression."""

from __future__ import annotations

import gpytorch
import torch
from gpytorch.distributions import MultivariateNormal
from gpytorch.kernels import RBFKernel, ScaleKernel
from gpytorch.likelihoods import GaussianLikelihood
from gpytorch.means import ConstantMean
from gpytorch.mlls import ExactMarginalLogLikelihood
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from archcast.predictors.base import Tags, Vector
from archcast.predictors.vector import VectorPredictor


class GaussianProcess(VectorPredictor):
    """Exact Gaussian process with an RBF kernel; its hyperparameters maximise the evidence.

    Features are standardised by the training data. The length scale starts at the root of the
    number of features, about the distance between two standardised points.
    """

    tags = Tags(probabilistic=True, paper="Rasmussen & Williams, 2006")

    def __init__(
        self,
        encoding: str = "graph-features",
        labels: str = "normal",
        steps: int = 80,
        learning_rate: float = 0.1,
    ) -> None:
        self.encoding = encoding
        self.labels = labels
        self.steps = steps
        self.learning_rate = learning_rate

    def _fit_vectors(self, x: Vector, y: Vector) -> None:
        self.scaler_ = StandardScaler().fit(x)
        inputs, targets = self._inputs(x), torch.from_numpy(y)
        self.model_ = ExactGP(inputs, targets).double()
        evidence = ExactMarginalLogLikelihood(self.model_.likelihood, self.model_)
        optimizer = torch.optim.Adam(self.model_.parameters(), self.learning_rate)
        self.model_.train()
        for _ in range(self.steps):
            optimizer.zero_grad()
            (-evidence(self.model_(inputs), targets)).backward()
            optimizer.step()
        self.model_.eval()

    def _query_vectors(self, x: Vector) -> Vector:
        return self._query_vectors_with_std(x)[0]

    def _query_vectors_with_std(self, x: Vector) -> tuple[Vector, Vector]:
        with torch.no_grad(), gpytorch.settings.debug(False):
            predictive = self.model_.likelihood(self.model_(self._inputs(x)))
            return predictive.mean.numpy(), predictive.stddev.numpy()

    def _inputs(self, x: Vector) -> Tensor:
        return torch.from_numpy(self.scaler_.transform(x))


class ExactGP(gpytorch.models.ExactGP):  # type: ignore[misc]
    """Constant mean, scaled RBF kernel with one length scale, Gaussian noise."""

    def __init__(self, inputs: Tensor, targets: Tensor) -> None:
        super().__init__(inputs, targets, GaussianLikelihood())
        self.mean_module = ConstantMean()
        self.covar_module = ScaleKernel(RBFKernel())
        self.covar_module.base_kernel.lengthscale = inputs.shape[1] ** 0.5

    def forward(self, inputs: Tensor) -> MultivariateNormal:
        return MultivariateNormal(self.mean_module(inputs), self.covar_module(inputs))
