"""Zen-score: how far a network's features move when its input does."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from archcast.errors import InputError
from archcast.zero_cost.graph import Recorder, Weights
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import proxy

STEP = 0.01
LEAST = 1e-30  # features that do not move at all count as this


@proxy(version=2)
def zen(passes: Passes) -> float:
    """Log of the features' move plus the sum of log deviations that batch norm divides by.

    Weights and images are standard Gaussian; the images move by a hundredth of another Gaussian
    image; the move is the sum of absolute differences of the last feature maps, averaged over the
    minibatch (Lin et al., 2021). A deviation is the root of the mean variance of a batch norm's
    channels, plus the epsilon of that batch norm.
    """
    network = passes.fresh()
    _gaussian_weights(passes.weights_of(network), torch.Generator().manual_seed(passes.seed))
    shape = passes.batch.images.shape
    images, direction = passes.noise(shape, 0), passes.noise(shape, 1)
    with torch.no_grad():
        before, deviations = _features(passes, network, images)
        after, _ = _features(passes, network, images + STEP * direction)
    moved = (after - before).abs().flatten(1).sum(dim=1).mean().item()
    return math.log(max(moved, LEAST)) + sum(math.log(deviation) for deviation in deviations)


def _features(passes: Passes, network: nn.Module, images: Tensor) -> tuple[Tensor, list[float]]:
    with Recorder(network, maps=True) as recorder:
        passes.forward(network, images)
    outputs = [call.output for call in recorder.maps]
    maps = [output for output in outputs if output.ndim == 4 and output[0, 0].numel() > 1]
    if not maps:
        raise InputError("the network has no feature maps larger than one pixel")
    deviations = []
    for features, eps in recorder.norms:
        channels = features.transpose(0, 1).flatten(1)
        variance = channels.var(dim=1, correction=0).mean().item()
        deviations.append(math.sqrt(variance + eps))
    return maps[-1], deviations


@torch.no_grad()
def _gaussian_weights(parameters: Weights, generator: torch.Generator) -> None:
    for weight in parameters.weights:
        weight.copy_(torch.randn(weight.shape, generator=generator))
    for scale in parameters.scales:
        scale.fill_(1.0)
    for shift in (*parameters.biases, *parameters.shifts):
        shift.zero_()
