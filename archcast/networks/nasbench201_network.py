"""How NAS-Bench-201 cells become networks: the skeletons around them, and published data sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from archcast.networks.networks import Networks
from archcast.networks.scales import Skeleton
from archcast.spaces.nasbench201 import SPACE
from archcast.spaces.space import Architecture
from archcast.tasks.task import Signature

if TYPE_CHECKING:
    from archcast.networks.nasbench201_modules import CellSupernet, Network


OFFICIAL = Skeleton()
MINI = Skeleton(channels=8, cells=1, stem_stride=2, reduction="pool")


class NASBench201Networks(Networks[Skeleton]):
    """Cells in three stages."""

    space = SPACE
    scales: ClassVar = {"mini": MINI, "official": OFFICIAL}
    signatures: ClassVar = {
        "cifar10": Signature((3, 32, 32), 10),
        "cifar100": Signature((3, 32, 32), 100),
        "imagenet16-120": Signature((3, 16, 16), 120),
    }

    def build(self, architecture: Architecture, signature: Signature, scale: Skeleton) -> Network:
        from archcast.networks.nasbench201_modules import Network

        return Network(architecture, signature, scale)

    def supernet(self, signature: Signature, scale: Skeleton) -> CellSupernet:
        from archcast.networks.nasbench201_modules import CellSupernet

        return CellSupernet(signature, scale)


NETWORKS = NASBench201Networks()
