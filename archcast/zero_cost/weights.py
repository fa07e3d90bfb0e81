"""Weights drawn anew, for proxies that do not look at the network's own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from archcast.zero_cost.graph import BATCH_NORMS, WEIGHTED


@torch.no_grad()
def draw_weights(network: nn.Module, seed: int, deviation: Callable[[Tensor], float]) -> None:
    """Gaussian weights for convolutions and linear layers, ones for batch norm, no biases.

    Args:
        network: is changed.
        seed: of the weights.
        deviation: of the weights of a layer, from these.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, WEIGHTED):
            weights = torch.randn(module.weight.shape, generator=generator)
            module.weight.copy_(deviation(module.weight) * weights)
        elif isinstance(module, BATCH_NORMS) and module.affine:
            module.weight.fill_(1.0)
        else:
            continue
        if module.bias is not None:
            module.bias.zero_()
