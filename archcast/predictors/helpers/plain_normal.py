"""NGBoost's normal distribution without the one of SciPy, which takes half of the time."""

from __future__ import annotations

import numpy as np
from ngboost.distns.distn import RegressionDistn
from ngboost.distns.normal import NormalLogScore
from ngboost.scores import LogScore

from archcast.predictors.predictor import Vector

LEAST_DEVIATION = 1e-6


class PlainLogScore(NormalLogScore, LogScore):  # type: ignore[misc]
    """Minus the log density, less its constant."""

    def score(self, labels: Vector) -> Vector:
        """Of each label."""
        scores: Vector = ((labels - self.loc) / self.scale) ** 2 / 2 + np.log(self.scale)
        return scores


class PlainNormal(RegressionDistn):  # type: ignore[misc]
    """By its mean and the log of its deviation."""

    n_params = 2
    scores = (PlainLogScore,)

    def __init__(self, params: Vector) -> None:
        super().__init__(params)
        self.loc, self.scale = params[0], np.exp(params[1])
        self.var = self.scale**2

    @staticmethod
    def fit(labels: Vector) -> Vector:
        """Mean and log of the deviation, which equal labels leave just above zero."""
        return np.array([labels.mean(), np.log(max(labels.std(), LEAST_DEVIATION))])
