"""Gradients of single images of a minibatch, in training mode as everywhere."""

from __future__ import annotations

import torch
from torch import Tensor

from archcast.zero_cost.graph import gradients_of, weights_of
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import proxy
from archcast.zero_cost.spectrum import eigenvalues

NTK_IMAGES = 16  # at most; each needs a backward pass of all


@proxy(version=2)
def ntk(passes: Passes) -> float:
    """Minus the condition number of the neural tangent kernel (Chen et al., 2021).

    The kernel holds inner products between gradients of the summed logits of an image with respect
    to all parameters called weights, batch norm's among them, for the first 16 images. As in the
    paper's code these pass together, so that through batch norm each bears on the others' logits. A
    singular kernel, as of a dead network, counts as one at the limit of rounding.
    """
    network = passes.fresh()
    sources: list[Tensor] = [p for name, p in network.named_parameters() if "weight" in name]
    logits = passes.forward(network, passes.batch.images[:NTK_IMAGES])
    rows = [_flat(gradients_of(image.sum(), sources)) for image in logits]
    values = eigenvalues(_gram(torch.stack(rows)))
    rounding = len(values) * torch.finfo(torch.float64).eps
    ratio = (values[0] / values[-1]).item() if values[-1] > 0 else 0.0
    return -1.0 / max(ratio, rounding)


@proxy(version=2)
def gradsign(passes: Passes) -> float:
    """Sum over weights of abs(sum over images of the sign of the gradient) (Zhang & Jia, 2022).

    As in the paper's code each image passes alone, and batch norm sees no pixels but its own.
    """
    network = passes.fresh()
    weights, labels = weights_of(network), passes.labels
    signs = [torch.zeros_like(weight) for weight in weights]
    for image, label in zip(passes.batch.images.split(1), labels.split(1), strict=True):
        loss = passes.loss(network, image, label)
        for total, gradient in zip(signs, gradients_of(loss, weights), strict=True):
            total += gradient.sign()
    return sum(total.abs().sum().item() for total in signs)


def _flat(gradients: list[Tensor]) -> Tensor:
    return torch.cat([gradient.flatten() for gradient in gradients])


def _gram(rows: Tensor, columns: int = 65_536) -> Tensor:
    gram = torch.zeros(len(rows), len(rows), dtype=torch.float64, device=rows.device)
    for block in rows.split(columns, dim=1):
        gram += block.double() @ block.double().T
    return gram
