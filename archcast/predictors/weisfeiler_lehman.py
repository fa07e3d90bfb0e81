"""Gaussian process on graphs, with a Weisfeiler-Lehman kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.optimize import minimize
from scipy.sparse import coo_array

from archcast.encodings.live_graphs import live_graphs
from archcast.encodings.weisfeiler_lehman import Labels, refine
from archcast.predictors.base import Context, Predictor, Tags, Vector
from archcast.predictors.labels import rescale
from archcast.spaces.base import Architecture

BATCH = 500  # architectures queried at once; bounds memory
JITTER = 1e-4  # least noise variance
PRIOR_MEAN = -1.5  # of all logarithms below: fairly smooth, fairly certain
PRIOR_PRECISION = 0.3


class WeisfeilerLehmanGP(Predictor):
    """Gaussian process that compares architectures by what their nodes see around them.

    As in NAS-BOWL, two graphs are alike if their nodes get the same Weisfeiler-Lehman labels. Here
    labels look along the edges and against them, and once more with all operations taken for one,
    which compares bare topologies. Each of these views at each number of iterations gives a
    histogram a graph; kernels:

        matern: Matern 5/2 of the distance between histograms, each with a length scale of its own.
        linear: the weighted sum of the histograms' inner products, as in the paper.

    The weights tell how many iterations count. They maximise the marginal likelihood, with the
    signal and the noise variance, under a wide normal prior on their logarithms.
    """

    tags = Tags(probabilistic=True, paper="Ru et al., 2021, NAS-BOWL")

    def __init__(self, labels: str = "normal", kernel: str = "matern", iterations: int = 3) -> None:
        self.labels = labels
        self.kernel = kernel
        self.iterations = iterations

    def _fit(
        self, architectures: Sequence[Architecture], labels: Vector, context: Context
    ) -> None:
        if self.kernel not in ("matern", "linear"):
            raise ValueError(f"kernel={self.kernel!r} is neither matern nor linear")
        y = rescale(labels, self.labels)
        self.mean_, self.scale_ = y.mean(), y.std() or 1.0
        y = (y - self.mean_) / self.scale_
