"""How much of its accuracy a network keeps on images that were changed to mislead it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from archcast.tasks.images import ImageData


@dataclass(frozen=True, slots=True)
class Attack:
    """Changes of at most `budget` a pixel, in every channel; pixels are from 0 to 1.

    Of the projected gradient, `steps` steps of `2.5 * budget / steps` each.
    """

    budget: float = 8 / 255
    steps: int = 4
    images: int = 1_000  # the first ones


ATTACK = Attack()


class Robustness(NamedTuple):
    """Accuracies in percent on attacked images."""

    fgsm: float  # one step of the gradient's sign (Goodfellow et al., 2015)
    pgd: float  # projected gradient (Madry et al., 2018), without a random start


def robustness(network: nn.Module, data: ImageData, attack: Attack) -> Robustness:
    """The accuracies of `network`, which is put into evaluation mode, under an attack.

    Each step follows the sign of the gradient of the cross-entropy, and what it gives is brought
    back to within the budget of the image, and to pixels that exist.
    """
    network.eval()
    data = data.first(attack.images)
    images, labels = data.inputs, data.targets
    radius, black, white = (
        (value - shift) / data.deviation
        for value, shift in ((attack.budget, 0.0), (0.0, data.mean), (1.0, data.mean))
    )
    low, high = (images - radius).maximum(black), (images + radius).minimum(white)

    def step(start: Tensor, direction: Tensor, length: float) -> Tensor:
        return (start + length * radius * direction).clamp(low, high)

    uphill = _uphill(network, images, labels)
    once = step(images, uphill, 1.0)
    changed = step(images, uphill, 2.5 / attack.steps)
    for _ in range(attack.steps - 1):
        changed = step(changed, _uphill(network, changed, labels), 2.5 / attack.steps)
    return Robustness(*(_accuracy(network, each, labels) for each in (once, changed)))


def _uphill(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """The sign of the gradient of the loss, 0 where it does not depend on a pixel."""
    images = images.detach().requires_grad_(True)
    loss = nn.functional.cross_entropy(network(images), labels, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, images, allow_unused=True, materialize_grads=True)
    return gradient.sign()


@torch.no_grad()
def _accuracy(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    correct = int((network(images).argmax(dim=1) == labels).sum())
    return 100.0 * correct / len(labels)
