"""Weisfeiler-Lehman labels: what each node of a graph sees within a number of steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archcast.core.heavy import sparse
from archcast.encodings.bounded_memory import batches
from archcast.encodings.live_graphs import live_graphs
from archcast.spaces.decision import BINS
from archcast.spaces.space import Architecture

Labels = NDArray[np.uint64]

DEAD = np.uint64(0)  # the label of nodes that do not count


def encode(architectures: Sequence[Architecture], iterations: int) -> Labels:
    """Labels from several views, of shape (views, architectures, nodes).

    The views are the operations themselves; `iterations` rounds of refinement along the edges, and
    as many against them; the same rounds once more with every inner node given one operation,
    which sees bare topology; and, where nodes carry numbers, all but the last once more with
    operations told apart by them, in eight parts of their scale. Only the live parts of reduced
    graphs count.
    """
    cells = 4 * architectures[0].space.nodes ** 2
    return np.concatenate(
        [_encode(batch, iterations) for batch in batches(architectures, cells)], axis=1
    )


def _encode(architectures: Sequence[Architecture], iterations: int) -> Labels:
    adjacency, operations, live, numbers = live_graphs(architectures)
    inner = (operations > 0) & (operations < len(architectures[0].space.operations) - 1)
    names = operations.astype(np.uint64)
    with_numbers = names
    for number in np.minimum(numbers * BINS, BINS - 1).astype(np.uint64).transpose(2, 0, 1):
        with_numbers = _scramble(np.uint64(BINS) * with_numbers + number)

    def rounds(labels: Labels) -> list[Labels]:
        either_way = (adjacency, adjacency.swapaxes(1, 2))
        return [each for edges in either_way for each in refine(labels, edges, iterations)[1:]]

    views = [*refine(names, adjacency, 0), *rounds(names), *rounds(np.where(inner, 1, names))]
    if numbers.shape[2]:
        views += [*refine(with_numbers, adjacency, 0), *rounds(with_numbers)]
    return np.stack([np.where(live, labels, DEAD) for labels in views])


def refine(labels: NDArray[np.integer], edges: NDArray[np.bool_], iterations: int) -> list[Labels]:
    """Node labels after 0, 1, ... `iterations` rounds, each of shape (graphs, nodes).

    A round gives two nodes the same label if and only if they had the same label and received the
    same multiset of labels from their neighbours (Shervashidze et al., 2011). Node j receives from
    each node i with an edge [k, i, j]: give transposed edges to look the other way.

    Labels are 64-bit hashes, so they mean the same in every call; that any two of a million labels
    agree by accident has a chance of 1 in 40 million.
    """
    rounds = [_scramble(labels.astype(np.uint64))]
    for _ in range(iterations):
        message = _scramble(rounds[-1] + np.uint64(1))
        received = np.where(edges, message[:, :, None], np.uint64(0)).sum(axis=1, dtype=np.uint64)
        rounds.append(_scramble(np.uint64(3) * rounds[-1] + received))
    return rounds


def _scramble(x: Labels) -> Labels:
    """A bijection of 64-bit numbers that leaves no pattern: the last step of SplitMix64."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def products(a: Labels, b: Labels) -> NDArray[np.float64]:
    """Inner products of label histograms, shape (views, n, m), of labels (views, n or m, nodes)."""
    return np.stack([_products(*view) for view in zip(a, b, strict=True)])


def _products(a: Labels, b: Labels) -> NDArray[np.float64]:
    histograms = _histograms(np.concatenate([a, b]))
    dense: NDArray[np.float64] = (histograms[: len(a)] @ histograms[len(a) :].T).toarray()
    return dense


def self_products(a: Labels) -> NDArray[np.float64]:
    """Inner products of label histograms with themselves, shape (views, n)."""
    return np.stack([_histograms(view).power(2).sum(axis=1) for view in a])


def _histograms(labels: Labels) -> sparse.csr_array:
    """How often each graph (n, nodes) has each label, of which dead nodes have none."""
    names, columns = np.unique(labels, return_inverse=True)
    columns = columns.reshape(labels.shape)
    rows = np.repeat(np.arange(len(columns)), labels.shape[1])
    counts = (names != DEAD)[columns].astype(np.float64)
    histograms = sparse.csr_array(
        (counts.ravel(), (rows, columns.ravel())), shape=(len(columns), len(names))
    )
    histograms.sum_duplicates()
    return histograms
