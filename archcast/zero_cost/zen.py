"""Zen-score: how far a network's features move when its input does."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn

from archcast.errors import InputError
from archcast.zero_cost.graph import BATCH_NORMS, recording
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import proxy
from archcast.zero_cost.weights import draw_weights

STEP, MOMENTUM = 0.01, 0.1
LEAST = 1e-30  # features that do not move at all count as this


@proxy(version=2)
def zen(passes: Passes) -> float:
    """Log of the features' move plus the sum of log deviations of batch norm.

    Weights and images are standard Gaussian; the images move by a hundredth of another Gaussian
    image; the move is the sum of absolute differences of the last feature maps, averaged over the
    minibatch (Lin et al., 2021). Maps are normalised by their own statistics; the deviation of a
    batch norm is, as in the paper's code, the root of its mean running variance, which starts at 1
    and goes a tenth of the way to the variance of each of the two minibatches.
    """
    network = passes.fresh()
    shape = passes.batch.images.shape
    images, direction = passes.noise(shape, 0), passes.noise(shape, 1)
    draw_weights(network, passes.seed, deviation=lambda _: 1.0)
    norms = [module for module in network.modules() if isinstance(module, BATCH_NORMS)]
    for norm in norms:
        norm.track_running_stats, norm.momentum = True, MOMENTUM
        norm.running_mean = images.new_zeros(norm.num_features)
        norm.running_var = images.new_ones(norm.num_features)
    with torch.no_grad():
        before = _features(passes, network, images)
        after = _features(passes, network, images + STEP * direction)
    moved = (after - before).abs().flatten(1).sum(dim=1).mean().item()
    variances = [cast(Tensor, norm.running_var).mean().item() for norm in norms]
    return math.log(max(moved, LEAST)) + sum(math.log(variance) / 2 for variance in variances)


def _features(passes: Passes, network: nn.Module, images: Tensor) -> Tensor:
    leaves = [module for module in network.modules() if not list(module.children())]
    with recording(leaves) as calls:
        passes.forward(network, images)
    maps = [c.output for c in calls if c.output.ndim == 4 and c.output[0, 0].numel() > 1]
    if not maps:
        raise InputError("the network has no feature maps larger than one pixel")
    return maps[-1]
