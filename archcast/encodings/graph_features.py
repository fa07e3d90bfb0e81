"""Counts, path lengths and degrees, for subsets of the operations."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from archcast.encodings.path import carrying, paths
from archcast.spaces.space import Architecture


def encode(architectures: Sequence[Architecture]) -> NDArray[np.float64]:
    """What a small tree model needs to rank cells from few labels.

    In the spirit of GRAF (Kadlecova et al., 2024, Surprisingly Strong Performance Prediction with
    Neural Graph Features). Architectures are made canonical first, and only nodes and edges on a
    path from input to output count, so equal networks share their row. The features, in order:

    - for each operation: the nodes that have it;
    - for each pair of operations, row by row: the edges from one to the other;
    - then one block each, with a feature for each subset of the operations:
      the shortest and the longest path on which no other operation is, in operations;
      the number of these paths;
      the fewest and the most operations of the subset on any path;
      the nodes with an operation of the subset that the output reads, and that read the input.

    Where there is no path, the smallest is the number of graph nodes and the largest is -1: beyond
    all true values. See `subsets` for which subsets there are.
    """
    space = architectures[0].space
    graphs = space.graphs([space.canonical(architecture) for architecture in architectures])
    n, nodes = graphs.operations.shape
    alphabet = carrying(space)
    has = (graphs.operations[:, :, None] == alphabet).astype(np.float64)  # (n, nodes, alphabet)
    member = subsets(len(alphabet)).T  # (alphabet, subsets)

    live = np.zeros(graphs.adjacency.shape)
    shortest, fewest = np.full((2, n, member.shape[1]), float(nodes))
    longest, most = np.full((2, n, member.shape[1]), -1.0)
    number = np.zeros((n, member.shape[1]))
    for path, rows in paths(graphs, alphabet):
        length = len(path) - 2
        inside = has[rows[:, None], path].sum(axis=1) @ member
        whole = inside == length
        shortest[rows] = np.where(whole, np.minimum(shortest[rows], length), shortest[rows])
        longest[rows] = np.where(whole, np.maximum(longest[rows], length), longest[rows])
        number[rows] += whole
        fewest[rows] = np.minimum(fewest[rows], inside)
        most[rows] = np.maximum(most[rows], inside)
        live[rows[:, None], path[:-1], path[1:]] = 1

    ends = np.stack([live.max(axis=1), live[:, :, -1], live[:, 0]])
    count, last, first = np.einsum("env,nvo->eno", ends, has)
    pairs = (has.transpose(0, 2, 1) @ live @ has).reshape(n, -1)
    lengths = [shortest, longest, number, fewest, most]
    return np.hstack([count, pairs, *lengths, last @ member, first @ member])


def subsets(n: int) -> NDArray[np.float64]:
    """Subsets of `n` operations, shape (subsets, n), 1 for a member; smallest first.

    One or two operations, all but one or two, and all: up to five operations this is every subset
    but the empty one, and of nine it is 91 of 511.
    """
    sizes = (size for size in range(1, n + 1) if size <= 2 or size >= n - 2)
    members = [list(members) for size in sizes for members in combinations(range(n), size)]
    return np.array([np.isin(np.arange(n), chosen) for chosen in members], dtype=np.float64)
