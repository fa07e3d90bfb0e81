"""Graphs of architectures without the parts that make no difference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archcast.encodings.path import carrying
from archcast.spaces.space import Architecture


class LiveGraphs(NamedTuple):
    """A batch of graphs as in `spaces.base.Graphs`, of which only the live part counts.

    A node is live if it is on a path from the input to the output on which every operation
    carries a signal. The input and the output are live in any case.
    """

    adjacency: NDArray[np.bool_]  # (n, nodes, nodes); no edge begins or ends at a dead node
    operations: NDArray[np.int64]  # (n, nodes)
    live: NDArray[np.bool_]  # (n, nodes)


def live_graphs(architectures: Sequence[Architecture]) -> LiveGraphs:
    """The graphs of the canonical forms: of equal networks, the graphs are equal."""
    space = architectures[0].space
    adjacency, operations = space.graphs([space.canonical(each) for each in architectures])
    nodes = operations.shape[1]
    passable = np.isin(operations, carrying(space))
    passable[:, [0, -1]] = True

    from_input, to_output = passable.copy(), passable.copy()
    for node in range(1, nodes):
        reached = (adjacency[:, :, node] & from_input)[:, :node].any(axis=1)
        from_input[:, node] &= reached
    for node in reversed(range(nodes - 1)):
        reaches = (adjacency[:, node] & to_output)[:, node + 1 :].any(axis=1)
        to_output[:, node] &= reaches
    live = from_input & to_output
    live[:, [0, -1]] = True
    return LiveGraphs(adjacency & live[:, :, None] & live[:, None, :], operations, live)
