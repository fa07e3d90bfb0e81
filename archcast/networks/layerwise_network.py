"""What stands around layers, for all spaces of layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archcast.networks.networks import Networks
from archcast.networks.scales import Stages
from archcast.spaces.layerwise import LayerwiseSpace
from archcast.spaces.space import Architecture
from archcast.tasks.task import Signature

if TYPE_CHECKING:
    from archcast.networks.layerwise_modules import LayerwiseNetwork, LayerwiseSupernet


class LayerwiseNetworks(Networks[Stages]):
    """Layers one behind the other."""

    def build(
        self, architecture: Architecture, signature: Signature, scale: Stages
    ) -> LayerwiseNetwork:
        from archcast.networks.layerwise_modules import LayerwiseNetwork

        assert isinstance(self.space, LayerwiseSpace)
        return LayerwiseNetwork(self.space, architecture, signature, scale)

    def supernet(self, signature: Signature, scale: Stages) -> LayerwiseSupernet:
        from archcast.networks.layerwise_modules import LayerwiseSupernet

        assert isinstance(self.space, LayerwiseSpace)
        return LayerwiseSupernet(self.space, signature, scale)
