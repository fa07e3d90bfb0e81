"""Gaussian processes of gpytorch: models, kernel, noise, and exact arithmetic."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from math import exp, log, sqrt

import gpytorch
import torch
from gpytorch import settings
from gpytorch.constraints import GreaterThan, Interval, Positive
from gpytorch.distributions import MultivariateNormal
from gpytorch.kernels import Kernel, MaternKernel, ScaleKernel
from gpytorch.likelihoods import GaussianLikelihood
from gpytorch.means import ConstantMean
from gpytorch.models import ApproximateGP
from gpytorch.priors import LogNormalPrior
from gpytorch.variational import NaturalVariationalDistribution, VariationalStrategy
from linear_operator.utils.warnings import NumericalWarning
from torch import Tensor


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


class InducedGP(ApproximateGP):  # type: ignore[misc]
    """Constant mean, the kernel `matern`, and the distribution at the inducing points."""

    def __init__(self, inducing: Tensor) -> None:
        distribution = NaturalVariationalDistribution(len(inducing), mean_init_std=0.0)
        super().__init__(VariationalStrategy(self, inducing, distribution))
        self.mean_module = ConstantMean()
        self.covar_module = matern(inducing.shape[1])

    def forward(self, x: Tensor) -> MultivariateNormal:
        return MultivariateNormal(self.mean_module(x), self.covar_module(x))


def matern(features: int) -> Kernel:
    """Matern 5/2 with a length scale a feature, so that the labels say which features matter.

    Where features outnumber labels this overfits, but for a prior: length scales grow with the
    root of the number of features, as the distance of standardised points does. Its median is that
    of Hvarfner et al. (2024, Vanilla Bayesian Optimization Performs Great in High Dimensions), and
    it is narrower; they start where it is densest.
    """
    location, width = sqrt(2) + log(features) / 2, 0.7
    prior = LogNormalPrior(location, width)
    logarithmic = Positive(transform=torch.exp, inv_transform=torch.log)
    kernel = MaternKernel(
        2.5, ard_num_dims=features, lengthscale_prior=prior, lengthscale_constraint=logarithmic
    )
    kernel.lengthscale = exp(location - width**2)
    scaled = ScaleKernel(kernel, outputscale_constraint=Interval(0.05, 20.0))
    scaled.outputscale = 1.0
    return scaled


def little_noise() -> GaussianLikelihood:
    """Noise that starts at a tenth of the variance of standardised labels, and can't vanish."""
    likelihood = GaussianLikelihood(noise_constraint=GreaterThan(1e-3))
    likelihood.noise = 0.1
    return likelihood


@contextmanager
def cholesky(low_rank: bool = False) -> Iterator[None]:
    """Exact arithmetic at any size: beyond 800 rows gpytorch would draw random numbers.

    Of kernels of a `low_rank` it decomposes the small matrix, and the evidence is exact either way.
    """
    with warnings.catch_warnings(), settings.fast_computations(False, low_rank, False):
        warnings.simplefilter("ignore", NumericalWarning)  # of jitter added where it was needed
        with settings.debug(False):
            yield


def mean_and_deviation(
    model: gpytorch.models.GP, likelihood: GaussianLikelihood, x: Tensor
) -> tuple[Tensor, Tensor]:
    """Of labels (n,) at features (n, features), their noise included."""
    with cholesky():
        predictive = likelihood(model(x))
        return predictive.mean, predictive.stddev
