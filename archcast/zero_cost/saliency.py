"""How much the loss depends on single weights and channels: measures that come from pruning.

Weights are those of convolutions and linear layers; the loss is the mean cross-entropy.
"""

from __future__ import annotations

import torch
from torch import Tensor

from archcast.zero_cost.graph import gradients_of
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import proxy


@proxy(version=2)
def grad_norm(passes: Passes) -> float:
    """Sum over layers of the Euclidean norm of the gradient (Abdelfattah et al., 2021)."""
    return sum(float(gradient.norm()) for gradient in passes.gradients.weights)


@proxy(version=2)
def snip(passes: Passes) -> float:
    """Sum over weights of abs(weight x gradient) (Lee et al., 2019)."""
    return sum(product.abs().sum().item() for product in _products(passes))


@proxy(version=2)
def plain(passes: Passes) -> float:
    """Sum over weights of weight x gradient (Abdelfattah et al., 2021)."""
    return sum(product.sum().item() for product in _products(passes))


@proxy(version=2)
def fisher(passes: Passes) -> float:
    """Sum over channels of half the mean square of what removing a channel changes in the loss.

    To first order that is, for one image, the sum over the channel's map of activation x gradient
    (Theis et al., 2018; Turner et al., 2020). Channels are the outputs of convolutions and linear
    layers.
    """
    total = 0.0
    pairs = zip(passes.trace.outputs, passes.gradients.outputs, strict=True)
    for activations, gradients in pairs:
        changes = activations.detach() * gradients
        if changes.ndim > 2:
            changes = changes.sum(dim=tuple(range(2, changes.ndim)))
        total += changes.square().mean(dim=0).sum().item() / 2
    return total


@proxy(version=2)
def grasp(passes: Passes) -> float:
    """Minus the sum over weights of weight x (Hessian x gradient) (Wang et al., 2020).

    That is minus the slope of gradient(a x weights) . gradient(weights) at a = 1, taken as a
    central difference: as all weights grow alike hardly a ReLU changes sides, so it is accurate,
    at a third of the cost of differentiating the gradient. The paper prunes weights that are high
    on this scale; as a score of networks the sign is that of Abdelfattah et al., 2021.
    """
    step: float = torch.finfo(passes.batch.images.dtype).eps ** (1.0 / 3.0)
    above, below = (_gradient_along(passes, 1.0 + sign * step) for sign in (1, -1))
    return (below - above) / (2.0 * step)


def _gradient_along(passes: Passes, scale: float) -> float:
    """The inner product of gradients, at all weights times `scale` and at the weights."""
    network = passes.fresh()
    weights = passes.weights_of(network).weights
    with torch.no_grad():
        for weight in weights:
            weight *= scale
    loss = passes.loss(network, passes.batch.images, passes.labels)
    pairs = zip(gradients_of(loss, weights), passes.gradients.weights, strict=True)
    return sum(float((scaled.double() * gradient.double()).sum()) for scaled, gradient in pairs)


def _products(passes: Passes) -> list[Tensor]:
    pairs = zip(passes.weights, passes.gradients.weights, strict=True)
    return [weight.detach() * gradient for weight, gradient in pairs]
