"""What predictors have in common that begin with something known from elsewhere."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from archcast.core.errors import InputError
from archcast.predictors.helpers.carried_gp import CarriedGP, Seen
from archcast.predictors.helpers.curves import ended_badly, that_ended_well
from archcast.predictors.helpers.labels import rescale, values_of
from archcast.predictors.helpers.vector import VectorPredictor
from archcast.predictors.nao import NAO
from archcast.predictors.predictor import LAST, Context, Predictor, Tags, Vector
from archcast.predictors.predictor_text import for_rescaled_labels, text_of, to_predictor
from archcast.spaces.space import Architecture

LABELS = "normal"  # the axis on which benchmarks are compared
FEW = 30  # labels after which the head has a third of the score; in the end it has a half


class Informed(Predictor):
    """Ranks by what was learned elsewhere, and the more by labels the more of these there are.

    From elsewhere come scores, and features of architectures. A Gaussian process learns from the
    labels here, see `CarriedGP`: scores count as far as the labels bear them out. The head learns
    from the labels too, and sees, where it takes features, what that process says of each label
    without having seen it. The score is a mean of both on normal quantiles of the labels, of which
    the head has less the fewer labels there are. Without labels the scores from elsewhere are all.

    Runs that are known to have diverged teach nothing, and come last.

    Deviations are those of the process. What elsewhere took is `source_seconds_`.
    """

    def __init__(self, head: Predictor | str = "gp", device: str = "cpu", seed: int = 0) -> None:
        self.head = to_predictor(head)
        self.device = device
        self.seed = seed

    @property
    def tags(self) -> Tags:  # type: ignore[override]
        """Those of the head."""
        tags = self.head.tags
        if not tags.learns or type(self.head).values is Predictor.values:
            raise InputError(
                f"{text_of(self.head)} can't be a head: it learns no values of labels; try xgb"
            )
        return replace(tags, informed=True, probabilistic=True, in_unit=False, version=1)

    @abstractmethod
    def _learn(self, architectures: Sequence[Architecture], labels: Vector, ctx: Context) -> None:
        """Get what is known elsewhere, and what it took."""

    @abstractmethod
    def _seen(self, architectures: Sequence[Architecture], context: Context) -> Seen:
        """What is seen of architectures, once `_learn` has been called."""

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        architectures, labels, context = that_ended_well(architectures, labels, context)
        self._learn(architectures, labels, context)
        self.labels_, y = labels, rescale(labels, LABELS)
        self.process_ = CarriedGP().fit(self._seen(architectures, context), y)
        self.head_ = self._fitted_head(architectures, y, context) if len(y) else None
        if self.head_ is not None:
            self._take_over_fits([self.head_])

    def _fitted_head(
        self, architectures: Sequence[Architecture], y: Vector, context: Context
    ) -> Predictor:
        head = for_rescaled_labels(self.head, self.seed, self.device)
        if isinstance(head, VectorPredictor | NAO):
            head.fallbacks_, head.saved_seconds_, head.source_seconds_ = 0, 0.0, 0.0
            head.fit_beside(architectures, self.process_.left_out_[:, None], y, context)
        else:
            head.fit(architectures, y, context)
        return head

    def _query(self, architectures: Sequence[Architecture], context: Context) -> Vector:
        return self._query_with_std(architectures, context)[0]

    def _query_with_std(
        self, architectures: Sequence[Architecture], context: Context
    ) -> tuple[Vector, Vector]:
        means, deviations = self._joined(architectures, context)
        if context.curves is not None:
            means = np.where(ended_badly(context), LAST, means)
        return means, deviations

    def _joined(
        self, architectures: Sequence[Architecture], context: Context
    ) -> tuple[Vector, Vector]:
        """What the process and the head say."""
        means, deviations = self.process_.query(self._seen(architectures, context))
        if self.head_ is None:
            return means, deviations
        if isinstance(self.head_, VectorPredictor | NAO):
            scores = np.asarray(self.head_.query_beside(architectures, means[:, None]))
        else:
            scores = self.head_.query(architectures, context)
            self._take_over([self.head_])
        values = self.head_.values(scores)
        assert values is not None
        share = len(self.labels_) / (2 * len(self.labels_) + FEW)
        return means + share * (values - means), deviations

    def values(self, scores: Vector) -> Vector | None:
        return values_of(scores, self.labels_, LABELS) if len(self.labels_) else None
