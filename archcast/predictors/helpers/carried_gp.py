"""A Gaussian process that begins with what is known from elsewhere."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from archcast.core.heavy import linalg, optimize
from archcast.predictors.helpers.weighed_kernel import matern
from archcast.predictors.predictor import Vector

SLOPE = 0.7  # the prior mean of how labels follow the scores from elsewhere
LEVEL = 4.0  # the prior variance of the mean of labels
JITTER = 1e-6
MOST_COMPARED = 400  # labels by which hyperparameters are compared: the time grows with their cube
BATCH = 2_000  # architectures queried at once: bounds memory


class Seen(NamedTuple):
    """What is seen of architectures."""

    features: Vector  # (n, features), scaled such that distances mean what they meant elsewhere
    scores: Vector  # (n,), from elsewhere


class CarriedGP:
    """Regresses labels on the scores from elsewhere, and on features whose scales are from there.

    Labels are a line over the scores, and a function of the features with a Matern 5/2 kernel. Its
    length scale, its variance, that of the slope and the noise maximise the posterior, under
    log-normal priors; level and slope are integrated out. So few labels leave the scores as they
    are, and many overrule them. Without any label the scores are all that there is.
    """

    prior = np.log([1.0, 1.0, 0.1, 0.1])  # of the medians: inverse length squared, signal, ...
    bound = 5.0  # of what a logarithm may differ from it; deviations are 1

    def fit(self, seen: Seen, labels: Vector) -> Self:
        """Learn from labels (n,), of mean 0 and variance 1 or so."""
        self.seen_ = seen
        at = np.unique(np.linspace(0, len(labels) - 1, MOST_COMPARED).astype(int))
        self.logs_ = self._compared(_rows(seen, at), labels[at]) if len(labels) else self.prior
        covariance = self._covariance(seen, seen) + np.exp(self.logs_[2]) * np.eye(len(labels))
        covariance += JITTER * np.eye(len(labels))
        inverse = linalg.inv(covariance) if len(labels) else covariance
        self.inverse_ = inverse
        self.dual_ = inverse @ (labels - SLOPE * seen.scores)
        self.left_out_ = labels - self.dual_ / inverse.diagonal()
        return self

    def query(self, seen: Seen) -> tuple[Vector, Vector]:
        """Means and standard deviations (n,) of labels, their noise included."""
        starts = range(0, len(seen.scores), BATCH)
        parts = [self._predict(_rows(seen, slice(start, start + BATCH))) for start in starts]
        means, deviations = np.concatenate(parts, axis=1)
        return means, deviations

    def _predict(self, seen: Seen) -> Vector:
        _, signal, noise, slope = np.exp(self.logs_)
        across = self._covariance(seen, self.seen_)
        own = signal + slope * seen.scores**2 + LEVEL + noise
        explained = np.einsum("ij,ij->i", across @ self.inverse_, across)
        deviations = np.sqrt(np.maximum(own - explained, noise))
        return np.stack([SLOPE * seen.scores + across @ self.dual_, deviations])

    def _covariance(self, seen: Seen, others: Seen) -> Vector:
        scale, signal, _, slope = np.exp(self.logs_)
        similarity, _ = matern(np.array([scale]), _distances(seen, others)[None])
        found: Vector = signal * similarity + slope * np.outer(seen.scores, others.scores) + LEVEL
        return found

    def _compared(self, seen: Seen, labels: Vector) -> Vector:
        """The logarithms of the hyperparameters with the largest posterior."""
        terms = _distances(seen, seen)[None], np.outer(seen.scores, seen.scores)
        bounds = [(each - self.bound, each + self.bound) for each in self.prior]
        found = optimize.minimize(
            minus_log_posterior, self.prior, (*terms, labels - SLOPE * seen.scores, self.prior),
            "L-BFGS-B", jac=True, bounds=bounds, options={"maxiter": 30},
        )  # fmt: skip
        return np.asarray(found.x)


def minus_log_posterior(
    logs: Vector, distances: Vector, products: Vector, y: Vector, prior: Vector
) -> tuple[float, Vector]:
    """Of the hyperparameters, by their logarithms, up to a constant; and its gradient.

    `distances` are squared (1, n, n), `products` of scores (n, n).
    """
    scale, signal, noise, slope = np.exp(logs)
    similarity, by_distance = matern(np.array([scale]), distances)
    covariance = signal * similarity + slope * products + LEVEL
    covariance += (noise + JITTER) * np.eye(len(y))
    factor = linalg.cho_factor(covariance, lower=True)
    inverse = linalg.cho_solve(factor, np.eye(len(y)))
    dual = inverse @ y
    by_covariance = (inverse - np.outer(dual, dual)) / 2
    changes = [
        signal * scale * by_distance * distances[0],
        signal * similarity,
        noise * np.eye(len(y)),
        slope * products,
    ]
    off = logs - prior
    loss = y @ dual / 2 + np.log(factor[0].diagonal()).sum() + off @ off / 2
    return loss, np.array([np.sum(by_covariance * each) for each in changes]) + off


def _distances(seen: Seen, others: Seen) -> Vector:
    """Squared, of features (n, m)."""
    squares = (seen.features**2).sum(axis=1)[:, None] + (others.features**2).sum(axis=1)
    found: Vector = np.maximum(squares - 2 * seen.features @ others.features.T, 0.0)
    return found


def _rows(seen: Seen, at: slice | NDArray[np.int64]) -> Seen:
    return Seen(*(values[at] for values in seen))
