"""The adjacency matrix of the graph and the operations of its nodes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archcast.spaces.space import Architecture


def encode(architectures: Sequence[Architecture]) -> NDArray[np.float64]:
    """The edges, then for every inner node its operation, one-hot.

    The edges are the upper triangle of the adjacency matrix, row by row: nodes are in topological
    order. This is the one-hot adjacency matrix encoding of White et al., 2020 (A Study on
    Encodings for Neural Architecture Search).
    """
    space = architectures[0].space
    adjacency, operations = space.graphs(architectures)
    source, target = np.triu_indices(adjacency.shape[1], k=1)
    one_hot = np.eye(len(space.operations) - 2)[operations[:, 1:-1] - 1]
    return np.hstack([adjacency[:, source, target], one_hot.reshape(len(architectures), -1)])
