"""Samples from a posterior by stochastic-gradient Hamiltonian Monte Carlo."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import TYPE_CHECKING

from archcast.core.heavy import torch

if TYPE_CHECKING:
    from torch import Tensor


def adaptive_sghmc(
    potential: Callable[[Tensor], Tensor],
    start: Tensor,
    generator: torch.Generator,
    burn_in: int,
    step_size: float = 0.01,
    friction: float = 0.05,
    minibatches: bool = False,
) -> Iterator[Tensor]:
    """Endless steps, each as the position after it, from `start` on; samples after `burn_in`.

    The scale-adapted sampler of Springenberg et al., 2016 (Bayesian Optimization with Robust
    Bayesian Neural Networks, equations 9 and 10), with the defaults of its authors' code. During
    burn-in each coordinate learns the scale of its gradient, as a mean over a window whose length
    it learns too. Both stay fixed afterwards, for samples would be biased otherwise.

    Args:
        potential: minus the log posterior of a position. Chains are independent where positions
            have one more axis, along which the potential sums.
        start: where to start; on the device of `generator`.
        minibatches: whether the potential is an estimate from a part of the data, times n over the
            part's size. The noise of its gradient is then taken off the noise that the sampler
            adds; an exact gradient has none, and step sizes may be larger.
    """
    position, momentum = start, torch.zeros_like(start)
    window, mean, square = torch.ones((3, *start.shape), dtype=start.dtype, device=start.device)
    for step in count():
        at = position.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(potential(at), at)
        if step < burn_in:
            rate = 1 / (window + 1)
            window += 1 - window * mean**2 / square
            mean += rate * (gradient - mean)
            square += rate * (gradient**2 - square)
        inverse_mass = square.clamp_min(1e-16).rsqrt()
        variance = friction * (2 - friction) * step_size**2 * inverse_mass
        if minibatches:
            variance = (variance - step_size**4).clamp_min(0)
        noise = torch.empty_like(position).normal_(generator=generator)
        momentum = (
            (1 - friction) * momentum
            - step_size**2 * inverse_mass * gradient
            + variance.sqrt() * noise
        )
        position = position + momentum
        yield position
