"""Gradients of single images of a minibatch, in training mode as everywhere."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from archcast.core.errors import InputError
from archcast.zero_cost.alone import NotSeparableError, gradients_by_image
from archcast.zero_cost.graph import gradients_of
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import proxy
from archcast.zero_cost.spectrum import eigenvalues

NTK_IMAGES = 16  # at most; each needs a backward pass of all


@proxy(version=2)
def ntk(passes: Passes) -> float:
    """Minus the condition number of the neural tangent kernel (Chen et al., 2021).

    The kernel holds inner products between gradients of the summed logits of an image with respect
    to all weights, and the scales of batch norm among them, for the first 16 images. As in the
    paper's code these pass together, so that through batch norm each bears on the others' logits. A
    singular kernel, as of a dead network, counts as one at the limit of rounding.
    """
    if len(passes.batch.images) < 2:
        raise InputError("ntk compares images; give two or more")
    sources = passes.surveyed.weights + passes.surveyed.scales
    logits = passes.forward(passes.network, passes.batch.images[:NTK_IMAGES])
    rows = [_flat(gradients_of(image.sum(), sources)) for image in logits]
    values = eigenvalues(_gram(torch.stack(rows)))
    rounding = len(values) * torch.finfo(torch.float64).eps
    ratio = (values[0] / values[-1]).item() if values[-1] > 0 else 0.0
    return -1.0 / max(ratio, rounding)


@proxy(version=3)
def gradsign(passes: Passes) -> float:
    """Sum over weights of abs(sum over images of the sign of the gradient) (Zhang & Jia, 2022).

    As in the paper's code each image passes alone, and batch norm sees no pixels but its own.
    Where that can be had from one pass of all, it is.
    """
    network, weights = passes.network, passes.weights
    try:
        found = gradients_by_image(passes, network, weights)
        return sum(each.sign().sum(dim=0).abs().sum().item() for each in found)
    except NotSeparableError:
        return sum(total.abs().sum().item() for total in _signs(passes, network, weights))


def _signs(passes: Passes, network: nn.Module, weights: list[Tensor]) -> list[Tensor]:
    """The signs of the gradients of each image that passes alone, added up."""
    signs = [torch.zeros_like(weight) for weight in weights]
    for image, label in zip(passes.batch.images.split(1), passes.labels.split(1), strict=True):
        loss = passes.loss(network, image, label)
        for total, gradient in zip(signs, gradients_of(loss, weights), strict=True):
            total += gradient.sign()
    return signs


def _flat(gradients: list[Tensor]) -> Tensor:
    return torch.cat([gradient.flatten() for gradient in gradients])


def _gram(rows: Tensor, columns: int = 65_536) -> Tensor:
    gram = torch.zeros(len(rows), len(rows), dtype=torch.float64, device=rows.device)
    for block in rows.split(columns, dim=1):
        gram += block.double() @ block.double().T
    return gram
