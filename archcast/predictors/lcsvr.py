"""Support vector regression on the start of a learning curve and on the architecture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from archcast.encodings import registry as encodings
from archcast.predictors.helpers.curves import ended_badly, that_ended_well, whole, worst_known
from archcast.predictors.helpers.labels import Axis
from archcast.predictors.helpers.telling_views import look, views_of
from archcast.predictors.predictor import LAST, Context, Predictor, Tags, Vector
from archcast.spaces.space import Architecture

MOST_COMPARED = 400  # labels on which settings are compared: the time grows with their cube
MOST_LISTED = 8  # views, of which every choice is a candidate; of more, as many at random


class LearningCurveSVR(Predictor):
    """Nu-SVRs on curves so far, their first and second differences, and architecture features.

    The architecture is one view, and each curve that the benchmark has, with its differences, is
    another. Settings of the regression, and which views it sees, are drawn at random and compared
    on held-out labels inside `fit`. The paper has one view and takes the best setting; the mean of
    the few best (`best`) depends less on the luck of the draw. Deviations are those of held-out
    labels, one for all architectures. Of more than 400 labels, a random 400 compare the settings,
    which then learn from all. Scores and deviations are on the labels' axis.

    A run that is known to have diverged scores the worst there is, and counts in `fallbacks_`. It
    teaches nothing, unless all are such runs.

    Args:
        encoding: of architectures, a name from `archcast.encodings`; or `auto`, for those that tell
            something of the labels.
        trials: settings of the regression that are compared.
        best: how many of them are averaged.
        folds: of the cross-validation.
    """

    tags = Tags(
        needs=frozenset({"curves"}),
        probabilistic=True,
        in_unit=True,
        paper="Baker et al., 2017, Accelerating NAS using Performance Prediction",
        version=5,
    )

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
        return [encodings.get(name) for name in views_of(self.encoding)]

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        from scipy.stats import loguniform, uniform
        from sklearn.base import clone
        from sklearn.ensemble import VotingRegressor
        from sklearn.model_selection import KFold, RandomizedSearchCV, cross_val_predict

        from archcast.predictors.helpers.curve_svr import regression

        assert context.curves is not None
        worst, least = context.curves.worst, float(labels.min())
        within = LAST < worst <= least  # it is not, of labels that are rescaled
        self.worst_ = worst if within else least - 3.0 * (float(labels.std()) or 1.0)
        if not ended_badly(context).all():
            architectures, labels, context = that_ended_well(architectures, labels, context)
        assert context.curves is not None
        self.views_, curves = look(self.encoding, architectures, labels), context.curves
        self.worst_known_ = {name: worst_known(curves, name) for name in curves.columns}
        views, self.axis_ = self._views(architectures, context), Axis(labels)
        x, y = np.hstack(views), self.axis_.standardise(labels)
        view = np.repeat(np.arange(len(views)), [part.shape[1] for part in views])
        seen = _choices(len(views), self.seed)
        svr = regression(view, seen[0])
        self.svr_, self.noise_ = svr, 1.0
        if len(y) >= 2 * self.folds:
            order = np.random.default_rng(self.seed).permutation(len(y))
            some = np.sort(order[:MOST_COMPARED])
            folds = KFold(self.folds, shuffle=True, random_state=self.seed)
            settings = {
                "svr__C": loguniform(1e-1, 1e3),
                "svr__nu": uniform(0.05, 0.9),
                "svr__gamma": loguniform(4e-3, 4e1),
                "views__seen": seen,
            }
            search = RandomizedSearchCV(
                svr, settings, n_iter=self.trials, cv=folds, refit=False,
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
        assert context.curves is not None
        x = np.hstack(self._views(architectures, context))
        diverged = ended_badly(context)
        self.fallbacks_ += int(diverged.sum())
        scores = self.axis_.restore(self.svr_.predict(x))
        return np.where(diverged, self.worst_, scores)

    def values(self, scores: Vector) -> Vector:
        return scores

    def _query_with_std(
        self, architectures: Sequence[Architecture], context: Context
    ) -> tuple[Vector, Vector]:
        scores = self._query(architectures, context)
        return scores, self.axis_.restore_std(np.full(len(scores), self.noise_))

    def _views(self, architectures: Sequence[Architecture], context: Context) -> list[Vector]:
        """Features (architectures, width) of the architecture, and of each curve."""
        views = [self.views_(architectures)]
        assert context.curves is not None
        for name in context.curves.columns:
            curve = whole(context, name, self.worst_known_[name])
            views.append(np.hstack([np.diff(curve, order, axis=1) for order in (0, 1, 2)]))
        return views


def _choices(views: int, seed: int) -> list[tuple[bool, ...]]:
    """Of views, every choice but none, all of them first; or many at random."""
    if views <= MOST_LISTED:
        return [*product([True, False], repeat=views)][:-1]
    drawn = np.random.default_rng(seed).random((2**MOST_LISTED, views)) < 0.5
    drawn[0] = True
    return [tuple(row) for row in drawn.tolist() if any(row)]
