"""An architecture as a torch module and as a supernet: a file a space, with its line here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archcast.core.registry import Entry, Registry

if TYPE_CHECKING:
    from archcast.networks.networks import Networks

registry: Registry[Networks[Any]] = Registry(  # by the name of the space
    "network",
    {
        "darts": Entry("archcast.networks.darts_network:NETWORKS", "two kinds of cells in a row"),
        "darts-rnn": Entry(
            "archcast.networks.darts_rnn_network:NETWORKS", "a recurrent cell that reads a text"
        ),
        "mobilenet": Entry(
            "archcast.networks.mobilenet_network:NETWORKS", "inverted residuals in three stages"
        ),
        "nago": Entry(
            "archcast.networks.nago_network:NETWORKS", "graphs of graphs in three stages"
        ),
        "nago-small": Entry(
            "archcast.networks.nago_small_network:NETWORKS", "graphs of a few graphs"
        ),
        "nasbench-macro": Entry(
            "archcast.networks.nasbench_macro_network:NETWORKS", "eight layers in three stages"
        ),
        "nasbench101": Entry(
            "archcast.networks.nasbench101_network:NETWORKS", "cells in three stacks"
        ),
        "nasbench201": Entry(
            "archcast.networks.nasbench201_network:NETWORKS", "cells in three stages"
        ),
        "proxylessnas": Entry(
            "archcast.networks.proxylessnas_network:NETWORKS", "inverted residuals in six stages"
        ),
        "size": Entry("archcast.networks.size_network:NETWORKS", "layers of chosen widths"),
    },
    base="archcast.networks.networks:Networks",
)
