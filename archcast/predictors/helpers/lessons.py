"""What a benchmark teaches of architectures, for use on others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from archcast.core.identity import digest, made_of
from archcast.predictors.gaussian_process import GaussianProcess
from archcast.predictors.gradient_boosting import XGBoost
from archcast.predictors.helpers.continuation import Continuation, SameParts, width_of
from archcast.predictors.helpers.curves import ended_badly
from archcast.predictors.helpers.labels import Axis
from archcast.predictors.parameters import unfitted
from archcast.predictors.predictor import Context, Curves, Predictor, Source, Vector
from archcast.spaces.space import Architecture

if TYPE_CHECKING:
    from sklearn.preprocessing import StandardScaler

MOST_WEIGHED = 1_000  # architectures that length scales are learned from, in cubic time
MOST_CURVES = 1_000  # architectures whose curves are learned from
KEPT = 8  # lessons, of a process
TEACHER = XGBoost(n_estimators=1_000, max_depth=3)  # where no curves are read


@dataclass(frozen=True, slots=True)
class Lessons:
    """What was learned of a source: scores, and what matters in an architecture.

    `seconds` are what learning it took.
    """

    teacher: Predictor
    axis: Axis  # of the teacher's scores there
    continuation: Continuation | None  # of the curves there, where the teacher reads some
    kernel: GaussianProcess | None  # None: of another space
    stand_in: Architecture | None  # in place of those of another space
    seconds: float

    def scores(self, architectures: Sequence[Architecture], context: Context) -> Vector:
        """Of architectures whose curves, where the teacher reads some, are given."""
        if not architectures:
            return np.empty(0)
        shown = [self.stand_in or each for each in architectures]
        if self.continuation is None:
            return self.axis.standardise(self.teacher.query(shown, context))
        assert context.curves is not None
        near, added = self.continuation(context.curves)
        scores = self.teacher.query(shown, replace(context, curves=near)) + added
        return self.axis.standardise(scores)

    def features(self, architectures: Sequence[Architecture]) -> Vector | None:
        """Those that mattered, scaled as they did; None where the source is of another space."""
        if (kernel := self.kernel) is None:
            return None
        scaler: StandardScaler = kernel.scaler_
        lengths = kernel.model_.covar_module.base_kernel.lengthscale.detach().numpy()
        if not architectures:
            return np.empty((0, lengths.shape[1]))
        found: Vector = scaler.transform(kernel.views_(architectures)) / lengths
        return found


def lessons(source: Source, head: Predictor, context: Context) -> Lessons:
    """Those of a source, learned once a process.

    The teacher is XGBoost, whatever the head; or the head itself where that reads curves and
    nothing else, which it is taught up to where those of the context end. Length scales are those
    of a Gaussian process. Of a source of another space, whose architectures have nothing to say,
    curves alone are learned from: one architecture stands in for all.
    """
    curves = context.curves if head.tags.reads_curves_alone else None
    teacher: Predictor = unfitted(TEACHER) if curves is None else head
    key = digest([id(source), made_of(teacher), curves and _shape(curves)])
    if key not in _KEPT:
        start = perf_counter()
        taught = _taught(teacher, source, curves)
        kernel = None
        if source.of_space:
            some = _some(len(source.labels), MOST_WEIGHED)
            known = [source.architectures[i] for i in some]
            kernel = GaussianProcess().fit(known, source.labels[some])
        _KEPT[key] = source, Lessons(*taught, kernel, _stand_in(source), perf_counter() - start)
        while len(_KEPT) > KEPT:
            del _KEPT[next(iter(_KEPT))]
    return _KEPT[key][1]


_KEPT: dict[str, tuple[Source, Lessons]] = {}  # with the source, whose id is then no other's


def _stand_in(source: Source) -> Architecture | None:
    return None if source.of_space else source.architectures[0]


def _taught(
    teacher: Predictor, source: Source, curves: Curves | None
) -> tuple[Predictor, Axis, Continuation | None]:
    """A teacher that has learned, the axis of its scores, and what goes on beyond its curves.

    How curves end is learned of runs that came to an end.
    """
    context, some, parts = Context(), np.arange(len(source.labels)), None
    if curves is not None:
        assert source.curves is not None
        parts = SameParts(source.curves, curves)
        context = Context(curves=parts(source.curves))
        came = np.flatnonzero(~ended_badly(Context(curves=source.curves)))
        some = came[_some(len(came), MOST_CURVES)]
    stand_in = _stand_in(source)
    architectures = [stand_in or source.architectures[i] for i in some.tolist()]
    seen = context.take(some)
    labels = source.labels[some]
    teacher.fit(architectures, labels, seen)
    continuation = None
    if parts and seen.curves:
        continuation = Continuation(parts, seen.curves, labels)
    return teacher, Axis(teacher.query(architectures, seen)), continuation


def _some(of: int, most: int) -> NDArray[np.int64]:
    """Positions of some, at random."""
    return np.sort(np.random.default_rng(0).permutation(of)[:most])


def _shape(curves: Curves) -> list[object]:
    """What a teacher has to know of curves to learn from like ones."""
    names = sorted(curves.columns)
    return [curves.horizon, width_of(curves), names, curves.objective is None]
