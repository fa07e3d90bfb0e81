"""Weisfeiler-Lehman labels: what each node of a graph sees within a number of steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.uint64]


def refine(labels: NDArray[np.int64], edges: NDArray[np.bool_], iterations: int) -> list[Labels]:
    """Node labels after 0, 1, ... `iterations` rounds, each of shape (graphs, nodes).

    A round gives two nodes the same label if and only if their labels were the same and those of
    their neighbours were, as a multiset (Shervashidze et al., 2011). The neighbours of node j are
    the nodes i with an edge [k, i, j]: those before it; transpose `edges` for those after it.

    Labels are 64-bit hashes, so they mean the same in every call; two of a million labels are
    alike by accident once in forty million cases.
    """
    rounds = [_scramble(labels.astype(np.uint64))]
    for _ in range(iterations):
        message = _scramble(rounds[-1] + np.uint64(1))  # not the label itself: u + v is not v + u
        received = np.where(edges, message[:, :, None], np.uint64(0)).sum(axis=1, dtype=np.uint64)
        rounds.append(_scramble(np.uint64(3) * rounds[-1] + received))
    return rounds


def _scramble(x: Labels) -> Labels:
    """A bijection of 64-bit numbers without pattern: the finaliser of SplitMix64 (Steele, 2014)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
