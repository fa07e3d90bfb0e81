"""Gaussian-process regression: exact, and by inducing points."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from math import log, sqrt

import gpytorch
import torch
from gpytorch import settings
from gpytorch.constraints import GreaterThan, Interval, Positive
from gpytorch.distributions import MultivariateNormal
from gpytorch.kernels import InducingPointKernel, Kernel, MaternKernel, ScaleKernel
from gpytorch.likelihoods import GaussianLikelihood
from gpytorch.means import ConstantMean
from gpytorch.mlls import ExactMarginalLogLikelihood
from gpytorch.priors import LogNormalPrior
from linear_operator.utils.errors import NotPSDError
from linear_operator.utils.warnings import NumericalWarning
from torch import Tensor

from archcast.predictors.helpers.tensor import TensorPredictor
from archcast.predictors.predictor import Tags


class GaussianProcess(TensorPredictor):
    """Exact Gaussian process whose hyperparameters maximise the evidence, by L-BFGS.

    See `matern` for the kernel; `steps` bounds the iterations. The study's kernel is squared
    exponential, with one length scale that is never fitted.
    """

    tags = Tags(probabilistic=True, paper="Rasmussen & Williams, 2006")
    dtype = torch.float64

    def __init__(
        self,
        encoding: str = "auto",
        labels: str = "normal",
        steps: int = 20,
        device: str = "cpu",
    ) -> None:
        self.encoding = encoding
        self.labels = labels
        self.steps = steps
        self.device = device

    def _fit_tensors(self, x: Tensor, y: Tensor) -> None:
        likelihood = little_noise()
        self.model_ = ExactGP(x, y, likelihood, self._kernel(x, likelihood)).to(x)
        evidence = ExactMarginalLogLikelihood(likelihood, self.model_)
        optimizer = torch.optim.LBFGS(
            self.model_.parameters(), max_iter=self.steps, line_search_fn="strong_wolfe"
        )

        tried: list[tuple[float, dict[str, Tensor]]] = []

        def loss() -> Tensor:
            optimizer.zero_grad()
            value: Tensor = -evidence(self.model_(x), y)
            value.backward()
            tried.append((value.item(), deepcopy(self.model_.state_dict())))
            return value

        self.model_.train()
        with cholesky():
            try:
                optimizer.step(loss)
            except NotPSDError:  # the line search went where floating point gives no kernel
                _, best = min(tried, key=lambda trial: trial[0])
                self.model_.load_state_dict(best)
        self.model_.eval()

    def _kernel(self, x: Tensor, likelihood: GaussianLikelihood) -> Kernel:
        return matern(x.shape[1])

    def _query_tensors(self, x: Tensor) -> Tensor:
        with cholesky(), settings.skip_posterior_variances():
            scores: Tensor = self.model_(x).mean
        return scores

    def _query_tensors_with_std(self, x: Tensor) -> tuple[Tensor, Tensor]:
        with cholesky():
            predictive = self.model_.likelihood(self.model_(x))
            return predictive.mean, predictive.stddev


class SparseGP(GaussianProcess):
    """Gaussian process seen through inducing points, which move to maximise the evidence.

    They start on a random part of the training data; with as many labels as points, or fewer, on
    all of it. The cost of a step grows linearly with the labels.
    """

    tags = Tags(probabilistic=True, paper="Titsias, 2009, SGPR")

    def __init__(
        self,
        encoding: str = "auto",
        labels: str = "normal",
        inducing: int = 200,
        steps: int = 20,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        super().__init__(encoding, labels, steps, device)
        self.inducing = inducing
        self.seed = seed

    def _kernel(self, x: Tensor, likelihood: GaussianLikelihood) -> Kernel:
        points = some_of(x, self.inducing, self._generator())
        return InducingPointKernel(matern(x.shape[1]), points, likelihood)


def some_of(x: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Up to `most` random rows of `x`, no two of them equal: two would make a kernel singular."""
    distinct: Tensor = x.unique(dim=0)
    return distinct[torch.randperm(len(distinct), generator=generator)[:most]]


class ExactGP(gpytorch.models.ExactGP):  # type: ignore[misc]
    """Constant mean, any kernel, Gaussian noise."""

    def __init__(
        self, x: Tensor, y: Tensor, likelihood: GaussianLikelihood, kernel: Kernel
    ) -> None:
        super().__init__(x, y, likelihood)
        self.mean_module = ConstantMean()
        self.covar_module = kernel

    def forward(self, x: Tensor) -> MultivariateNormal:
        return MultivariateNormal(self.mean_module(x), self.covar_module(x))


def matern(features: int) -> Kernel:
    """Matern 5/2 with a length scale a feature, so that the labels say which features matter.

    Where features outnumber labels this overfits, but for a prior: length scales grow with the
    root of the number of features, about the distance of standardised points (in the manner of
    Hvarfner et al., 2024, Vanilla Bayesian Optimization Performs Great in High Dimensions).
    """
    prior = LogNormalPrior(0.5 + log(features) / 2, 0.7)
    logarithmic = Positive(transform=torch.exp, inv_transform=torch.log)
    kernel = MaternKernel(
        2.5, ard_num_dims=features, lengthscale_prior=prior, lengthscale_constraint=logarithmic
    )
    kernel.lengthscale = sqrt(features)
    scaled = ScaleKernel(kernel, outputscale_constraint=Interval(0.05, 20.0))
    scaled.outputscale = 1.0
    return scaled


def little_noise() -> GaussianLikelihood:
    """Noise that starts at a tenth of the variance of standardised labels, and can't vanish."""
    likelihood = GaussianLikelihood(noise_constraint=GreaterThan(1e-3))
    likelihood.noise = 0.1
    return likelihood


@contextmanager
def cholesky() -> Iterator[None]:
    """Exact arithmetic at any size: beyond 800 rows gpytorch would draw random numbers."""
    with warnings.catch_warnings(), settings.fast_computations(False, False, False):
        warnings.simplefilter("ignore", NumericalWarning)  # of jitter added where it was needed
        with settings.debug(False):
            yield
