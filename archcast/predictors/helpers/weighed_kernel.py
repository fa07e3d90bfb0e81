"""Kernels of weighed terms, and how likely labels make their weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from archcast.core.heavy import linalg
from archcast.predictors.predictor import Vector

DEVIATION = 2.0  # of the log-normal prior of each hyperparameter

Kernel = Callable[[Vector, Vector], tuple[Vector, Vector]]


def matern(weights: Vector, distances: Vector) -> tuple[Vector, Vector]:
    """Matern 5/2 of the weighed sum of squared distances, and its derivative by that sum."""
    root = np.sqrt(5 * np.tensordot(weights, distances, 1))
    decay = np.exp(-root)
    return (1 + root + root**2 / 3) * decay, -5 / 6 * (1 + root) * decay


def linear(weights: Vector, products: Vector) -> tuple[Vector, Vector]:
    """The weighed sum of inner products, and its derivative by itself."""
    total = np.tensordot(weights, products, 1)
    return total, np.ones_like(total)


def minus_log_posterior(
    logs: Vector, terms: Vector, y: Vector, prior: Vector, kernel: Kernel, jitter: float
) -> tuple[float, Vector]:
    """Of the weights of the terms (views, n, n), the signal and the noise; and its gradient.

    All are given by their logarithms, of which `prior` has the means. It is up to a constant.
    """
    *weights, signal, noise = np.exp(logs)
    similarity, slope = kernel(np.array(weights), terms)
    covariance = signal * similarity + (noise + jitter) * np.eye(len(y))
    factor = linalg.cho_factor(covariance, lower=True)
    inverse = linalg.cho_solve(factor, np.eye(len(y)))
    dual = inverse @ y
    by_covariance = (inverse - np.outer(dual, dual)) / 2
    by_weights = signal * np.tensordot(terms, by_covariance * slope, 2)
    gradient = [*by_weights, np.sum(by_covariance * similarity), np.trace(by_covariance)]
    off = (logs - prior) / DEVIATION
    loss = y @ dual / 2 + np.log(factor[0].diagonal()).sum() + off @ off / 2
    return loss, np.exp(logs) * gradient + off / DEVIATION
