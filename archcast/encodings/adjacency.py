"""The adjacency matrix of the graph and the operations of its nodes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archcast.core.identity import versioned
from archcast.encodings.bounded_memory import refuse_wide
from archcast.encodings.live_graphs import reduced
from archcast.spaces.space import Architecture


@versioned(2)
def encode(architectures: Sequence[Architecture]) -> NDArray[np.float64]:
    """The edges, then for every inner node its operation, one-hot, then the numbers of all nodes.

    The edges are the upper triangle of the adjacency matrix of the reduced form, row by row:
    nodes are in topological order. This is the one-hot adjacency matrix encoding of White et al.,
    2020 (A Study on Encodings for Neural Architecture Search). Where a graph has no node, all is 0.

    Raises:
        InputError: graphs are so large that there would be more than 20,000 features.
    """
    space = architectures[0].space
    source, target = np.triu_indices(space.nodes, k=1)
    inner = len(space.operations) - 2
    width = len(source) + (space.nodes - 2) * inner + space.nodes * len(space.numbers)
    refuse_wide("adjacency", width)
    adjacency, operations, mask, numbers = space.graphs(reduced(architectures))
    one_hot = np.eye(inner)[operations[:, 1:-1] - 1] * mask[:, 1:-1, None]
    rest = [part.reshape(len(architectures), -1) for part in (one_hot, numbers)]
    return np.hstack([adjacency[:, source, target], *rest])
