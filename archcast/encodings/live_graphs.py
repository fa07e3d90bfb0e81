"""Graphs of architectures without the parts that make no difference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archcast.spaces.space import Architecture, Graphs, Space

GRID = 2.0**20  # numbers are rounded to its inverse, so that sums are exact: the same in any order


def reduced(architectures: Sequence[Architecture]) -> list[Architecture]:
    """The reduced forms, which equal networks share."""
    return [each.space.reduced(each) for each in architectures]


def live_graphs(architectures: Sequence[Architecture]) -> Graphs:
    """The graphs of the reduced forms, whose mask tells which nodes are live.

    These are on a path from the input to the output on which every operation carries a signal. The
    input and the output are live in any case. No edge begins or ends at a node that is not. Of
    equal networks, the graphs are equal.
    """
    space = architectures[0].space
    adjacency, operations, mask, numbers = space.graphs(reduced(architectures))
    nodes = operations.shape[1]
    passable = np.isin(operations, carrying(space)) & mask
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
    return Graphs(adjacency & live[:, :, None] & live[:, None, :], operations, live, numbers)


def carrying(space: Space) -> NDArray[np.int64]:
    """The operations of inner nodes that carry a signal, as indices into `space.operations`."""
    inner = range(1, len(space.operations) - 1)
    return np.array([i for i in inner if space.operations[i] not in space.absent], dtype=np.int64)


def carriers(graphs: Graphs, alphabet: NDArray[np.int64]) -> NDArray[np.float64]:
    """Which live inner node has which operation of an alphabet: (n, nodes, alphabet), 1 or 0."""
    has = (graphs.operations[:, :, None] == alphabet) & graphs.mask[:, :, None]
    return np.asarray(has, dtype=np.float64)


def number_sums(graphs: Graphs, has: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of each of the nodes' numbers over all live nodes, then over those of each operation."""
    numbers = np.round(graphs.numbers * GRID) / GRID * graphs.mask[:, :, None]
    everywhere = np.concatenate([np.ones((*has.shape[:2], 1)), has], axis=2)
    sums: NDArray[np.float64] = numbers.swapaxes(1, 2) @ everywhere
    return sums.reshape(len(sums), -1)
