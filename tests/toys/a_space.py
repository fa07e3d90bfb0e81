from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from archcast.spaces.decision import Decision
from archcast.spaces.space import Architecture, Choices, Graphs, Space, choice_matrix, whole_graphs

KERNELS = ("1", "3", "5")


class Ladder(Space):
    """Four convolutions in a row, each with a kernel size."""

    name = "ladder"
    decisions = tuple(Decision(f"rung {i}", KERNELS) for i in range(4))
    operations = ("input", *KERNELS, "output")
    nodes = 6

    def format(self, architecture: Architecture) -> str:
        return "-".join(KERNELS[int(choice)] for choice in architecture.choices)

    def _parse(self, text: str) -> Choices:
        rungs = text.split("-")
        if len(rungs) != len(self.decisions):
            raise ValueError
        return tuple(KERNELS.index(rung) for rung in rungs)

    def canonical(self, architecture: Architecture) -> Architecture:
        return architecture

    def graphs(self, architectures: Sequence[Architecture]) -> Graphs:
        chain = np.eye(self.nodes, k=1, dtype=bool)
        operations = np.full((len(architectures), self.nodes), 0)
        operations[:, 1:-1] = choice_matrix(architectures).reshape(-1, 4) + 1
        operations[:, -1] = len(self.operations) - 1
        return whole_graphs(np.broadcast_to(chain, (len(architectures), *chain.shape)), operations)


SPACE = Ladder()
