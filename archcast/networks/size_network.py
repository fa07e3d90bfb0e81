"""How widths become networks: what a layer does, and published data sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from archcast.networks.networks import Networks
from archcast.networks.scales import Widths
from archcast.spaces.size_space import SPACE
from archcast.spaces.space import Architecture
from archcast.tasks.task import Signature

if TYPE_CHECKING:
    from archcast.networks.size_modules import SizedNetwork, SizedSupernet


class SizeNetworks(Networks[Widths]):
    """Three cells with reductions between them."""

    version: ClassVar[int] = 2
    space = SPACE
    scales: ClassVar = {
        "mini": Widths(unit=4, stem_stride=2, layer="convolution"),
        "official": Widths(),
    }
    signatures: ClassVar = {
        "cifar10": Signature((3, 32, 32), 10),
        "cifar100": Signature((3, 32, 32), 100),
        "imagenet16-120": Signature((3, 16, 16), 120),
    }

    def build(
        self, architecture: Architecture, signature: Signature, scale: Widths
    ) -> SizedNetwork:
        from archcast.networks.size_modules import SizedNetwork

        return SizedNetwork(architecture, signature, scale)

    def supernet(self, signature: Signature, scale: Widths) -> SizedSupernet:
        from archcast.networks.size_modules import SizedSupernet

        return SizedSupernet(signature, scale)


NETWORKS = SizeNetworks()
