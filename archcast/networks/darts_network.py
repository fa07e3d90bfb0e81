"""How DARTS cells become networks: how many, how wide, and which of them reduce."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from archcast.networks.networks import Networks
from archcast.networks.scales import CellRow
from archcast.spaces.darts import SPACE
from archcast.spaces.space import Architecture
from archcast.tasks.task import Signature

if TYPE_CHECKING:
    from archcast.networks.darts_modules import RowOfCells, RowSupernet


class DARTSNetworks(Networks[CellRow]):
    """Cells one behind the other; at the scale `official` as they were evaluated on CIFAR-10."""

    space = SPACE
    scales: ClassVar = {
        "mini": CellRow(channels=4, cells=2, reductions=(1,), stem_stride=2),
        "official": CellRow(channels=36, cells=20, reductions=(6, 13)),
    }
    signatures: ClassVar = {"cifar10": Signature((3, 32, 32), 10)}

    def build(self, architecture: Architecture, signature: Signature, scale: CellRow) -> RowOfCells:
        from archcast.networks.darts_modules import RowOfCells

        return RowOfCells(architecture, signature, scale)

    def supernet(self, signature: Signature, scale: CellRow) -> RowSupernet:
        from archcast.networks.darts_modules import RowSupernet

        return RowSupernet(signature, scale)


NETWORKS = DARTSNetworks()
