"""Support vector regression on the start of a learning curve and on the architecture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from scipy.stats import loguniform, uniform
from sklearn.model_selection import KFold, RandomizedSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import NuSVR

from archcast.catalog import encodings
from archcast.predictors.base import Context, Predictor, Tags, Vector
from archcast.predictors.curves import whole
from archcast.predictors.labels import Axis
from archcast.spaces.base import Architecture
from archcast.tables.table import CURVES


class _NuSVR(NuSVR):  # type: ignore[misc]
    """Without the draw from NumPy's global random state that scikit-learn's makes, and ignores."""

    def fit(self, x: Vector, y: Vector) -> _NuSVR:
        self.random_state = 0
        fitted: _NuSVR = super().fit(x, y)
        return fitted


class LearningCurveSVR(Predictor):
    """Nu-SVR on curves so far, their first and second differences, and architecture features.

    It reads every curve that the benchmark has. The settings of the regression are drawn at random
    and compared on held-out labels inside `fit`, as in the paper. Deviations are those of held-out
    labels, one for all architectures. Scores and deviations are in percent accuracy.

    Args:
        encoding: of architectures, a name from `archcast.catalog.encodings`.
        trials: settings of the regression that are compared.
        folds: of the cross-validation.
    """

    tags = Tags(
        needs=frozenset({"curves"}),
        probabilistic=True,
        paper="Baker et al., 2017, Accelerating NAS using Performance Prediction",
    )
    settings: ClassVar[Mapping[str, Any]] = {
        "_nusvr__C": loguniform(1e-2, 1e3),
        "_nusvr__nu": uniform(0.05, 0.9),
        "_nusvr__gamma": loguniform(1e-5, 1e-1),
    }

    def __init__(
        self, encoding: str = "graph-features", trials: int = 50, folds: int = 3, seed: int = 0
    ) -> None:
        self.encoding = encoding
        self.trials = trials
        self.folds = folds
        self.seed = seed

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        x, self.axis_ = self._features(architectures, context), Axis(labels)
        y = self.axis_.standardise(labels)
        svr = make_pipeline(StandardScaler(), _NuSVR())
        self.noise_ = 1.0
        if len(y) >= 2 * self.folds:
            folds = KFold(self.folds, shuffle=True, random_state=self.seed)
            search = RandomizedSearchCV(
                svr, dict(self.settings), n_iter=self.trials, cv=folds, refit=False,
                scoring="neg_mean_squared_error", random_state=self.seed,
            )  # fmt: skip
            svr.set_params(**search.fit(x, y).best_params_)
            errors = cross_val_predict(svr, x, y, cv=folds) - y
            self.noise_ = max(float(np.sqrt(np.mean(errors**2))), 1e-6)
        self.svr_ = svr.fit(x, y)

    def _query(self, architectures: Sequence[Architecture], context: Context) -> Vector:
        return self.axis_.restore(self.svr_.predict(self._features(architectures, context)))

    def _query_with_std(
        self, architectures: Sequence[Architecture], context: Context
    ) -> tuple[Vector, Vector]:
        scores = self._query(architectures, context)
        return scores, self.axis_.restore_std(np.full(len(scores), self.noise_))

    def _features(self, architectures: Sequence[Architecture], context: Context) -> Vector:
        parts = [encodings.get(self.encoding)(architectures)]
        for name in CURVES:
            if getattr(context.curves, name) is not None:
                curve = whole(context, name)
                parts += [np.diff(curve, order, axis=1) for order in (0, 1, 2)]
        return np.hstack(parts)
