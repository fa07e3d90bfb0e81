"""What the supernets of every space offer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from torch import Tensor, nn

from archcast.spaces.space import Architecture

Path = Sequence[int]  # of each decision the option, as in `Architecture.choices`
Selection = Path | Tensor


class Supernet(nn.Module, ABC):
    """All architectures of a space in one network, which share their weights.

    A forward pass takes inputs and a selection of options: a path, which runs one option a
    decision; or a mixture, a tensor (decisions, most options) that weighs them, 0 where a decision
    has fewer. Options that are not on the path, or weigh exactly 0, do not run and get no gradient.
    The weights of a mixture get theirs. Every path is allowed, also where the space allows fewer.
    """

    @abstractmethod
    def forward(self, inputs: Tensor, selection: Selection) -> Tensor:
        """Logits of shape (n, classes)."""

    @abstractmethod
    def inherit(self, architecture: Architecture) -> nn.Module:
        """The network of one architecture, with a copy of its share of the weights."""


class Subnet(nn.Module):
    """One path of a supernet: a network whose weights and statistics are the supernet's own."""

    def __init__(self, supernet: Supernet, path: Path) -> None:
        super().__init__()
        self.supernet, self.path = supernet, path

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.supernet(inputs, self.path)
        return logits


def weighed_sum(options: Iterable[tuple[Tensor, nn.Module]], inputs: Tensor) -> Tensor | None:
    """What options make of inputs, each weighed; None where all weigh nothing."""
    terms = [weight * option(inputs) for weight, option in options if weight != 0]
    return sum(terms[1:], terms[0]) if terms else None


def nothing(features: Tensor, channels: int, stride: int) -> Tensor:
    """Zeros of the shape that operations of so many channels and this stride give."""
    height, width = (-(-side // stride) for side in features.shape[2:])
    return features.new_zeros(len(features), channels, height, width)
