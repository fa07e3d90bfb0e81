"""How much the loss depends on single weights and channels: measures that come from pruning.

Weights are those of convolutions and linear layers; the loss is the mean cross-entropy.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from archcast.errors import InputError
from archcast.zero_cost.graph import gradients_of
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import proxy


@proxy(version=1)
def grad_norm(passes: Passes) -> float:
    """Sum over layers of the Euclidean norm of the gradient (Abdelfattah et al., 2021)."""
    return sum(float(gradient.norm()) for gradient in passes.gradients.weights)


@proxy(version=1)
def snip(passes: Passes) -> float:
    """Sum over weights of abs(weight x gradient) (Lee et al., 2019)."""
    return sum(product.abs().sum().item() for product in _products(passes))


@proxy(version=1)
def plain(passes: Passes) -> float:
    """Sum over weights of weight x gradient (Abdelfattah et al., 2021)."""
    return sum(product.sum().item() for product in _products(passes))


@proxy(version=2)
def fisher(passes: Passes) -> float:
    """Sum over weights of the Fisher information of the channel that a weight makes.

    That is, for a channel, half the mean square over images of the sum over its map of activation x
    gradient: to second order, what removing the channel changes in the loss (Theis et al., 2018;
    Turner et al., 2020). Channels are the outputs of convolutions and linear layers. Abdelfattah et
    al., 2021, whose numbers are the ones in use, count a channel once for each of its weights.
    """
    total = 0.0
    trace, gradients = passes.trace, passes.gradients.outputs
    for layer, activations, gradient in zip(trace.layers, trace.outputs, gradients, strict=True):
        changes = activations.detach() * gradient
        if changes.ndim > 2:
            changes = changes.sum(dim=tuple(range(2, changes.ndim)))
        weights = cast(Tensor, layer.weight).numel() / changes.shape[1]
        total += weights * changes.square().mean(dim=0).sum().item() / 2
    return total


@proxy(version=2)
def grasp(passes: Passes) -> float:
    """Minus the sum over weights of weight x (Hessian x gradient) (Wang et al., 2020).

    The product is exact: the gradient of the squared norm of the gradient, halved. The paper prunes
    weights that are high on this scale; as a score of networks the sign is that of Abdelfattah et
    al., 2021.
    """
    loss = nn.functional.cross_entropy(passes.trace.logits, passes.labels)
    gradients = gradients_of(loss, passes.weights, create_graph=True)
    halved = sum(((g.detach() * g).sum() for g in gradients), loss.new_zeros(()))
    try:
        products = gradients_of(halved, passes.weights)
    except RuntimeError as error:
        if "not implemented" not in str(error):
            raise
        raise InputError("an operation of the network has no second derivative") from error
    pairs = zip(passes.weights, products, strict=True)
    return -sum((w.detach().double() * p.double()).sum().item() for w, p in pairs)


def _products(passes: Passes) -> list[Tensor]:
    pairs = zip(passes.weights, passes.gradients.weights, strict=True)
    return [weight.detach() * gradient for weight, gradient in pairs]
