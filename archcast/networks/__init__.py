"""An architecture as a torch module and as a supernet: a file a space, with its line here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archcast.core.registry import Entry, Registry

if TYPE_CHECKING:
    from archcast.networks.networks import Networks

registry: Registry[Networks[Any]] = Registry(  # by the name of the space
    "network",
    {
        "nasbench201": Entry(
            "archcast.networks.nasbench201_network:NETWORKS", "cells in three stages"
        ),
    },
    base="archcast.networks.networks:Networks",
)
