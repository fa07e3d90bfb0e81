"""Weights drawn anew, for proxies that do not look at the network's own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from archcast.zero_cost.graph import Weights


@torch.no_grad()
def draw_weights(found: Weights, seed: int, deviation: Callable[[Tensor], float]) -> None:
    """Gaussian weights, scales of one for batch norm, and no biases.

    Args:
        found: the parameters of a network; they are changed.
        seed: of the weights.
        deviation: of the weights of a layer, from these.
    """
    generator = torch.Generator().manual_seed(seed)
    for weight in found.weights:
        drawn = torch.randn(weight.shape, generator=generator)
        weight.copy_(deviation(weight) * drawn)
    for scale in found.scales:
        scale.fill_(1.0)
    for shift in (*found.biases, *found.shifts):
        shift.zero_()
