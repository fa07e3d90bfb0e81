"""How the samples of small generators become networks: as those of all generators."""

from __future__ import annotations

from archcast.networks.nago_network import NAGONetworks
from archcast.spaces.nago_small import SPACE


class SmallNAGONetworks(NAGONetworks):
    """Graphs of graphs in three stages."""

    space = SPACE


NETWORKS = SmallNAGONetworks()
