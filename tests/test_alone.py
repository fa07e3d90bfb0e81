"""Gradients of images as if each passed alone, against images that do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from archcast.zero_cost import Batch
from archcast.zero_cost import registry as proxies
from archcast.zero_cost.alone import NotSeparableError, gradients_by_image
from archcast.zero_cost.passes import Passes

N = 6


def batch(*shape: int) -> Batch:
    images = torch.randn(N, *shape, generator=torch.Generator().manual_seed(0))
    return Batch(images.double(), torch.arange(N) % 3)


IMAGES, SEQUENCES = batch(2, 8, 8), batch(5, 4)


class Head(nn.Module):
    """Something, the mean over places, and a linear layer."""

    def __init__(self, body: nn.Module, channels: int = 4) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.body(x).flatten(2).mean(dim=2))
        return logits


class Shared(nn.Module):
    """One convolution twice, and changes in place."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3)
        self.again = nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu_(self.norm(self.again(self.first(x))))
        y = self.again(x)
        y += x
        y.mul_(2.0)
        return functional.relu_(y)


class Positions(nn.Module):
    """Linear layers over positions."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 6), nn.Linear(6, 3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.second(functional.gelu(self.first(x)).mean(dim=1))
        return out


class Unused(nn.Module):
    """A branch that is not used, and one that sees zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.unused = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(2, 4, 3)
        self.of_zeros = nn.Conv2d(2, 4, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.used(x) + self.of_zeros(torch.zeros_like(x))
        return out


class Mixing(nn.Module):
    """Each image sees the mean of all."""

    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(dim=0)


class FromConstants(nn.Module):
    """A convolution that sees no image."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.other = nn.Conv2d(2, 4, 3), nn.Conv2d(2, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x) + self.other(torch.ones_like(x))
        return out


class Product(nn.Module):
    """A matrix product by a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 3))

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=1) @ self.weight


class SequenceFirst(nn.Module):
    """As many positions as images, in the first dimension."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(4, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = x.repeat(1, 2, 1)[:, :N].transpose(0, 1)
        out: Tensor = self.head(functional.gelu(self.first(x)).mean(dim=0))
        return out


def sequential(*layers: nn.Module, channels: int = 4) -> nn.Module:
    return Head(nn.Sequential(*layers), channels)


TOGETHER: dict[str, tuple[Callable[[], nn.Module], Batch]] = {
    "plain": (
        lambda: sequential(
            nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AvgPool2d(2),
            nn.Conv2d(4, 4, 1, bias=False), nn.BatchNorm2d(4, affine=False),
        ),
        IMAGES,
    ),
    "grouped": (
        lambda: sequential(
            nn.Conv2d(2, 6, (3, 2), stride=(2, 1), padding=(0, 1), dilation=(1, 2), groups=2),
            nn.GELU(), nn.Conv2d(6, 4, 1, groups=2), nn.GroupNorm(2, 4),
            nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect", groups=4),
        ),
        IMAGES,
    ),
    "in evaluation mode": (lambda: sequential(nn.Conv2d(2, 4, 3), Frozen(4), nn.ReLU()), IMAGES),
    "shared": (lambda: Head(Shared()), IMAGES),
    "unused": (lambda: Head(Unused()), IMAGES),
    "positions": (Positions, SEQUENCES),
}  # fmt: skip
APART: dict[str, tuple[Callable[[], nn.Module], Batch]] = {
    "dropout": (lambda: sequential(nn.Conv2d(2, 4, 3), nn.Dropout(0.3)), IMAGES),
    "mixing": (lambda: sequential(nn.Conv2d(2, 4, 3), Mixing(), nn.ReLU()), IMAGES),
    "padding by name": (lambda: sequential(nn.Conv2d(2, 4, 3, padding="same")), IMAGES),
    "transposed": (lambda: sequential(nn.ConvTranspose2d(2, 4, 3)), IMAGES),
    "from constants": (lambda: Head(FromConstants()), IMAGES),
    "product": (Product, SEQUENCES),
    "sequence first": (SequenceFirst, SEQUENCES),
}


class Frozen(nn.BatchNorm2d):
    """Batch norm that never trains."""

    def train(self, mode: bool = True) -> Frozen:
        super().train(False)
        return self


def passes_of(build: Callable[[], nn.Module], given: Batch) -> Passes:
    def seeded() -> nn.Module:
        with torch.random.fork_rng():
            torch.manual_seed(1)
            return build().double()

    return Passes(seeded, given)


def one_by_one(passes: Passes, network: nn.Module, weights: list[Tensor]) -> list[Tensor]:
    """By weight, (images, ...)."""
    rows = []
    for image, label in zip(passes.batch.images.split(1), passes.labels.split(1), strict=True):
        loss = passes.loss(network, image, label)
        found = torch.autograd.grad(loss, weights, allow_unused=True, materialize_grads=True)
        rows.append(found)
    return [torch.stack(each) for each in zip(*rows, strict=True)]


@pytest.mark.parametrize("kind", TOGETHER)
def test_one_pass_gives_what_single_ones_give(kind: str) -> None:
    passes = passes_of(*TOGETHER[kind])
    network = passes.fresh()
    weights = passes.weights_of(network).weights
    expected = [each for each in one_by_one(passes, network, weights) if each.any()]
    found = [each for each in gradients_by_image(passes, network, weights) if each.any()]
    assert len(found) == len(expected) > 0
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", APART)
def test_what_can_not_pass_together_passes_alone(kind: str) -> None:
    passes = passes_of(*APART[kind])
    network = passes.fresh()
    weights = passes.weights_of(network).weights
    with pytest.raises(NotSeparableError):
        list(gradients_by_image(passes, network, weights))
    signs = [each.sign().sum(dim=0) for each in one_by_one(passes, network, weights)]
    score = proxies.get("gradsign").of(passes)  # type: ignore[union-attr]
    assert score == sum(each.abs().sum().item() for each in signs)
