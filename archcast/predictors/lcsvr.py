"""Support vector regression on the start of a learning curve and on the architecture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import loguniform, uniform
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.ensemble import VotingRegressor
from sklearn.model_selection import KFold, RandomizedSearchCV, cross_val_predict
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import NuSVR

from archcast.encodings import registry as encodings
from archcast.predictors.helpers.curves import whole
from archcast.predictors.helpers.labels import Axis
from archcast.predictors.predictor import Context, Predictor, Tags, Vector
from archcast.spaces.space import Architecture

MOST_COMPARED = 400  # labels on which settings are compared: the time grows with their cube


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
        seen: of each view, whether it is seen at all.
    """

    def __init__(self, view: NDArray[np.int64], seen: tuple[bool, ...]) -> None:
        self.view = view
        self.seen = seen

    def fit(self, x: Vector, y: Vector | None = None) -> _Views:
        widths = np.bincount(self.view, minlength=len(self.seen))
        self.weights_ = (self.seen / np.sqrt(widths * sum(self.seen)))[self.view]
        return self

    def transform(self, x: Vector) -> Vector:
        weighed: Vector = x * self.weights_
        return weighed


class LearningCurveSVR(Predictor):
    """Nu-SVRs on curves so far, their first and second differences, and architecture features.

    The architecture is one view, and each curve that the benchmark has, with its differences, is
    another. Settings of the regression, and which views it sees, are drawn at random and compared
    on held-out labels inside `fit`. The paper has one view and takes the best setting; the mean of
    the few best (`best`) depends less on the luck of the draw. Deviations are those of held-out
    labels, one for all architectures. Of more than 400 labels, a random 400 compare the settings,
    which then learn from all. Scores and deviations are on the labels' axis.

    Args:
        encoding: of architectures, a name from `archcast.encodings`.
        trials: settings of the regression that are compared.
        best: how many of them are averaged.
        folds: of the cross-validation.
    """

    tags = Tags(
        needs=frozenset({"curves"}),
        probabilistic=True,
        paper="Baker et al., 2017, Accelerating NAS using Performance Prediction",
    )
    settings: ClassVar[Mapping[str, Any]] = {
        "svr__C": loguniform(1e-1, 1e3),
        "svr__nu": uniform(0.05, 0.9),
        "svr__gamma": loguniform(4e-3, 4e1),
    }

    def __init__(
        self,
        encoding: str = "auto",
        trials: int = 50,
        best: int = 10,
        folds: int = 3,
        seed: int = 0,
    ) -> None:
        self.encoding = encoding
        self.trials = trials
        self.best = best
        self.folds = folds
        self.seed = seed

    def uses(self) -> Sequence[object]:
        return (encodings.get(self.encoding),)

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        views, self.axis_ = self._views(architectures, context), Axis(labels)
        x, y = np.hstack(views), self.axis_.standardise(labels)
        view = np.repeat(np.arange(len(views)), [part.shape[1] for part in views])
        *seen, _ = product([True, False], repeat=len(views))  # every choice of views but none
        svr = Pipeline(
            [("scale", StandardScaler()), ("views", _Views(view, seen[0])), ("svr", _NuSVR())]
        )
        self.svr_, self.noise_ = svr, 1.0
        if len(y) >= 2 * self.folds:
            order = np.random.default_rng(self.seed).permutation(len(y))
            some = np.sort(order[:MOST_COMPARED])
            folds = KFold(self.folds, shuffle=True, random_state=self.seed)
            search = RandomizedSearchCV(
                svr, {**self.settings, "views__seen": seen},
                n_iter=self.trials, cv=folds, refit=False,
                scoring="neg_mean_squared_error", random_state=self.seed,
            ).fit(x[some], y[some])  # fmt: skip
            ranks = search.cv_results_["rank_test_score"]
            winners = np.argsort(ranks, kind="stable")[: self.best]
            chosen = [search.cv_results_["params"][trial] for trial in winners]
            self.svr_ = VotingRegressor(
                [(f"{i}", clone(svr).set_params(**setting)) for i, setting in enumerate(chosen)]
            )
            errors = cross_val_predict(self.svr_, x[some], y[some], cv=folds) - y[some]
            self.noise_ = max(float(np.sqrt(np.mean(errors**2))), 1e-6)
        self.svr_.fit(x, y)

    def _query(self, architectures: Sequence[Architecture], context: Context) -> Vector:
        x = np.hstack(self._views(architectures, context))
        return self.axis_.restore(self.svr_.predict(x))

    def _query_with_std(
        self, architectures: Sequence[Architecture], context: Context
    ) -> tuple[Vector, Vector]:
        scores = self._query(architectures, context)
        return scores, self.axis_.restore_std(np.full(len(scores), self.noise_))

    def _views(self, architectures: Sequence[Architecture], context: Context) -> list[Vector]:
        """Features (architectures, width) of the architecture, and of each curve."""
        views = [encodings.get(self.encoding)(architectures)]
        assert context.curves is not None
        for name in context.curves.columns:
            curve = whole(context, name)
            views.append(np.hstack([np.diff(curve, order, axis=1) for order in (0, 1, 2)]))
        return views
