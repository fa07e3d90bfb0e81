"""The paths that lead from the input to the output."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archcast.core.identity import versioned
from archcast.encodings.bounded_memory import batches
from archcast.encodings.live_graphs import carriers, carrying, live_graphs, number_sums
from archcast.spaces.space import Architecture

LONGEST = 3  # nine operations on paths of four would be 7,381 features; on three they are 820
MOST = 10_000  # features, of which there are one an operation in any case


@versioned(2)
def encode(architectures: Sequence[Architecture]) -> NDArray[np.float64]:
    """One feature a sequence of operations: 1 where it is on a path from the input to the output.

    The path encoding of White et al., 2019 (BANANAS). A feature is known by its operations, not by
    the nodes that carry them. Architectures are reduced first, so equal networks share their row.
    Features stand in order of length, from the empty sequence to the `longest`; within a length, in
    the order of `carrying(space)`. A longer path sets the feature of each of its stretches of that
    length: truncation as in the paper would leave a chain of four nodes without any. Behind them
    stand the sums of the nodes' numbers, if these have any.
    """
    space = architectures[0].space
    alphabet = carrying(space)
    length = longest(len(alphabet))
    cells = space.nodes * (space.nodes + 2 * max(len(alphabet), 1) ** length)
    parts = [_encode(batch, alphabet, length) for batch in batches(architectures, cells)]
    return np.concatenate(parts)


def longest(alphabet: int) -> int:
    """How many operations a sequence has at most: 3, or 2 of 22 operations, or 1 of 100."""
    lengths = range(2, LONGEST + 1)
    return max((k for k in lengths if sum(alphabet**i for i in range(k + 1)) <= MOST), default=1)


def _encode(
    architectures: Sequence[Architecture], alphabet: NDArray[np.int64], length: int
) -> NDArray[np.float64]:
    """Which sequences can stand before a node grows from which can stand before its sources."""
    graphs = live_graphs(architectures)
    has = carriers(graphs, alphabet).astype(np.float32)
    backward = graphs.adjacency.swapaxes(1, 2).astype(np.float32)

    def longer(before: NDArray[np.float32]) -> NDArray[np.float32]:
        """Sequences (n, nodes, k) before each node, by those before its sources."""
        through = (before[..., None] * has[:, :, None, :]).reshape(*has.shape[:2], -1)
        return (backward @ through > 0).astype(np.float32)

    whole = backward[:, :, :1]  # sequences from the input on: the empty one before what reads it
    part = np.ones_like(whole)  # from any node on
    encoded: list[NDArray[np.generic]] = [whole[:, -1]]
    for _ in range(length - 1):
        whole, part = longer(whole), longer(part)
        encoded.append(whole[:, -1])
    last = part.swapaxes(1, 2) @ has > 0  # the sequences before a node, and its own operation
    encoded.append(last.reshape(len(last), -1))
    return np.hstack([*encoded, number_sums(graphs, has.astype(np.float64))]).astype(np.float64)
