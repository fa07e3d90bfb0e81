"""A predictor that begins with what another benchmark of the same space teaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter

import numpy as np

from archcast.core.errors import InputError
from archcast.encodings import registry as encodings
from archcast.predictors.gaussian_process import GaussianProcess
from archcast.predictors.helpers.carried_gp import CarriedGP
from archcast.predictors.helpers.labels import rescale, values_of
from archcast.predictors.helpers.lessons import TEACHER, lessons
from archcast.predictors.helpers.telling_views import AUTO, views_of
from archcast.predictors.helpers.vector import VectorPredictor
from archcast.predictors.nao import NAO
from archcast.predictors.predictor import Context, Predictor, Tags, Vector
from archcast.predictors.predictor_text import (
    configured,
    for_rescaled_labels,
    text_of,
    to_predictor,
)
from archcast.spaces.space import Architecture

LABELS = "normal"  # the axis on which benchmarks are compared
FEW = 30  # labels after which the head has a third of the score; in the end it has a half


class Transfer(Predictor):
    """Ranks by what was learned elsewhere, and the more by labels the more of these there are.

    A benchmark of the same space, the source, teaches two things: scores, by XGBoost fitted to all
    its architectures; and what matters in an architecture, as the length scales of a Gaussian
    process. With these a second process learns from the labels here, see `CarriedGP`: scores count
    as far as the labels bear them out. The head learns from the labels too, and sees, where it
    takes features, what that process says of each label without having seen it. The score is a
    mean of both on normal quantiles of the labels, of which the head has less the fewer labels
    there are. Without labels the source's scores are all.

    A head that reads learning curves is itself fitted to the source, to curves as long as here.

    Deviations are those of the process. What the source took, its labels and learning from them,
    is `source_seconds_`.

    Args:
        head: a predictor that learns from labels and gives values, or text such as `xgb`.
        source: a benchmark, as `NAME`, `NAME:DATASET` or a path; without, the first one of the same
            space that has not the data set that is predicted.
    """

    def __init__(
        self,
        head: Predictor | str = "gp",
        source: str | None = None,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        self.head = to_predictor(head)
        self.source = source
        self.device = device
        self.seed = seed

    @property
    def tags(self) -> Tags:  # type: ignore[override]
        """All that the head needs, and a source."""
        tags = self.head.tags
        if not tags.learns or type(self.head).values is Predictor.values:
            raise InputError(
                f"{text_of(self.head)} can't be a head: it learns no values of labels; try xgb"
            )
        return replace(
            tags,
            needs=tags.needs | {"source"},
            source=self.source,
            informed=True,
            probabilistic=True,
            paper="Kennedy & O'Hagan, 2000, Predicting the Output from a Complex Computer Code",
            version=1,
        )

    def uses(self) -> Sequence[object]:
        """What teaches, beside the head."""
        return [TEACHER, GaussianProcess(), *(encodings.get(name) for name in views_of(AUTO))]

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        assert context.source is not None
        start = perf_counter()
        teacher = configured(self.head, 0, self.device)
        self.lessons_ = lessons(context.source, teacher, context.only(teacher.tags))
        self.saved_seconds_ = start - perf_counter()  # what the source takes is told apart
        there = context.source.seconds
        self.source_seconds_ = None if there is None else there + self.lessons_.seconds

        self.labels_, y = labels, rescale(labels, LABELS)
        self.process_ = CarriedGP().fit(self.lessons_(architectures, context), y)
        self.head_ = self._fitted_head(architectures, y, context) if len(y) else None
        if self.head_ is not None:
            self.saved_seconds_ += self.head_.saved_seconds_

    def _fitted_head(
        self, architectures: Sequence[Architecture], y: Vector, context: Context
    ) -> Predictor:
        head = for_rescaled_labels(self.head, self.seed, self.device)
        if isinstance(head, VectorPredictor | NAO):
            head.saved_seconds_ = 0.0
            head.fit_beside(architectures, self.process_.left_out_[:, None], y, context)
        else:
            head.fit(architectures, y, context)
        return head

    def _query(self, architectures: Sequence[Architecture], context: Context) -> Vector:
        return self._query_with_std(architectures, context)[0]

    def _query_with_std(
        self, architectures: Sequence[Architecture], context: Context
    ) -> tuple[Vector, Vector]:
        means, deviations = self.process_.query(self.lessons_(architectures, context))
        if self.head_ is None:
            return means, deviations
        if isinstance(self.head_, VectorPredictor | NAO):
            scores = np.asarray(self.head_.query_beside(architectures, means[:, None]))
        else:
            scores = self.head_.query(architectures, context)
            self.fallbacks_ += self.head_.fallbacks_
            self.saved_seconds_ += self.head_.saved_seconds_
        values = self.head_.values(scores)
        assert values is not None
        share = len(self.labels_) / (2 * len(self.labels_) + FEW)
        return means + share * (values - means), deviations

    def values(self, scores: Vector) -> Vector | None:
        return values_of(scores, self.labels_, LABELS) if len(self.labels_) else None
