"""A predictor that begins with what another benchmark teaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter

from archcast.encodings import registry as encodings
from archcast.predictors.gaussian_process import GaussianProcess
from archcast.predictors.helpers.carried_gp import Seen
from archcast.predictors.helpers.informed import Informed
from archcast.predictors.helpers.lessons import TEACHER, lessons
from archcast.predictors.helpers.telling_views import AUTO, ScaledViews, views_of
from archcast.predictors.predictor import Context, Predictor, Tags, Vector
from archcast.predictors.predictor_text import configured
from archcast.spaces.space import Architecture


class Transfer(Informed):
    """Ranks by what a benchmark teaches, and the more by labels the more of these there are.

    A benchmark of the same space, the source, teaches two things: scores, by XGBoost fitted to all
    its architectures; and what matters in an architecture, as the length scales of a Gaussian
    process. How labels join in says `Informed`.

    A head that reads learning curves and nothing else is itself fitted to the source, to curves as
    long as here. Its source may be of another space, whose curves teach how trainings end; features
    are then those that tell something of the labels, as `gp` sees them.

    What the source took, its labels and learning from them, is `source_seconds_`.

    Args:
        head: a predictor that learns from labels and gives values, or text such as `xgb`.
        source: a benchmark, as `NAME`, `NAME:DATASET` or a path; without, the first one of the same
            space that has not the data set that is predicted, or of any space where curves teach
            and no such one has any.
    """

    def __init__(
        self,
        head: Predictor | str = "gp",
        source: str | None = None,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        super().__init__(head, device, seed)
        self.source = source

    @property
    def tags(self) -> Tags:  # type: ignore[override]
        """All that the head needs, and a source."""
        tags = super().tags
        return replace(
            tags,
            needs=tags.needs | {"source"},
            source=self.source,
            taught_by_curves=tags.reads_curves_alone,
            version=4,
            paper="Kennedy & O'Hagan, 2000, Predicting the Output from a Complex Computer Code",
        )

    def uses(self) -> Sequence[object]:
        """What teaches, beside the head."""
        return [TEACHER, GaussianProcess(), *(encodings.get(name) for name in views_of(AUTO))]

    def _learn(self, architectures: Sequence[Architecture], labels: Vector, ctx: Context) -> None:
        source = ctx.source
        assert source is not None
        start = perf_counter()
        teacher = configured(self.head, 0, self.device)
        self.lessons_ = lessons(source, teacher, ctx.only(teacher.tags))
        self.saved_seconds_ = start - perf_counter()  # what the source takes is told apart
        self.views_ = ScaledViews([] if source.of_space else architectures, labels)
        there = source.seconds
        self.source_seconds_ = None if there is None else there + self.lessons_.seconds

    def _seen(self, architectures: Sequence[Architecture], context: Context) -> Seen:
        features = self.lessons_.features(architectures)
        return Seen(
            self.views_(architectures) if features is None else features,
            self.lessons_.scores(architectures, context),
        )
