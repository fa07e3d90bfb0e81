"""Hyperparameter search around another predictor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archcast.predictors.predictor import Context, Predictor, Tags, Vector
from archcast.predictors.predictor_text import changed, configured, to_predictor
from archcast.spaces.space import Architecture


class Tuned(Predictor):
    """Chooses the settings of a predictor on the training labels, then fits it with the best.

    Random search as in the 2021 study (White et al., 2021): a trial is one setting, drawn from the
    predictor's `search_space`, and its score is the mean Kendall tau on the labels that
    cross-validation held out. The first trial is the setting as given. Unlike in the study's code,
    no label is ever in both parts of a fold.

    Args:
        predictor: a `Predictor`, or text such as `xgb(max_depth=6)`; parameters that are not its
            defaults stay as they are.
        trials: settings to try; fewer, if `seconds` of wall time have passed before.
        folds: of the cross-validation; with fewer labels there is no search.
    """

    def __init__(
        self,
        predictor: Predictor | str = "xgb",
        trials: int = 20,
        seconds: float | None = None,
        folds: int = 3,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        self.predictor = to_predictor(predictor)
        self.trials = trials
        self.seconds = seconds
        self.folds = folds
        self.device = device
        self.seed = seed

    @property
    def tags(self) -> Tags:  # type: ignore[override]
        """Those of the predictor."""
        return replace(self.predictor.tags, version=1)

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        from sklearn.base import clone
        from sklearn.model_selection import KFold

        stop = perf_counter() + (np.inf if self.seconds is None else self.seconds)
        given, fixed = configured(self.predictor, self.seed, self.device), changed(self.predictor)
        space = {key: values for key, values in given.search_space().items() if key not in fixed}
        if not space:
            raise ValueError(f"{given} leaves nothing to search; give one with a search space")
        self.scores_: list[tuple[dict[str, Any], float]] = []  # of each trial
        for setting in self._settings(space) if len(labels) >= self.folds else ():
            trial = clone(given).set_params(**setting)
            taus = [
                self._tau_of_fold(clone(trial), architectures, labels, context, *fold)
                for fold in KFold(self.folds, shuffle=True, random_state=self.seed).split(labels)
            ]
            self.scores_.append((setting, float(np.mean(taus))))
            if perf_counter() >= stop:
                break
        self.best_, _ = max(self.scores_, key=lambda trial: trial[1], default=({}, 0.0))
        self.predictor_: Predictor = given.set_params(**self.best_)
        self.predictor_.fit(architectures, labels, context)
        self._take_over_fits([self.predictor_])

    def _settings(self, space: dict[str, Any]) -> Iterator[dict[str, Any]]:
        from sklearn.model_selection import ParameterSampler

        yield {}
        yield from ParameterSampler(space, self.trials - 1, random_state=self.seed)

    def _query(self, architectures: Sequence[Architecture], context: Context) -> Vector:
        scores = self.predictor_.query(architectures, context)
        self._take_over([self.predictor_])
        return scores

    def values(self, scores: Vector) -> Vector | None:
        return self.predictor_.values(scores)

    def _query_with_std(
        self, architectures: Sequence[Architecture], context: Context
    ) -> tuple[Vector, Vector]:
        answer = self.predictor_.query(architectures, context, return_std=True)
        self._take_over([self.predictor_])
        return answer

    def _tau_of_fold(
        self,
        predictor: Predictor,
        architectures: Sequence[Architecture],
        labels: Vector,
        context: Context,
        train: NDArray[np.int64],
        held_out: NDArray[np.int64],
    ) -> float:
        """Kendall tau on labels that were not learned from; 0 where ties leave it undefined."""
        from scipy.stats import kendalltau

        predictor.fit([architectures[i] for i in train], labels[train], context.take(train))
        self.saved_seconds_ += predictor.saved_seconds_
        scores = predictor.query([architectures[i] for i in held_out], context.take(held_out))
        self.saved_seconds_ += predictor.saved_seconds_
        return float(np.nan_to_num(kendalltau(scores, labels[held_out]).statistic))
