"""Predictors that regress labels on a vector encoding: what they share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

from archcast.encodings import registry as encodings
from archcast.predictors.helpers.labels import RescalesLabels
from archcast.predictors.helpers.telling_views import look, views_of
from archcast.predictors.predictor import Context, Predictor, Vector
from archcast.spaces.space import Architecture

QUERY_BATCH = 2_000


class VectorPredictor(RescalesLabels, Predictor):
    """Encodes architectures, rescales labels, and leaves the regression to a subclass.

    Subclasses take two parameters:
        encoding: a name from `archcast.encodings`; or `auto`, for those that tell something of the
            labels, see `telling_views`.
        labels: how labels are rescaled before the regression, a name from `labels.LABELS`.
            Accuracies have a long lower tail, so ranks or their normal quantiles often serve
            ranking better.

    Scores are on the rescaled axis; `values` brings them back.
    """

    encoding: str
    labels: str

    def uses(self) -> Sequence[object]:
        return [encodings.get(name) for name in views_of(self.encoding)]

    @abstractmethod
    def _fit_vectors(self, x: Vector, y: Vector) -> None:
        """Learn from features (n, features) and rescaled labels (n,)."""

    @abstractmethod
    def _query_vectors(self, x: Vector) -> ArrayLike:
        """Scores (n,) of features (n, features)."""

    def _query_vectors_with_std(self, x: Vector) -> tuple[ArrayLike, ArrayLike]:
        """Scores and standard deviations (n,); of probabilistic predictors."""
        raise NotImplementedError

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        self._look(architectures, labels)
        self._fit_vectors(self._encode(architectures), self._rescaled(labels))

    def _look(self, architectures: Sequence[Architecture], labels: Vector) -> None:
        """Choose what is seen of architectures."""
        self.views_ = look(self.encoding, architectures, labels)

    def fit_beside(
        self,
        architectures: Sequence[Architecture],
        features: Vector,
        labels: Vector,
        context: Context,
    ) -> None:
        """Learn from the encoding and from features (n, features) beside it."""
        self._look(architectures, labels)
        x = np.hstack([self._encode(architectures), features])
        self._fit_vectors(x, self._rescaled(labels))

    def query_beside(self, architectures: Sequence[Architecture], features: Vector) -> ArrayLike:
        """Scores (n,) of architectures with features (n, features)."""
        return self._query_vectors(np.hstack([self._encode(architectures), features]))

    def query_beside_with_std(
        self, architectures: Sequence[Architecture], features: Vector
    ) -> tuple[ArrayLike, ArrayLike]:
        """Scores and standard deviations (n,); of probabilistic predictors."""
        x = np.hstack([self._encode(architectures), features])
        return self._query_vectors_with_std(x)

    def _query(self, architectures: Sequence[Architecture], context: Context) -> ArrayLike:
        return np.concatenate([self._query_vectors(x) for x in self._batches(architectures)])

    def _query_with_std(
        self, architectures: Sequence[Architecture], context: Context
    ) -> tuple[ArrayLike, ArrayLike]:
        batches = [self._query_vectors_with_std(x) for x in self._batches(architectures)]
        scores, std = (np.concatenate(parts) for parts in zip(*batches, strict=True))
        return scores, std

    def _batches(self, architectures: Sequence[Architecture]) -> Iterator[Vector]:
        """Features of a bounded number of architectures at a time, and so is memory."""
        for start in range(0, len(architectures), QUERY_BATCH):
            yield self._encode(architectures[start : start + QUERY_BATCH])

    def _encode(self, architectures: Sequence[Architecture]) -> Vector:
        return self.views_(architectures)
