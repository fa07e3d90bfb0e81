"""What the networks of every space offer: how an architecture becomes a torch module."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from archcast.core.errors import InputError, did_you_mean
from archcast.spaces.space import Architecture, Space
from archcast.tasks.task import Signature

if TYPE_CHECKING:
    from torch import nn

    from archcast.networks.supernet import Supernet

S = TypeVar("S")  # of a scale: a frozen dataclass of the space's own
MINI, OFFICIAL = "mini", "official"  # the scales that every space has


class Options(tuple[int, ...]):
    """How many options each decision has, and how paths through a supernet are drawn."""

    def paths(self, number: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Random choices (number, decisions), as the space draws architectures."""
        return rng.integers(self, size=(number, len(self)))


@dataclass(frozen=True)
class Networks(ABC, Generic[S]):
    """How the architectures of one space are built, alone and with shared weights.

    A scale says how large networks are and what stands around what the space decides: `mini` is
    that of tables which archcast trains on small data, `official` that of the published results.
    Instances have no parameters, and all of one class are equal.
    """

    version: ClassVar[int] = 1  # goes up whenever networks change
    space: ClassVar[Space]
    scales: ClassVar[Mapping[str, Any]]  # by name; more than `mini` and `official` are allowed
    signatures: ClassVar[Mapping[str, Signature]]  # by data set, in lower case; the first: of any
    split_decision: ClassVar[int] = 0  # that few-shot supernets are split on

    @abstractmethod
    def build(self, architecture: Architecture, signature: Signature, scale: S) -> nn.Module:
        """The network of one architecture, with new weights."""

    def supernet(self, signature: Signature, scale: S) -> Supernet:
        """The supernet of the space, with new weights.

        Raises:
            InputError: there is none.
        """
        raise InputError(f"networks of {self.space.name} have no supernet")

    @property
    def have_supernet(self) -> bool:
        """Whether architectures can share weights."""
        return type(self).supernet is not Networks.supernet

    @property
    def options(self) -> Options:
        """How many options each decision has, all combinations of which are as likely."""
        return Options(len(decision.options) for decision in self.space.decisions)

    def scale(self, name: str) -> S:
        """The scale of that name.

        Raises:
            InputError: there is none.
        """
        if name not in self.scales:
            raise InputError(
                f"networks of {self.space.name} have no scale {name!r}:"
                f" {did_you_mean(name, self.scales)}"
            )
        found: S = self.scales[name]
        return found
