"""Deviations as large as errors are on labels that were not learned from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archcast.predictors.helpers.labels import rescale
from archcast.predictors.predictor import Context, Predictor, Vector
from archcast.spaces.space import Architecture


class HeldOutVariance(Predictor):
    """Adds to the variance of a prediction what held-out errors show it to lack.

    A model that fits its few labels closely takes the rest for certain. A second one, fitted to
    half of the labels, tells on the other half by how much: its squared errors less its own
    variances, on average, are added to the variance of every prediction. Half of the labels teach
    less than all, so deviations tend to be a little too large. Scores stay as they are.

    Goes before the class of the model, which takes `labels` and `seed`:
    `class Mine(HeldOutVariance, VectorPredictor)`.
    """

    labels: str
    seed: int

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        self._fit_twice(architectures, None, labels, context)

    def fit_beside(
        self,
        architectures: Sequence[Architecture],
        features: Vector,
        labels: Vector,
        context: Context,
    ) -> None:
        """As of a `VectorPredictor`."""
        self._fit_twice(architectures, features, labels, context)

    def _query_with_std(
        self, architectures: Sequence[Architecture], context: Context
    ) -> tuple[Vector, Vector]:
        return self._query_model(architectures, None, context)

    def query_beside_with_std(
        self, architectures: Sequence[Architecture], features: Vector
    ) -> tuple[Vector, Vector]:
        """As of a `VectorPredictor`."""
        return self._query_model(architectures, features, Context())

    def _fit_twice(
        self,
        architectures: Sequence[Architecture],
        features: Vector | None,
        labels: Vector,
        context: Context,
    ) -> None:
        from sklearn.base import clone

        def some(rows: NDArray[np.int64]) -> tuple[list[Architecture], Vector | None]:
            return [architectures[i] for i in rows], None if features is None else features[rows]

        y = rescale(labels, self.labels)
        order = np.random.default_rng(self.seed).permutation(len(y))
        held_out, train = np.split(order, [len(y) // 2])
        lacking = 0.0
        if len(held_out):
            second = clone(self).set_params(labels="raw")
            second._fit_model(*some(train), y[train], context.take(train))
            scores, std = second._query_model(*some(held_out), context.take(held_out))
            lacking = np.mean((scores - y[held_out]) ** 2 - std**2)
        self._fit_model(architectures, features, labels, context)
        self.variance_ = max(lacking, 0.0)

    def _fit_model(
        self,
        architectures: Sequence[Architecture],
        features: Vector | None,
        labels: Vector,
        context: Context,
    ) -> None:
        if features is None:
            super()._fit(architectures, labels, context)  # type: ignore[safe-super]
        else:
            super().fit_beside(architectures, features, labels, context)  # type: ignore[misc]
        self.variance_ = 0.0

    def _query_model(
        self, architectures: Sequence[Architecture], features: Vector | None, context: Context
    ) -> tuple[Vector, Vector]:
        if features is None:
            scores, std = super()._query_with_std(architectures, context)
        else:
            scores, std = super().query_beside_with_std(architectures, features)  # type: ignore[misc]
        return np.asarray(scores), np.hypot(std, self.variance_**0.5)
