"""Networks of a space at a scale: what their makers and users agree on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from archcast.core.errors import InputError
from archcast.core.identity import made_of
from archcast.core.seeding import seeded
from archcast.networks import registry
from archcast.networks.networks import Networks
from archcast.spaces.space import Architecture, Space
from archcast.tasks.task import Signature

if TYPE_CHECKING:
    from torch import nn

    from archcast.networks.supernet import Supernet

M = TypeVar("M", bound="nn.Module")


def networks_of(space: Space) -> Networks[Any]:
    """The networks of a space.

    Raises:
        InputError: it has none.
    """
    if space.name not in registry:
        raise InputError(
            f"space {space.name} has no networks; spaces that have some: {', '.join(registry)}"
        )
    return registry.get(space.name)


@dataclass(frozen=True, slots=True)
class Blueprint:
    """Networks of one space at one scale, for what the networks of a task take and give."""

    networks: Networks[Any]
    scale: Any
    signature: Signature

    def network(self, architecture: Architecture) -> nn.Module:
        """The network of one architecture, with new weights."""
        return self.networks.build(architecture, self.signature, self.scale)

    def supernet(self) -> Supernet:
        """The supernet of the space, with new weights."""
        return self.networks.supernet(self.signature, self.scale)

    @property
    def made_of(self) -> dict[str, Any]:
        """What decides the networks, as values of JSON."""
        return {
            "networks": made_of(self.networks),
            "scale": asdict(self.scale),
            "signature": asdict(self.signature),
        }


@dataclass(frozen=True, slots=True)
class Untrained:
    """Makes the networks that training with `seed` starts from."""

    blueprint: Blueprint
    seed: int = 0

    def __call__(self, architecture: Architecture) -> nn.Module:
        make = partial(self.blueprint.network, architecture)
        return initialised(make, str(architecture), self.seed)


def initialised(build: Callable[[], M], name: str, seed: int) -> M:
    """Build a network whose weights are drawn from `name` and `seed`."""
    with seeded(int.from_bytes(entropy(name, seed)[:7], "big")):
        return build()


def entropy(name: str, seed: int) -> bytes:
    """Random bytes of a name and a seed."""
    return hashlib.sha256(f"{name}/{seed}".encode()).digest()
