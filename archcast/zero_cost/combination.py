"""Proxies that rank a network among others by several scores.

Their value is none of the network alone: it needs a reference set. By default that is the set that
is scored; with a fixed reference, such as a random sample of the space, a network's value does not
depend on what is scored beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]  # (networks, parts)
Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Combination:
    """A way to combine the scores of several proxies, `parts`; higher is better."""

    parts: tuple[str, ...]
    combine: Callable[[Matrix, Matrix], Vector]

    def __call__(self, scores: Matrix, reference: Matrix | None = None) -> Vector:
        """Values of shape (networks,).

        Args:
            scores: of shape (networks, parts), in the order of `parts`.
            reference: the same of the networks to compare with; none: those of `scores`.
        """
        return self.combine(scores, scores if reference is None else reference)


def ranks(scores: Matrix, reference: Matrix) -> Matrix:
    """The rank of each score in its column of `reference`: 1 is the worst, ties share the mean.

    A score that is not in `reference` lies between two of its ranks.
    """
    found = np.empty(scores.shape)
    for part in range(scores.shape[1]):
        ordered = np.sort(reference[:, part])
        below = np.searchsorted(ordered, scores[:, part], side="left")
        upto = np.searchsorted(ordered, scores[:, part], side="right")
        found[:, part] = (below + upto + 1) / 2.0
    return found


def rank_sum(scores: Matrix, reference: Matrix) -> Vector:
    """The sum of ranks."""
    total: Vector = ranks(scores, reference).sum(axis=1)
    return total


def votes(scores: Matrix, reference: Matrix) -> Vector:
    """The share of the reference that more parts place below a network than above it."""
    signs = np.sign(scores[:, None] - reference).sum(axis=2)
    share: Vector = (signs > 0).mean(axis=1)
    return share


def log_rank_sum(scores: Matrix, reference: Matrix) -> Vector:
    """The sum of log(rank / size of the reference): a low rank weighs more than a high one."""
    total: Vector = np.log(ranks(scores, reference) / len(reference)).sum(axis=1)
    return total


def size_regularised(scores: Matrix, reference: Matrix) -> Vector:
    """A score times exp(-(size - mu)^2 / sigma).

    The paper leaves mu and sigma to the user of a search space. Here they come from the reference:
    mu is its largest size, sigma the square of the difference between its largest and its smallest,
    so that the unit of size does not matter.
    """
    value, size = scores.T
    largest, spread = reference[:, 1].max(), np.ptp(reference[:, 1])
    regularised: Vector = value * np.exp(-(((size - largest) / (spread or 1.0)) ** 2))
    return regularised


TE_NAS = Combination(("ntk", "linear-regions"), rank_sum)  # Chen et al., 2021
AZ_NAS = Combination(  # Lee & Ham, 2024
    ("az-expressivity", "az-progressivity", "az-trainability", "flops"), log_rank_sum
)
SWAP_REG = Combination(("swap", "params"), size_regularised)  # Peng et al., 2024
