"""The sampler against a posterior that is known: a normal with correlated, unequal coordinates."""

from __future__ import annotations

from itertools import islice

import pytest
import torch
from torch import Tensor

from archcast.predictors.helpers.sghmc import adaptive_sghmc

MEAN = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
COVARIANCE = torch.tensor([[1.0, 0.8, 0.0], [0.8, 1.0, 0.0], [0.0, 0.0, 0.04]], dtype=torch.float64)
PRECISION = COVARIANCE.inverse()
CHAINS, BURN_IN, CONVERGED, STEPS, THIN = 500, 300, 800, 1800, 20


def sample(step_size: float, noise: float = 0.0, minibatches: bool = False) -> Tensor:
    """Draws of all chains; with `noise`, gradients have that deviation, as of minibatches."""
    generator = torch.Generator().manual_seed(0)

    def potential(position: Tensor) -> Tensor:
        away = position - MEAN
        tilt = noise * torch.randn(position.shape, generator=generator, dtype=position.dtype)
        return torch.einsum("ci,ij,cj", away, PRECISION, away) / 2 + (tilt * position).sum()

    start = torch.zeros((CHAINS, 3), dtype=torch.float64)
    if noise:  # steps get small, and the way from zero long
        normal = torch.randn(start.shape, generator=generator, dtype=start.dtype)
        start = MEAN + normal @ torch.linalg.cholesky(COVARIANCE).T
    steps = adaptive_sghmc(potential, start, generator, BURN_IN, step_size, minibatches=minibatches)
    return torch.cat(list(islice(steps, CONVERGED, STEPS, THIN)))


@pytest.mark.parametrize("step_size", [0.1, 0.2])
def test_samples_have_the_mean_and_covariance_of_the_posterior(step_size: float) -> None:
    draws = sample(step_size)
    scale = COVARIANCE.diagonal().sqrt()
    assert ((draws.mean(dim=0) - MEAN).abs() < 0.05 * scale).all()
    error = (torch.cov(draws.T) - COVARIANCE).abs() / torch.outer(scale, scale)
    assert (error < 0.05).all()


def test_noise_of_minibatches_is_taken_off() -> None:
    """Without that, noise greater than the gradients makes the samples too wide."""
    deviation = COVARIANCE.diagonal().sqrt()
    wide, right = (sample(0.05, 20.0, minibatches).std(dim=0) for minibatches in (False, True))
    assert (wide > 1.15 * deviation).all()
    assert ((right / deviation - 1).abs() < 0.1).all()


def test_chains_start_where_told_and_leave_the_start_alone() -> None:
    start = torch.zeros((1, 3), dtype=torch.float64)
    first, second = islice(
        adaptive_sghmc(lambda p: p.square().sum(), start, torch.Generator().manual_seed(0), 1), 2
    )
    assert not start.any()
    assert not first.requires_grad
    assert not torch.equal(first, second)
