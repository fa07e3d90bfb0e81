"""Proxies that look at nothing but the size of a network and its weights."""

from __future__ import annotations

from archcast.networks.flops import count_flops
from archcast.networks.plain import taken_by
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import proxy


@proxy(version=2)
def params(passes: Passes) -> float:
    """The number of parameters, biases and batch norm included."""
    return sum(p.numel() for p in passes.network.parameters())


@proxy(version=2)
def flops(passes: Passes) -> float:
    """The multiply-adds of convolutions and matrix products for one image."""
    return count_flops(passes.network, taken_by(passes.network, passes.batch.images[:1]))


@proxy(version=2)
def layers(passes: Passes) -> float:
    """The number of weights: of convolutions and linear layers, each once however often it runs."""
    return len(passes.weights)


@proxy(version=2)
def l2_norm(passes: Passes) -> float:
    """Sum over layers of the Euclidean norm of the weights (Abdelfattah et al., 2021)."""
    return sum(float(weight.detach().norm()) for weight in passes.weights)
