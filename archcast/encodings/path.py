"""The paths that lead from the input to the output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from archcast.spaces.space import Architecture, Graphs, Space

LONGEST = 3  # nine operations on paths of four would be 7,381 features; on three they are 820


def encode(architectures: Sequence[Architecture]) -> NDArray[np.float64]:
    """One feature a sequence of operations: 1 where it is on a path from the input to the output.

    The path encoding of White et al., 2019 (BANANAS). A feature is known by its operations, not by
    the nodes that carry them, so isomorphic graphs share their row. Features stand in order of
    length, from the empty sequence to `LONGEST` operations; within a length, in the order of
    `carrying(space)`. A longer path sets the feature of each of its stretches of that length:
    truncation as in the paper would leave a chain of four nodes without any.
    """
    space = architectures[0].space
    graphs = space.graphs(architectures)
    alphabet = carrying(space)
    digits = np.zeros(len(space.operations), dtype=np.int64)
    digits[alphabet] = np.arange(len(alphabet))
    powers = len(alphabet) ** np.arange(LONGEST + 1)
    first = np.cumsum([0, *powers])  # of each length, the first column; and the number of all

    encoded = np.zeros((len(architectures), first[-1]))
    for path, rows in paths(graphs, alphabet):
        sequence = digits[graphs.operations[rows[:, None], path[1:-1]]]
        length = min(sequence.shape[1], LONGEST)
        for start in range(sequence.shape[1] - length + 1):
            number = sequence[:, start : start + length] @ powers[:length][::-1]
            encoded[rows, first[length] + number] = 1
    return encoded


def carrying(space: Space) -> NDArray[np.int64]:
    """The operations of inner nodes that carry a signal, as indices into `space.operations`."""
    inner = range(1, len(space.operations) - 1)
    return np.array([i for i in inner if space.operations[i] not in space.absent])


def paths(
    graphs: Graphs, alphabet: NDArray[np.int64]
) -> Iterator[tuple[list[int], NDArray[np.int64]]]:
    """Each path from input to output, as a list of nodes, and the rows of the graphs that have it.

    A path goes only through nodes whose operation is in `alphabet`.
    """
    adjacency, operations = graphs
    output = adjacency.shape[1] - 1
    passable = np.isin(operations, alphabet)
    passable[:, output] = True
    begun = [([0], np.arange(len(operations)))]
    while begun:
        path, rows = begun.pop()
        if path[-1] == output:
            yield path, rows
        for node in range(path[-1] + 1, output + 1):
            going = rows[adjacency[rows, path[-1], node] & passable[rows, node]]
            if len(going):
                begun.append(([*path, node], going))
