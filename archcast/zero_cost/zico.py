"""ZiCo: how well gradients agree over minibatches."""

from __future__ import annotations

import torch

from archcast.core.errors import InputError
from archcast.zero_cost.graph import gradients_of
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import proxy


@proxy(version=2)
def zico(passes: Passes) -> float:
    """Sum over layers of log(sum over weights of mean abs(gradient) / its deviation).

    Mean and deviation are over the two halves of the minibatch (Li et al., 2023). Weights with the
    same gradient in both, and layers that have no others, are left out, as in the paper's code.
    """
    if len(passes.batch.images) < 2:
        raise InputError("compares two halves of a minibatch; give at least two images")
    halves = zip(passes.batch.images.chunk(2), passes.labels.chunk(2), strict=True)
    gradients = [
        gradients_of(passes.loss(passes.network, images, labels), passes.weights)
        for images, labels in halves
    ]
    score = 0.0
    for pair in zip(*gradients, strict=True):
        both = torch.stack(pair)
        deviation = both.std(dim=0, correction=0)
        varying = deviation > 0
        total = (both.abs().mean(dim=0)[varying] / deviation[varying]).sum()
        if total > 0:
            score += total.log().item()
    return score
