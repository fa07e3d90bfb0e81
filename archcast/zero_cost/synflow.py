"""SynFlow: how much signal flows through a network whose weights are all positive."""

from __future__ import annotations

import torch
from torch import nn

from archcast.zero_cost.graph import BATCH_NORMS, gradients_of, weights_of
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import proxy


@proxy(version=1)
def synflow(passes: Passes) -> float:
    """Sum over weights of weight x dR/dweight, R the summed output for an image of ones.

    All parameters are replaced by their absolute values, and batch norm is left out (Tanaka et
    al., 2020; Abdelfattah et al., 2021). In double precision, for the products over many layers
    overflow single.
    """
    network = _without_batch_norm(passes.fresh()).double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    ones = torch.ones_like(passes.batch.images[:1], dtype=torch.float64)
    weights = weights_of(network)
    gradients = gradients_of(passes.forward(network, ones).sum(), weights)
    return sum((w.detach() * g).sum().item() for w, g in zip(weights, gradients, strict=True))


def _without_batch_norm(module: nn.Module) -> nn.Module:
    for name, child in module.named_children():
        if isinstance(child, BATCH_NORMS):
            setattr(module, name, nn.Identity())
        else:
            _without_batch_norm(child)
    return module
