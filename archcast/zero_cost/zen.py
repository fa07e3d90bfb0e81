"""Zen-score: how far a network's features move when its input does."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from archcast.core.errors import InputError
from archcast.zero_cost.graph import Recorder
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
    draw_weights(passes.weights_of(network), passes.seed, deviation=lambda _: 1.0)
    shape = passes.batch.images.shape
    images, direction = passes.noise(shape, 0), passes.noise(shape, 1)
    variances: dict[int, Tensor] = {}  # of each batch norm
    with torch.no_grad():
        before = _features(passes, network, images, variances)
        after = _features(passes, network, images + STEP * direction, variances)
    moved = (after - before).abs().flatten(1).sum(dim=1).mean().item()
    deviations = sum(math.log(each.mean().item()) / 2 for each in variances.values())
    return math.log(max(moved, LEAST)) + deviations


def _features(
    passes: Passes, network: nn.Module, images: Tensor, variances: dict[int, Tensor]
) -> Tensor:
    """The last feature maps; what batch norm saw moves its running variances."""
    with Recorder(network, maps=True) as recorder:
        passes.forward(network, images)
    outputs = [call.output for call in recorder.maps]
    maps = [output for output in outputs if output.ndim == 4 and output[0, 0].numel() > 1]
    if not maps:
        raise InputError("the network has no feature maps larger than one pixel")
    for call, (features, norm) in enumerate(recorder.norms):
        channels = features.transpose(0, 1).flatten(1)
        key = call if norm is None else norm
        before = variances.get(key, torch.ones(len(channels)).to(channels))
        variances[key] = torch.lerp(before, channels.var(dim=1), MOMENTUM)
    return maps[-1]
