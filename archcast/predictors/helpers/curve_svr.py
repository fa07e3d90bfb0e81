"""The pieces of a support vector regression on several views, as scikit-learn's estimators."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import NuSVR

from archcast.predictors.predictor import Vector

ROUNDING = 1e-12  # of a value, what is no difference

Seen = tuple[bool, ...]  # of each view, whether it is seen at all


def regression(view: NDArray[np.int64], seen: Seen) -> Pipeline:
    """Standardised features, weighed by view, and a nu-SVR; its steps are `views` and `svr`."""
    return Pipeline([("scale", _Scaler()), ("views", _Views(view, seen)), ("svr", _NuSVR())])


class _Scaler(StandardScaler):  # type: ignore[misc]
    """Leaves out what differs by rounding alone, as differences of straight lines do."""

    def fit(self, x: Vector, y: Vector | None = None) -> _Scaler:
        super().fit(x)
        self.scale_[x.std(axis=0) <= ROUNDING * np.abs(x).max(initial=0.0)] = np.inf
        return self


class _NuSVR(NuSVR):  # type: ignore[misc]
    """Without the draw from NumPy's global random state that scikit-learn's makes, and ignores."""

    def fit(self, x: Vector, y: Vector) -> _NuSVR:
        self.random_state = 0
        fitted: _NuSVR = super().fit(x, y)
        return fitted


class _Views(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Weighs standardised features so that each view seen counts the same, however wide it is.

    Args:
        view: of each feature, the number of the view that it belongs to.
        seen: the views that count.
    """

    def __init__(self, view: NDArray[np.int64], seen: Seen) -> None:
        self.view = view
        self.seen = seen

    def fit(self, x: Vector, y: Vector | None = None) -> _Views:
        widths = np.bincount(self.view, minlength=len(self.seen))
        self.weights_ = (self.seen / np.sqrt(widths * sum(self.seen)))[self.view]
        return self

    def transform(self, x: Vector) -> Vector:
        weighed: Vector = x * self.weights_
        return weighed
