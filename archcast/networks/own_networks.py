"""Networks that somebody else's function builds: an architecture in, a torch module out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archcast.core.errors import InputError, foreign
from archcast.core.identity import digest, made_of
from archcast.core.registry import load
from archcast.spaces.space import Architecture

if TYPE_CHECKING:
    from torch import nn

_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class OwnNetworks:
    """A function by its import path, and what it was made of when it was named."""

    target: str  # module:function
    content: str  # a hash of the distribution, or the module, that brings it

    @classmethod
    def named(cls, target: str) -> OwnNetworks:
        """Those of a function that is named here; its module is imported.

        Raises:
            InputError: there is none.
        """
        return cls(target, digest(made_of(_function(target))))

    def network(self, architecture: Architecture) -> nn.Module:
        """The network of one architecture, with new weights.

        Raises:
            InputError: the function is another here, or gives no module.
        """
        from torch import nn

        function = _function(self.target)
        if digest(made_of(function)) != self.content:
            raise InputError(
                f"--build {self.target}: is another one here than where it was named; install the"
                " same"
            )
        built = function(architecture)
        if not isinstance(built, nn.Module):
            raise InputError(
                f"--build {self.target}: gives {type(built).__name__} for {architecture}, and no"
                " torch module"
            )
        return built


def _function(target: str) -> Callable[[Architecture], Any]:
    if not _TARGET.fullmatch(target):
        raise InputError(f"--build {target}: give a function as module:function")
    with foreign(f"--build {target}: can't be imported; install it, or add it to PYTHONPATH"):
        found: Callable[[Architecture], Any] = load(target)
    if not callable(found):
        raise InputError(f"--build {target}: is no function; give one of an architecture")
    return found
