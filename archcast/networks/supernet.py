"""What the supernets of every space offer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from archcast.core.errors import InputError
from archcast.spaces.space import Architecture

Path = Sequence[int]  # of each decision the option, as in `Architecture.choices`
Selection = Path | Tensor
M = TypeVar("M", bound=nn.Module)


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

    def weighed(self, mixture: Tensor) -> Iterable[tuple[Tensor, nn.Module]]:
        """The modules that not all paths have, and how likely one has each that a mixture draws.

        Raises:
            InputError: paths have parts of modules.
        """
        raise InputError(
            "paths of this supernet have parts of its modules, whose size on average is not known;"
            " choose a space whose options are whole modules"
        )

    def size(self, mixture: Tensor) -> Tensor:
        """How many parameters a path has on average that a mixture draws, decision by decision.

        Raises:
            InputError: paths have parts of modules.
        """
        weights, modules = zip(*self.weighed(mixture), strict=True)
        counts = mixture.new_tensor([_count(module) for module in modules])
        return _count(self) - counts.sum() + torch.stack(weights) @ counts


class SlicedSupernet(Supernet):
    """A supernet whose architectures have the first channels of what its modules have.

    A narrow network, made without weights of its own (on `meta`), runs with a share of the
    supernet's. `place` says by which name the supernet has what the narrow one has.
    """

    def run(self, narrow: nn.Module, place: Callable[[str], str], inputs: Tensor) -> Tensor:
        """What the narrow network gives; statistics of batch norm are the supernet's own."""
        for name, module in narrow.named_modules():
            if isinstance(module, nn.BatchNorm2d):
                own = self.get_submodule(place(name))
                assert isinstance(own, nn.BatchNorm2d)
                module.training, module.momentum = own.training, own.momentum
        logits: Tensor = functional_call(narrow, self._share(narrow, place), (inputs,))
        return logits

    def copied(self, narrow: M, place: Callable[[str], str]) -> M:
        """The narrow network, with a copy of its share of the weights."""
        share = {name: own.detach().clone() for name, own in self._share(narrow, place).items()}
        narrow.load_state_dict(share, assign=True)
        return narrow

    def _share(self, narrow: nn.Module, place: Callable[[str], str]) -> dict[str, Tensor]:
        own = dict(chain(self.named_parameters(), self.named_buffers()))
        return {
            name: own[place(name)][tuple(map(slice, like.shape))]
            for name, like in chain(narrow.named_parameters(), narrow.named_buffers())
        }


class Subnet(nn.Module):
    """One path of a supernet: a network whose weights and statistics are the supernet's own."""

    def __init__(self, supernet: Supernet, path: Path) -> None:
        super().__init__()
        self.supernet, self.path = supernet, path

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.supernet(inputs, self.path)
        return logits


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def weighed_sum(options: Iterable[tuple[Tensor, nn.Module]], inputs: Tensor) -> Tensor | None:
    """What options make of inputs, each weighed; None where all weigh nothing."""
    terms = [weight * option(inputs) for weight, option in options if weight != 0]
    return sum(terms[1:], terms[0]) if terms else None


def nothing(features: Tensor, channels: int, stride: int) -> Tensor:
    """Zeros of the shape that operations of so many channels and this stride give."""
    height, width = (-(-side // stride) for side in features.shape[2:])
    return features.new_zeros(len(features), channels, height, width)
