"""How much the loss depends on single weights and channels: measures that come from pruning.

Weights are those of convolutions and linear layers; the loss is the mean cross-entropy.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from archcast.core.errors import InputError
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
    """Sum over weights of the Fisher information of the channel that a weight makes.

    Channels and their information are as in `fisher_channels`. Abdelfattah et al., 2021, whose
    numbers are the ones in use, count a channel once for each of its weights.
    """
    calls = passes.trace.weighted
    informations = zip(calls, _informations(passes), strict=True)
    return sum(call.weights * float(each.mean()) for call, each in informations)


@proxy(version=1)
def fisher_channels(passes: Passes) -> float:
    """Sum over channels of their Fisher information.

    That is, for a channel, half the mean square over images of the sum over its map of activation x
    gradient: to second order, what removing the channel changes in the loss (Theis et al., 2018;
    Turner et al., 2020). Channels are the outputs of convolutions and linear layers.
    """
    return sum(float(each.sum()) for each in _informations(passes))


def _informations(passes: Passes) -> Iterator[Tensor]:
    """The information of the channels of each layer, of shape (channels,)."""
    for maps, gradients in zip(passes.trace.outputs, passes.gradients.outputs, strict=True):
        changes = maps.detach() * gradients
        if changes.ndim > 2:
            changes = changes.sum(dim=tuple(range(2, changes.ndim)))
        yield changes.square().mean(dim=0) / 2


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
