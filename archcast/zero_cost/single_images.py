"""Gradients of one image at a time.

Batch norm is held at the statistics of the minibatch, so that an image's gradient is its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from archcast.zero_cost.graph import HeldStatistics, gradients_of
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import proxy
from archcast.zero_cost.spectrum import eigenvalues

NTK_IMAGES = 32  # at most; all their gradients are held at once


@proxy(version=2)
def ntk(passes: Passes) -> float:
    """Minus the condition number of the neural tangent kernel (Chen et al., 2021).

    The kernel holds inner products between gradients of the summed logits with respect to all
    parameters, for the first 32 images. A singular kernel, as of a dead network, counts as one at
    the limit of rounding.
    """
    network = passes.once(with_batch_statistics)
    images = passes.batch.images[:NTK_IMAGES]
    gradients = _single(
        list(network.parameters()), len(images),
        lambda i: passes.forward(network, images[i : i + 1]).sum(),
    )  # fmt: skip
    rows = torch.stack([torch.cat([g.flatten() for g in one]) for one in gradients])
    values = eigenvalues(_gram(rows))
    rounding = len(values) * torch.finfo(torch.float64).eps
    ratio = (values[0] / values[-1]).item() if values[-1] > 0 else 0.0
    return -1.0 / max(ratio, rounding)


@proxy(version=2)
def gradsign(passes: Passes) -> float:
    """Sum over weights of abs(sum over images of the sign of the gradient) (Zhang & Jia, 2022)."""
    network = passes.once(with_batch_statistics)
    weights, images, labels = passes.weights_of(network).weights, passes.batch.images, passes.labels
    signs = [torch.zeros_like(weight) for weight in weights]
    for gradients in _single(
        weights, len(images),
        lambda i: passes.loss(network, images[i : i + 1], labels[i : i + 1]),
    ):  # fmt: skip
        for total, gradient in zip(signs, gradients, strict=True):
            total += gradient.sign()
    return sum(total.abs().sum().item() for total in signs)


def with_batch_statistics(passes: Passes) -> nn.Module:
    """A copy in evaluation mode whose batch norm applies the statistics of the minibatch."""
    held = _Held(passes.fresh())
    with torch.no_grad():
        passes.forward(held, passes.batch.images)
    return held.eval()


class _Held(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.statistics = network, HeldStatistics()

    def forward(self, images: Tensor) -> Tensor:
        with self.statistics:
            logits: Tensor = self.network(images)
        return logits


def _single(
    sources: list[Tensor], images: int, objective: Callable[[int], Tensor]
) -> Iterator[list[Tensor]]:
    for image in range(images):
        yield gradients_of(objective(image), sources)


def _gram(rows: Tensor, columns: int = 65_536) -> Tensor:
    gram = torch.zeros(len(rows), len(rows), dtype=torch.float64, device=rows.device)
    for block in rows.split(columns, dim=1):
        gram += block.double() @ block.double().T
    return gram
