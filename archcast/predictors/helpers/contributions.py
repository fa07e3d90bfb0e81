"""Amounts that are sums of non-negative contributions."""

from __future__ import annotations

import numpy as np

from archcast.core.heavy import optimize
from archcast.predictors.predictor import Vector

LEAST = 0.1  # of the median amount: the errors of smaller ones count no more than its


class Contributions:
    """Amounts as a base and a contribution of each unit of each feature, none of them negative.

    Non-negative least squares of relative errors. A feature that has negative values may
    contribute in either direction. Labels whose mean is negative are amounts of which less is
    better; if labels are of both signs, amounts count from the least.
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
        x = self._with_base(x)
        relative = unit / np.maximum(amounts, LEAST * unit)
        penalty = np.sqrt(ridge) * np.eye(x.shape[1])[1:]
        rows = np.vstack([x * relative[:, None], penalty])
        goals = np.concatenate([amounts / unit * relative, np.zeros(len(penalty))])
        self.weights = unit * optimize.nnls(rows, goals, maxiter=30 * len(rows))[0]

    def labels(self, x: Vector) -> Vector:
        """Of features (n, features), on the axis of the labels."""
        labels: Vector = self.sign * (self._with_base(x) @ self.weights + self.floor)
        return labels

    def _with_base(self, x: Vector) -> Vector:
        x = x / self.most
        return np.hstack([np.ones((len(x), 1)), x, -x[:, self.free]])
