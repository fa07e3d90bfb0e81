"""Sums of what each part of an architecture contributes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from archcast.encodings import registry as encodings
from archcast.predictors.helpers.contributions import Contributions
from archcast.predictors.helpers.vector import VectorPredictor
from archcast.predictors.predictor import Tags, Vector
from archcast.spaces.space import Architecture


class Additive(VectorPredictor):
    """A base and a non-negative contribution of each part, as a lookup table of latencies has.

    Of a graph, parts are nodes: those of one operation contribute alike, and in proportion to
    their numbers or to what these lack to the most. Of a list of decisions they are the options;
    neighbours of ordered ones contribute alike unless labels tell otherwise, a range in proportion
    to what was chosen or to what is left of it.

    Args:
        ridge: how much contributions are held small; see `Contributions`.
    """

    tags = Tags(paper="Cai et al., 2019, ProxylessNAS")
    encoding, labels = "one-hot", "raw"

    def __init__(self, ridge: float = 0.03) -> None:
        self.ridge = ridge

    def _fit_vectors(self, x: Vector, y: Vector) -> None:
        self.contributions_ = Contributions(x, y, self.ridge)

    def _query_vectors(self, x: Vector) -> Vector:
        return self.contributions_.labels(x)

    def _encode(self, architectures: Sequence[Architecture]) -> Vector:
        if architectures[0].space.listed:
            chosen = encodings.get(self.encoding)(architectures)
            return np.hstack([chosen, 1.0 - chosen])
        return _operations(architectures)


def _operations(architectures: Sequence[Architecture]) -> Vector:
    """Of each operation the nodes that have it, and the sums of their numbers and of the rest."""
    space = architectures[0].space
    _, operations, mask, numbers = space.graphs(architectures)
    counted = [i for i, name in enumerate(space.operations) if name not in space.absent]
    has = ((operations[:, :, None] == counted[1:-1]) & mask[:, :, None]).astype(np.float64)
    sums = np.einsum("nvo,nvk->nok", has, numbers)
    rest = has.sum(axis=1)[:, :, None] - sums
    parts = [has.sum(axis=1), *(each.reshape(len(has), -1) for each in (sums, rest))]
    return np.hstack(parts)
