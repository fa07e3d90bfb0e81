"""Counts, path lengths and degrees, for subsets of the operations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from archcast.core.identity import versioned
from archcast.encodings.bounded_memory import batches
from archcast.encodings.live_graphs import carriers, carrying, live_graphs, number_sums
from archcast.spaces.space import Architecture

MOST_PATHS = 1e6  # that are counted: more say no more, and their numbers grow exponentially
MOST_SUBSETS = 1_000
MOST_PAIRED = 100  # operations


@versioned(2)
def encode(architectures: Sequence[Architecture]) -> NDArray[np.float64]:
    """What a small tree model needs to rank cells from few labels.

    In the spirit of GRAF (Kadlecova et al., 2024, Surprisingly Strong Performance Prediction with
    Neural Graph Features). Architectures are reduced first, and only nodes and edges on a
    path from input to output count, so equal networks share their row. The features, in order:

    - for each operation: the nodes that have it;
    - for each pair of operations, row by row: the edges from one to the other (of more than 100
      operations there are no such features);
    - then one block each, with a feature for each subset of the operations:
      the shortest and the longest path on which no other operation is, in operations;
      the number of these paths, up to a million;
      the fewest and the most operations of the subset on any path;
      the nodes with an operation of the subset that the output reads, and that read the input;
    - the sums of the nodes' numbers, if these have any, over all nodes and over those of each
      operation.

    Where there is no path, the smallest is the number of graph nodes and the largest is -1: beyond
    all true values. See `subsets` for which subsets there are.
    """
    space = architectures[0].space
    alphabet = carrying(space)
    member = subsets(len(alphabet)).T  # (alphabet, subsets)
    cells = space.nodes * (space.nodes + 6 * member.shape[1] + len(alphabet))
    return np.concatenate(
        [_encode(batch, alphabet, member) for batch in batches(architectures, cells)]
    )


def _encode(
    architectures: Sequence[Architecture],
    alphabet: NDArray[np.int64],
    member: NDArray[np.float64],
) -> NDArray[np.float64]:
    graphs = live_graphs(architectures)
    has = carriers(graphs, alphabet)  # (n, nodes, alphabet)
    inside = has @ member  # (n, nodes, subsets), 1 where the node's operation is in the subset
    n, nodes, _ = inside.shape

    # Of the paths from the input to each node, from those to its sources.
    shortest, fewest = np.full((2, *inside.shape), np.inf)
    longest, most = np.full((2, *inside.shape), -np.inf)
    paths = np.zeros(inside.shape)
    shortest[:, 0] = longest[:, 0] = fewest[:, 0] = most[:, 0] = 0.0
    paths[:, 0] = 1.0
    for node in range(1, nodes):
        sources = np.flatnonzero(graphs.adjacency[:, :, node].any(axis=0))
        edges = graphs.adjacency[:, sources, node, None]
        own, is_inner = inside[:, node], node < nodes - 1
        closed = (own == 0) & is_inner  # to paths on which no other operation is
        shortest[:, node] = np.where(closed, np.inf, _least(shortest[:, sources], edges) + is_inner)
        longest[:, node] = np.where(closed, -np.inf, is_inner - _least(-longest[:, sources], edges))
        fewest[:, node] = _least(fewest[:, sources], edges) + own
        most[:, node] = own - _least(-most[:, sources], edges)
        ways = np.where(edges, paths[:, sources], 0.0).sum(axis=1)
        paths[:, node] = np.where(closed, 0.0, np.minimum(ways, MOST_PATHS))

    live = graphs.adjacency.astype(np.float64)
    count = has.sum(axis=1)
    last = np.einsum("nv,nvo->no", live[:, :, -1], has)
    first = np.einsum("nv,nvo->no", live[:, 0], has)
    pairs = (has.transpose(0, 2, 1) @ live @ has).reshape(n, -1)
    counts = [count, pairs] if len(alphabet) <= MOST_PAIRED else [count]
    blocks = [each[:, -1] for each in (shortest, longest, paths, fewest, most)]
    rest = [last @ member, first @ member, number_sums(graphs, has)]
    encoded: NDArray[np.float64] = np.hstack([*counts, *blocks, *rest])
    return np.nan_to_num(encoded, posinf=nodes, neginf=-1)


def _least(values: NDArray[np.float64], edges: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The least value (n, subsets) of those (n, sources, subsets) that an edge comes from."""
    smallest: NDArray[np.float64] = np.where(edges, values, np.inf).min(axis=1, initial=np.inf)
    return smallest


def subsets(n: int) -> NDArray[np.float64]:
    """Subsets of `n` operations, shape (subsets, n), 1 for a member; smallest first.

    One or two operations, all but one or two, and all: up to five operations this is every subset
    but the empty one, and of nine it is 91 of 511. Of more than 31 operations these are more than
    `MOST_SUBSETS`; then there are one operation and all.
    """
    few = [size for size in range(1, n + 1) if size <= 2 or size >= n - 2]
    many = sum(math.comb(n, size) for size in few) > MOST_SUBSETS
    sizes = (1, n) if many else few
    members = [list(members) for size in sizes for members in combinations(range(n), size)]
    chosen = [np.isin(np.arange(n), each) for each in members]
    return np.array(chosen, dtype=np.float64).reshape(len(members), n)
