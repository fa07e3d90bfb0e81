"""How NAS-Bench-101 cells become networks: the stacks around them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from archcast.networks.networks import Networks, Options
from archcast.networks.scales import Stacks
from archcast.spaces.nasbench101 import PAIRS, SPACE, pruned
from archcast.spaces.space import Architecture, choice_matrix
from archcast.tasks.task import Signature

if TYPE_CHECKING:
    from archcast.networks.nasbench101_modules import StackedCells, VerticesSupernet


class CellOptions(Options):
    """Paths are cells as the space draws them: most choices of edges are cells with few of them."""

    def paths(self, number: int, rng: np.random.Generator) -> NDArray[np.int64]:
        return choice_matrix([SPACE.sample(1, rng)[0] for _ in range(number)])


class NASBench101Networks(Networks[Stacks]):
    """Cells in three stacks."""

    space = SPACE
    scales: ClassVar = {
        "mini": Stacks(channels=8, cells=1, stem_stride=2, momentum=0.1),
        "official": Stacks(),
    }
    signatures: ClassVar = {"cifar10": Signature((3, 32, 32), 10)}
    split_decision = len(PAIRS)  # the operation of the first vertex

    def build(
        self, architecture: Architecture, signature: Signature, scale: Stacks
    ) -> StackedCells:
        from archcast.networks.nasbench101_modules import CellOfVertices, StackedCells

        cell = partial(CellOfVertices, pruned(architecture), scale.momentum)
        return StackedCells(cell, signature, scale)

    @property
    def options(self) -> Options:
        return CellOptions(super().options)

    def supernet(self, signature: Signature, scale: Stacks) -> VerticesSupernet:
        from archcast.networks.nasbench101_modules import VerticesSupernet

        return VerticesSupernet(signature, scale)


NETWORKS = NASBench101Networks()
