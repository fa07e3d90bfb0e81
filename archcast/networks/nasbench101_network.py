"""How NAS-Bench-101 cells become networks: the stacks around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from archcast.networks.networks import Networks
from archcast.networks.scales import Stacks
from archcast.spaces.nasbench101 import SPACE
from archcast.spaces.space import Architecture
from archcast.tasks.task import Signature

if TYPE_CHECKING:
    from archcast.networks.nasbench101_modules import StackedCells


class NASBench101Networks(Networks[Stacks]):
    """Cells in three stacks."""

    space = SPACE
    scales: ClassVar = {
        "mini": Stacks(channels=8, cells=1, stem_stride=2, momentum=0.1),
        "official": Stacks(),
    }
    signatures: ClassVar = {"cifar10": Signature((3, 32, 32), 10)}

    def build(
        self, architecture: Architecture, signature: Signature, scale: Stacks
    ) -> StackedCells:
        from archcast.networks.nasbench101_modules import StackedCells

        return StackedCells(architecture, signature, scale)


NETWORKS = NASBench101Networks()
