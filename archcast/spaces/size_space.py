"""How wide each of five layers is: the size search space of NATS-Bench."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from archcast.spaces.decision import Decision
from archcast.spaces.space import Architecture, Choices, Graphs, Space, chains, choice_matrix

WIDTHS = tuple(range(8, 65, 8))
LAYERS = ("cell 1", "reduction 1", "cell 2", "reduction 2", "cell 3")


class Size(Space):
    """Channels of three cells and the two reductions between them (Dong et al., 2021, NATS-Bench).

    32,768 networks, written like `8:8:8:16:40`, the widths from the first layer to the last; the
    stem is as wide as the first cell. What a cell does is the same in all of them.

    Graphs are chains with a node a layer, whose number `channels` is its width from 0, the least,
    to 1, the most.
    """

    name = "size"
    decisions = tuple(Decision(layer, WIDTHS) for layer in LAYERS)
    operations = ("input", *LAYERS, "output")
    nodes = len(LAYERS) + 2
    numbers = ("channels",)
    listed = True

    def format(self, architecture: Architecture) -> str:
        return ":".join(str(WIDTHS[choice]) for choice in architecture.choices)

    def _parse(self, text: str) -> Choices:
        widths = text.split(":")
        pairs = zip(self.decisions, widths, strict=True)
        return tuple(int(decision.choice(width.strip())) for decision, width in pairs)

    def canonical(self, architecture: Architecture) -> Architecture:
        """The architecture: no other is the same network."""
        return architecture

    def graphs(self, architectures: Sequence[Architecture]) -> Graphs:
        n = len(architectures)
        operations = np.broadcast_to(np.arange(self.nodes), (n, self.nodes))
        numbers = np.zeros((n, self.nodes, 1))
        chosen = choice_matrix(architectures).reshape(n, len(LAYERS)).astype(np.float64)
        for at, decision in enumerate(self.decisions):
            numbers[:, at + 1, 0] = decision.positions(chosen[:, at])
        return chains(operations, numbers)


SPACE = Size()
