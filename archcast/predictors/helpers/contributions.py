"""Amounts that are sums of non-negative contributions."""

from __future__ import annotations

import numpy as np

from archcast.core.heavy import optimize
from archcast.predictors.predictor import Vector

LEAST = 0.1  # of the median amount: the errors of smaller ones count no more than its
ROUNDS = 10
NEAR = 0.05  # relative errors below which they count in squares


class Contributions:
    """Amounts as a base and a contribution of each unit of each feature, none of them negative.

    Absolute relative errors are least, so that a measurement that went wrong does little harm: by
    non-negative least squares, in rounds in which an error weighs the less the larger it was. A
    feature that has negative values may contribute in either direction. Labels whose mean is
    negative are amounts of which less is better; of both signs, amounts count from the least.
    """

    def __init__(self, x: Vector, labels: Vector, ridge: float) -> None:
        """Learn from features (n, features) and labels (n,).

        Args:
            x: features.
            labels: as predictors see them, higher is better.
            ridge: what it costs that the most of a feature contributes the median amount, where an
                error by the amount itself costs 1.
        """
        self.sign = -1.0 if labels.mean() < 0 else 1.0
        amounts = self.sign * labels
        self.floor = min(0.0, float(amounts.min()))
        amounts = amounts - self.floor
        unit = float(np.median(amounts)) or float(amounts.max()) or 1.0
        self.free = (x < 0).any(axis=0)
        self.most = np.abs(x).max(axis=0)
        self.most[self.most == 0] = 1.0
        scale = np.maximum(amounts, LEAST * unit)
        rows, goals = unit * self._with_base(x) / scale[:, None], amounts / scale
        penalty = np.sqrt(ridge) * np.eye(rows.shape[1])[1:]
        aims = np.zeros(len(penalty))
        weights = np.ones(len(goals))
        for _ in range(ROUNDS):
            weighted = np.vstack([rows * weights[:, None], penalty])
            wanted = np.concatenate([goals * weights, aims])
            found, _ = optimize.nnls(weighted, wanted, maxiter=30 * len(wanted))
            weights = np.maximum(np.abs(rows @ found - goals), NEAR) ** -0.5
        self.weights = unit * found

    def labels(self, x: Vector) -> Vector:
        """Of features (n, features), on the axis of the labels."""
        labels: Vector = self.sign * (self._with_base(x) @ self.weights + self.floor)
        return labels

    def _with_base(self, x: Vector) -> Vector:
        x = x / self.most
        return np.hstack([np.ones((len(x), 1)), x, -x[:, self.free]])
