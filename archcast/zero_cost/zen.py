"""Zen-score: how far a network's features move when its input does."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from archcast.errors import InputError
from archcast.zero_cost.graph import BATCH_NORMS, WEIGHTED, recording
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import proxy

STEP = 0.01
LEAST = 1e-30  # features that do not move at all count as this


@proxy(version=1)
def zen(passes: Passes) -> float:
    """Log of the features' move plus the sum of log deviations that batch norm divides by.

    Weights and images are standard Gaussian; the images move by a hundredth of another Gaussian
    image; the move is the sum of absolute differences of the last feature maps, averaged over the
    minibatch (Lin et al., 2021). A deviation is the root of the mean variance of a batch norm's
    channels, plus the epsilon of that batch norm.
    """
    network = passes.fresh()
    _gaussian_weights(network, torch.Generator().manual_seed(passes.seed))
    shape = passes.batch.images.shape
    images, direction = passes.noise(shape, 0), passes.noise(shape, 1)
    with torch.no_grad():
        before, deviations = _features(passes, network, images)
        after, _ = _features(passes, network, images + STEP * direction)
    moved = (after - before).abs().flatten(1).sum(dim=1).mean().item()
    return math.log(max(moved, LEAST)) + sum(math.log(deviation) for deviation in deviations)


def _features(passes: Passes, network: nn.Module, images: Tensor) -> tuple[Tensor, list[float]]:
    leaves = [module for module in network.modules() if not list(module.children())]
    with recording(leaves) as calls:
        passes.forward(network, images)
    maps = [c.output for c in calls if c.output.ndim == 4 and c.output[0, 0].numel() > 1]
    if not maps:
        raise InputError("the network has no feature maps larger than one pixel")
    deviations = []
    for call in calls:
        if isinstance(call.module, BATCH_NORMS):
            channels = call.input.transpose(0, 1).flatten(1)
            variance = channels.var(dim=1, correction=0).mean().item()
            deviations.append(math.sqrt(variance + call.module.eps))
    return maps[-1], deviations


@torch.no_grad()
def _gaussian_weights(network: nn.Module, generator: torch.Generator) -> None:
    for module in network.modules():
        if isinstance(module, WEIGHTED):
            module.weight.copy_(torch.randn(module.weight.shape, generator=generator))
            if module.bias is not None:
                module.bias.zero_()
        elif isinstance(module, BATCH_NORMS) and module.affine:
            module.weight.fill_(1.0)
            module.bias.zero_()
