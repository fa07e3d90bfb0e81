"""A trained predictor that also sees the scores of untrained ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from archcast.core.errors import InputError
from archcast.predictors.helpers.vector import VectorPredictor
from archcast.predictors.nao import NAO
from archcast.predictors.predictor import Context, Predictor, Tags, Vector
from archcast.predictors.predictor_text import (
    configured,
    text_of,
    to_predictor,
    to_predictors,
)
from archcast.spaces.space import Architecture

MOST_QUANTILES = 10_000  # of labels: more than scikit-learn takes by itself


def takes_features(predictor: Predictor) -> bool:
    """Whether a predictor can see scores beside the architectures."""
    return isinstance(predictor, VectorPredictor | NAO)


class Combined(Predictor):
    """Fits a head on architectures and on what other predictors score them.

    This is OMNI of the 2021 study, for any head and any parts that learn from no labels: zero-cost
    proxies, learning curves, sizes. A part's scores reach the head as normal quantiles among the
    training architectures, so that scores of any scale serve any head. What parts need is paid for
    and measured with every query.

    Args:
        head: a predictor with `fit_beside`, which those on vectors, `nao` and `seminas` have; or
            text such as `ngb` or `xgb(max_depth=3)`.
        parts: predictors that do not learn, or their texts.
    """

    def __init__(
        self,
        head: Predictor | str = "ngb",
        parts: Sequence[Predictor | str] = ("jacov", "sotl-e"),
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        self.head = to_predictor(head)
        self.parts = to_predictors(parts)
        self.device = device
        self.seed = seed

    @property
    def tags(self) -> Tags:  # type: ignore[override]
        """All that the parts need, and whether the head gives deviations."""
        self._check()
        return Tags.joined(
            [each.tags for each in (self.head, *self.parts)],
            "White et al., 2021, How Powerful are Performance Predictors in NAS?",
            probabilistic=self.head.tags.probabilistic,
            version=2,
        )

    def _check(self) -> None:
        if not takes_features(self.head):
            raise InputError(
                f"{text_of(self.head)} can't be a head: it takes no features; try ngb or xgb"
            )
        for part in self.parts:
            if part.tags.learns:
                raise InputError(
                    f"{text_of(part)} can't be a part: it learns from labels; try jacov or sotl-e"
                )

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        from sklearn.preprocessing import QuantileTransformer

        head, *self.parts_ = (
            configured(each, self.seed, self.device) for each in (self.head, *self.parts)
        )
        assert isinstance(head, VectorPredictor | NAO)
        self.head_ = head
        for part in self.parts_:
            part.fit(architectures, labels, context)
        self._take_over(self.parts_)
        scores = self._scores(architectures, context)
        self.quantiles_ = QuantileTransformer(
            n_quantiles=min(len(scores), MOST_QUANTILES), output_distribution="normal",
            random_state=0,
        ).fit(scores)  # fmt: skip
        self.head_.fit_beside(architectures, self._quantiles(scores), labels, context)

    def _query(self, architectures: Sequence[Architecture], context: Context) -> Vector:
        scores = self._scores(architectures, context)
        return np.asarray(self.head_.query_beside(architectures, self._quantiles(scores)))

    def values(self, scores: Vector) -> Vector | None:
        return self.head_.values(scores)

    def _query_with_std(
        self, architectures: Sequence[Architecture], context: Context
    ) -> tuple[Vector, Vector]:
        assert isinstance(self.head_, VectorPredictor)
        features = self._quantiles(self._scores(architectures, context))
        scores, std = self.head_.query_beside_with_std(architectures, features)
        return np.asarray(scores), np.asarray(std)

    def _scores(self, architectures: Sequence[Architecture], context: Context) -> Vector:
        """Scores (architectures, parts)."""
        scores = np.column_stack([part.query(architectures, context) for part in self.parts_])
        self._take_over(self.parts_)
        return scores

    def _quantiles(self, scores: Vector) -> Vector:
        quantiles: Vector = self.quantiles_.transform(scores)
        return quantiles


class OMNI(Combined):
    """The combination of the 2021 study: NGBoost on encoding, `jacov` and last training loss."""
