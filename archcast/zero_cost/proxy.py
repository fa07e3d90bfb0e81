"""What a zero-cost proxy is."""

from __future__ import annotations

import functools
import math
import traceback
from collections.abc import Callable

import torch
from torch import nn

from archcast.core.errors import InputError, told
from archcast.networks.arithmetic import full_precision
from archcast.networks.plain import copied
from archcast.zero_cost.batch import Batch
from archcast.zero_cost.passes import Passes


class FailureError(InputError):
    """A network or a proxy failed by itself; another try may end otherwise."""


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
            FailureError: something raised an error of its own.
        """
        try:
            with torch.enable_grad(), full_precision():
                value = float(self._compute(passes))
        except InputError as error:
            raise type(error)(f"proxy {self.name}: {error}") from None
        except (Exception, SystemExit) as error:
            raise FailureError(f"proxy {self.name}: {_where(error)}{told(error)}") from error
        if not math.isfinite(value):
            raise InputError(f"proxy {self.name}: {value} is no score; the network overflows")
        return value


def proxy(version: int) -> Callable[[Callable[[Passes], float]], Proxy]:
    """Make a function of passes a proxy."""
    return lambda compute: Proxy(compute, version)


def _where(error: BaseException) -> str:
    """The module of the network that raised it."""
    frames = traceback.walk_tb(error.__traceback__)
    found = [
        self for frame, _ in frames if isinstance(self := frame.f_locals.get("self"), nn.Module)
    ]
    if not found:
        return ""
    kind = type(found[-1]).__name__
    name = {id(module): name for name, module in found[0].named_modules()}.get(id(found[-1]))
    return f"module {name} ({kind}): " if name else f"module {kind}: "
