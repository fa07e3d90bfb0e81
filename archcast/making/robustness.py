"""How much of its accuracy a network keeps on images that were changed to mislead it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
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
    step = _steps(data, attack.budget)
    uphill = _uphill(network, images, labels)
    once = step(images, uphill, 1.0)
    changed = step(images, uphill, 2.5 / attack.steps)
    for _ in range(attack.steps - 1):
        changed = step(changed, _uphill(network, changed, labels), 2.5 / attack.steps)
    return Robustness(*(_accuracy(network, each, labels) for each in (once, changed)))


def misled(
    network: Callable[[Tensor], Tensor], data: ImageData, budget: float, rng: np.random.Generator
) -> ImageData:
    """Images that mislead `network` more: one step from a random start (Wong et al., 2020).

    The start is uniform within the budget a pixel, and the step is 1.25 times as long; both are
    brought back as in `robustness`. What the network counts while it runs, it counts.
    """
    step = _steps(data, budget)
    noise = torch.from_numpy(rng.uniform(-1.0, 1.0, tuple(data.inputs.shape))).to(data.inputs)
    start = step(data.inputs, noise, 1.0)
    return data.of(step(start, _uphill(network, start, data.targets), 1.25), data.targets)


def _steps(data: ImageData, budget: float) -> Callable[[Tensor, Tensor, float], Tensor]:
    """A function of where images are, a direction, and how many budgets to go along it."""
    radius, black, white = (
        (value - shift) / data.deviation
        for value, shift in ((budget, 0.0), (0.0, data.mean), (1.0, data.mean))
    )
    low, high = (data.inputs - radius).maximum(black), (data.inputs + radius).minimum(white)

    def step(start: Tensor, direction: Tensor, length: float) -> Tensor:
        return (start + length * radius * direction).clamp(low, high)

    return step


def _uphill(network: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor) -> Tensor:
    """The sign of the gradient of the loss, 0 where it does not depend on a pixel."""
    images = images.detach().requires_grad_(True)
    loss = nn.functional.cross_entropy(network(images), labels, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, images, allow_unused=True, materialize_grads=True)
    return gradient.sign()


@torch.no_grad()
def _accuracy(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    correct = int((network(images).argmax(dim=1) == labels).sum())
    return 100.0 * correct / len(labels)
