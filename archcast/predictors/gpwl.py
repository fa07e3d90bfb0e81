"""Gaussian process on graphs, with a Weisfeiler-Lehman kernel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from archcast.core.heavy import linalg, optimize
from archcast.encodings.weisfeiler_lehman import Labels, encode, products, self_products
from archcast.predictors.helpers.labels import Axis, RescalesLabels
from archcast.predictors.helpers.weighed_kernel import linear, matern, minus_log_posterior
from archcast.predictors.predictor import Context, Predictor, Tags, Vector
from archcast.spaces.space import Architecture

BATCH = 500  # architectures whose kernel is made at once: bounds memory
MOST_WEIGHED = 1_000  # labels that weights are learned from, in cubic time
JITTER = 1e-4  # the least noise variance; labels have variance 1
WEIGHT, NOISE = -2.0, -2.0  # the prior means of their logarithms


class WeisfeilerLehmanGP(RescalesLabels, Predictor):
    """Gaussian process that compares architectures by what their nodes see around them.

    Two graphs are alike if their nodes have the same Weisfeiler-Lehman labels. Beside the labels
    of the paper there are labels that see against the edges, and labels that see topology alone;
    see `encodings.weisfeiler_lehman.encode`. Each view, after each number of `iterations`, gives a
    histogram. The `kernel` is one of:

        matern: Matern 5/2 of the weighted squared distances between histograms.
        linear: the weighted sum of their inner products, as in the paper.

    Weights, signal and noise maximise the marginal likelihood under a wide log-normal prior; the
    weights thereby choose how many iterations count. More than 1,000 labels do not: as many do
    then, evenly spread. Two iterations see across cells of four to six nodes.
    """

    tags = Tags(probabilistic=True, paper="Ru et al., 2021, NAS-BOWL", version=2)

    def __init__(self, labels: str = "normal", kernel: str = "matern", iterations: int = 2) -> None:
        self.labels = labels
        self.kernel = kernel
        self.iterations = iterations

    def check_parameters(self) -> None:
        super().check_parameters()
        if self.kernel not in ("matern", "linear"):
            raise ValueError(f"kernel={self.kernel!r} is neither matern nor linear")

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        y = self._rescaled(labels)
        self.axis_ = Axis(y)
        y = self.axis_.standardise(y)
        everything = encode(architectures, self.iterations)
        some = np.unique(np.linspace(0, len(y) - 1, MOST_WEIGHED).astype(int))
        self.seen_ = everything[:, some]
        terms = self._terms(self.seen_)
        mean = terms.mean(axis=(1, 2))
        unit = np.where(mean > 0, mean, 1.0)

        prior = np.array([*[WEIGHT] * len(terms), 0.0, NOISE])
        arguments = (terms / unit[:, None, None], y[some], prior)
        found = optimize.minimize(self._loss, prior, arguments, "L-BFGS-B", jac=True, tol=1e-5)
        *weights, self.signal_, noise = np.exp(found.x)
        self.weights_, self.noise_ = weights / unit, noise + JITTER
        self.seen_ = everything
        starts = range(0, len(y), BATCH)
        rows = [self._covariance(everything[:, start : start + BATCH]) for start in starts]
        covariance = np.concatenate(rows) + self.noise_ * np.eye(len(y))
        self.factor_ = linalg.cho_factor(covariance, lower=True)
        self.dual_ = linalg.cho_solve(self.factor_, y)

    def _loss(self, logs: Vector, terms: Vector, y: Vector, prior: Vector) -> tuple[float, Vector]:
        """Minus the log posterior of the hyperparameters, up to a constant, and its gradient."""
        return minus_log_posterior(logs, terms, y, prior, self._similarity, JITTER)

    def _terms(self, queried: Labels) -> Vector:
        """What the kernel weighs, of each queried and each training graph: (views, n, m)."""
        inner = products(queried, self.seen_)
        if self.kernel == "linear":
            return inner
        return self_products(queried)[:, :, None] + self_products(self.seen_)[:, None] - 2 * inner

    def _covariance(self, queried: Labels) -> Vector:
        """Of the signal at queried and at training graphs, (n, m)."""
        covariance: Vector = self.signal_ * self._similarity(self.weights_, self._terms(queried))[0]
        return covariance

    def _similarity(self, weights: Vector, terms: Vector) -> tuple[Vector, Vector]:
        """The kernel before its scale, and its derivative by the weighted sum of terms."""
        return (linear if self.kernel == "linear" else matern)(weights, terms)

    def _query(self, architectures: Sequence[Architecture], context: Context) -> Vector:
        return self._query_with_std(architectures, context)[0]

    def _query_with_std(
        self, architectures: Sequence[Architecture], context: Context
    ) -> tuple[Vector, Vector]:
        starts = range(0, len(architectures), BATCH)
        parts = [self._predict(architectures[start : start + BATCH]) for start in starts]
        scores, variances = np.concatenate(parts, axis=1)
        return self.axis_.restore(scores), self.axis_.restore_std(np.sqrt(variances))

    def _predict(self, architectures: Sequence[Architecture]) -> Vector:
        """Means and variances, shape (2, n), of standardised labels."""
        queried = encode(architectures, self.iterations)
        covariance = self._covariance(queried)
        own = self.signal_ * (
            self.weights_ @ self_products(queried) if self.kernel == "linear" else 1.0
        )
        explained = np.sum(covariance.T * linalg.cho_solve(self.factor_, covariance.T), axis=0)
        variances = np.maximum(own - explained, 0.0) + self.noise_
        return np.stack([covariance @ self.dual_, variances])
