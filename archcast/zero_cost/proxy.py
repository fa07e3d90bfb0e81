"""What a zero-cost proxy is."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import torch
from torch import nn

from archcast.core.errors import InputError
from archcast.networks.arithmetic import full_precision
from archcast.networks.plain import copied
from archcast.zero_cost.batch import Batch
from archcast.zero_cost.passes import Passes


class Proxy:
    """A score of a network before its training; higher is better.

    Called with a network and a minibatch, it is a pure function: the network comes back as it was.
    `of` reads passes that other proxies may have made.

    Attributes:
        version: of the definition; a cached score of another version is not used.
    """

    def __init__(self, compute: Callable[[Passes], float], version: int) -> None:
        self._compute, self.version = compute, version
        self.name = compute.__name__.replace("_", "-")
        self.__qualname__ = compute.__qualname__
        functools.update_wrapper(self, compute)

    def __call__(self, network: nn.Module, batch: Batch, seed: int = 0) -> float:
        """The score of `network`, computed on the device of the minibatch.

        Args:
            network: gives logits of shape (n, classes) for the images of the minibatch.
            batch: what the proxy looks at.
            seed: of noise inputs and of what is random in the network, such as dropout.

        Raises:
            InputError: the score is not defined for this network or minibatch.
        """
        return self.of(Passes(functools.partial(copied, network), batch, seed))

    def __reduce__(self) -> str:
        return self.__qualname__

    def of(self, passes: Passes) -> float:
        """The score of the network of `passes`.

        Raises:
            InputError: the score is not defined for this network or minibatch.
        """
        try:
            with torch.enable_grad(), full_precision():
                value = float(self._compute(passes))
        except InputError as error:
            raise InputError(f"proxy {self.name}: {error}") from None
        if not math.isfinite(value):
            raise InputError(f"proxy {self.name}: {value} is no score; the network overflows")
        return value


def proxy(version: int) -> Callable[[Callable[[Passes], float]], Proxy]:
    """Make a function of passes a proxy."""
    return lambda compute: Proxy(compute, version)
