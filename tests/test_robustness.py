"""Attacks by hand: a linear network, whose worst case is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archcast.making.robustness import Attack, misled, robustness
from archcast.tasks.images import ImageData, load_images

MEAN, DEVIATION = 0.4, 0.25


class Linear(nn.Module):
    """Logits 0 and w x of images of two pixels."""

    def __init__(self, weights: list[float]) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.tensor(weights))

    def forward(self, images: Tensor) -> Tensor:
        score = images.flatten(1) @ self.weights
        return torch.stack([torch.zeros_like(score), score], dim=1)


def data(pixels: Tensor, labels: Tensor) -> ImageData:
    images = ((pixels - MEAN) / DEVIATION).reshape(-1, 1, 1, 2)
    return ImageData(images, labels, *(torch.full((1, 1, 1), value) for value in (MEAN, DEVIATION)))


@pytest.mark.parametrize("budget", [0.02, 0.1, 0.5])
def test_of_a_linear_network_the_worst_image_is_a_corner(budget: float) -> None:
    """Within the budget and within the pixels that exist."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(400, 2, generator=generator)
    weights = torch.tensor([1.5, -0.5])
    labels = ((pixels - MEAN) / DEVIATION @ weights > 0).long()
    against = torch.where(labels[:, None] == 1, -weights.sign(), weights.sign())
    worst = (pixels + budget * against).clamp(0.0, 1.0)
    right = ((worst - MEAN) / DEVIATION @ weights > 0).long() == labels
    found = robustness(Linear(weights.tolist()), data(pixels, labels), Attack(budget, images=400))
    expected = 100.0 * right.double().mean().item()
    assert found.fgsm == pytest.approx(expected)
    assert found.pgd == pytest.approx(expected)


def test_short_steps_find_what_one_long_step_jumps_over() -> None:
    class Valley(Linear):
        """Wrong for first pixels between 0.56 and 0.64."""

        def forward(self, images: Tensor) -> Tensor:
            pixel = images.flatten(1)[:, 0] * DEVIATION + MEAN
            score = 30.0 * (pixel - 0.6) ** 2 - 0.05
            return torch.stack([torch.zeros_like(score), score], dim=1)

    images = data(torch.tensor([[0.5, 0.5]]), torch.tensor([1]))
    # At 0.66 after the long step; at 0.58, 0.66, 0.58, ... after short ones.
    assert robustness(Valley([0.0]), images, Attack(0.16, steps=5)) == (100.0, 0.0)


@pytest.mark.parametrize("budget", [0.02, 0.5])
def test_a_misleading_step_starts_anywhere_within_the_budget(budget: float) -> None:
    """It ends at the corner but for what a quarter of the budget leaves of the start."""
    pixels = torch.rand(400, 2, generator=torch.Generator().manual_seed(0))
    weights = torch.tensor([1.5, -0.5])
    labels = torch.arange(400) % 2
    images = data(pixels, labels)
    network, asked = Linear(weights.tolist()), list[Tensor]()
    network.register_forward_pre_hook(lambda _, given: asked.extend(given))
    changed = misled(network, images, budget, np.random.default_rng(7))
    found = changed.inputs.reshape(-1, 2) * DEVIATION + MEAN
    noise = np.random.default_rng(7).uniform(-1.0, 1.0, (400, 1, 1, 2)).reshape(-1, 2)
    start = (pixels + budget * torch.from_numpy(noise).float()).clamp(0.0, 1.0)
    against = torch.where(labels[:, None] == 1, -weights.sign(), weights.sign())
    goal = start + 1.25 * budget * against
    expected = goal.maximum(pixels - budget).minimum(pixels + budget).clamp(0.0, 1.0)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    assert torch.equal(changed.targets, labels)
    seen = asked[0].reshape(-1, 2) * DEVIATION + MEAN
    torch.testing.assert_close(seen, start, rtol=0, atol=1e-6)
    one, other = (each.loss(network(each.inputs), labels) for each in (images, changed))
    assert other > one


def test_only_the_first_images_and_without_a_budget_nothing_changes() -> None:
    pixels = torch.tensor([[0.9, 0.5], [0.1, 0.5], [0.9, 0.5]])
    images = data(pixels, torch.tensor([1, 0, 0]))
    network = Linear([1.0, 0.0])
    assert robustness(network, images, Attack(0.0, images=2)) == (100.0, 100.0)
    assert robustness(network, images, Attack(0.0)) == pytest.approx((200 / 3, 200 / 3))


def test_a_network_that_does_not_look_keeps_its_accuracy() -> None:
    class Blind(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bias = nn.Parameter(torch.tensor([0.0, 1.0]))

        def forward(self, images: Tensor) -> Tensor:
            return self.bias.expand(len(images), 2)

    images = data(torch.rand(10, 2), torch.arange(10) % 2)
    assert robustness(Blind(), images, Attack(0.5)) == (50.0, 50.0)


def test_statistics_are_those_that_images_were_standardised_with() -> None:
    images = load_images("fashion-mnist-14")
    test = images.data("cpu")["test"]
    pixels = test.inputs * test.deviation + test.mean
    np.testing.assert_allclose(
        pixels[:50, 0].numpy(), images.test.images[:50, ..., 0] / 255.0, atol=1e-6
    )
