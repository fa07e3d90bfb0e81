"""SynFlow: how much signal flows through a network whose weights are all positive."""

from __future__ import annotations

import torch

from archcast.zero_cost.graph import InDouble, Linearised, gradients_of
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import proxy


@proxy(version=3)
def synflow(passes: Passes) -> float:
    """Sum over weights of weight x dR/dweight, R the summed output for an image of ones.

    All parameters are replaced by their absolute values, and batch norm is left out (Tanaka et
    al., 2020; Abdelfattah et al., 2021), as is the upper end of ReLU6, which all signals would
    reach. In double precision, for the products over many layers overflow single.
    """
    network = passes.fresh().double().eval()
    with InDouble():
        weights = passes.weights_of(network).weights
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    ones = torch.ones_like(passes.batch.images[:1])
    with InDouble(), Linearised():
        total = passes.forward(network, ones).sum()
    gradients = gradients_of(total, weights)
    return sum((w.detach() * g).sum().item() for w, g in zip(weights, gradients, strict=True))
