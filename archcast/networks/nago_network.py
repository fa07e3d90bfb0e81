"""How the samples of generators become networks: how wide, and what stands around the graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from archcast.networks.networks import Networks
from archcast.networks.scales import GraphStages
from archcast.spaces.nago import SPACE, drawn
from archcast.spaces.space import Architecture
from archcast.tasks.task import Signature

if TYPE_CHECKING:
    from archcast.networks.nago_modules import GraphOfGraphs


class NAGONetworks(Networks[GraphStages]):
    """Graphs of graphs in three stages; at the scale `official` with four million weights."""

    space = SPACE
    version: ClassVar[int] = 2
    scales: ClassVar = {
        "mini": GraphStages(channels=8, operation="separable", stem_stride=2, head=64, dropout=0.0),
        "official": GraphStages(),
    }
    signatures: ClassVar = {"cifar10": Signature((3, 32, 32), 10)}

    def build(
        self, architecture: Architecture, signature: Signature, scale: GraphStages
    ) -> GraphOfGraphs:
        from archcast.networks.nago_modules import GraphOfGraphs

        return GraphOfGraphs(drawn(architecture), signature, scale)


NETWORKS = NAGONetworks()
