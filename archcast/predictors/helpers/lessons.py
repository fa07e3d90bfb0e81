"""What a benchmark teaches of architectures, for use on others of the same space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from archcast.core.identity import digest, made_of
from archcast.predictors.gaussian_process import GaussianProcess
from archcast.predictors.gradient_boosting import XGBoost
from archcast.predictors.helpers.carried_gp import Seen
from archcast.predictors.helpers.curves import ended_badly, whole
from archcast.predictors.helpers.labels import Axis
from archcast.predictors.parameters import unfitted
from archcast.predictors.predictor import OBJECTIVE, Context, Curves, Predictor, Source, Vector
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
    kernel: GaussianProcess
    seconds: float

    def __call__(self, architectures: Sequence[Architecture], context: Context) -> Seen:
        """What is seen of architectures whose curves, where the teacher reads some, are given."""
        scores = self.teacher.query(architectures, context) if architectures else np.empty(0)
        kernel = self.kernel
        scaler: StandardScaler = kernel.scaler_
        lengths = kernel.model_.covar_module.base_kernel.lengthscale.detach().numpy()
        if not architectures:
            return Seen(np.empty((0, lengths.shape[1])), scores)
        features = scaler.transform(kernel.views_(architectures)) / lengths
        return Seen(features, self.axis.standardise(scores))


def lessons(source: Source, head: Predictor, context: Context) -> Lessons:
    """Those of a source, learned once a process.

    The teacher is XGBoost, whatever the head; or the head itself where that reads curves and
    nothing else, which it is taught up to where those of the context end. Length scales are those
    of a Gaussian process.
    """
    curves = context.curves if head.tags.reads_curves_alone else None
    teacher: Predictor = unfitted(TEACHER) if curves is None else head
    key = digest([id(source), made_of(teacher), curves and _shape(curves)])
    if key not in _KEPT:
        start = perf_counter()
        taught = _taught(teacher, source, curves)
        some = _some(len(source.labels), MOST_WEIGHED)
        kernel = GaussianProcess().fit([source.architectures[i] for i in some], source.labels[some])
        _KEPT[key] = source, Lessons(*taught, kernel, perf_counter() - start)
        while len(_KEPT) > KEPT:
            del _KEPT[next(iter(_KEPT))]
    return _KEPT[key][1]


_KEPT: dict[str, tuple[Source, Lessons]] = {}  # with the source, whose id is then no other's


def _taught(teacher: Predictor, source: Source, curves: Curves | None) -> tuple[Predictor, Axis]:
    """A teacher that has learned, and the axis of its scores.

    How curves end is learned of runs that came to an end.
    """
    context, some = Context(), np.arange(len(source.labels))
    if curves is not None:
        assert source.curves is not None
        context = Context(curves=_alike(source.curves, curves))
        came = np.flatnonzero(~ended_badly(Context(curves=source.curves)))
        some = came[_some(len(came), MOST_CURVES)]
    architectures, seen = [source.architectures[i] for i in some.tolist()], context.take(some)
    teacher.fit(architectures, source.labels[some], seen)
    return teacher, Axis(teacher.query(architectures, seen))


def _some(of: int, most: int) -> NDArray[np.int64]:
    """Positions of some, at random."""
    return np.sort(np.random.default_rng(0).permutation(of)[:most])


def _shape(curves: Curves) -> list[object]:
    """What a teacher has to know of curves to learn from like ones."""
    return [curves.horizon, _epochs(curves), sorted(curves.columns), curves.objective is None]


def _epochs(curves: Curves) -> int:
    known = [*curves.columns.values(), *([] if curves.objective is None else [curves.objective])]
    return int(known[0].shape[1])


def _alike(there: Curves, here: Curves) -> Curves:
    """Curves from there, at the same parts of a training as those from here."""
    parts = np.arange(1, _epochs(here) + 1) / here.horizon
    context = Context(curves=there)

    def at_parts(name: str) -> Vector:
        values = whole(context, name)
        epochs = np.clip(parts * there.horizon, 1, values.shape[1])
        low = np.floor(epochs).astype(int)
        high = np.minimum(low + 1, values.shape[1])
        share = epochs - low
        found: Vector = (1 - share) * values[:, low - 1] + share * values[:, high - 1]
        return found

    return Curves(
        here.horizon,
        {name: at_parts(name) for name in here.columns},
        None if here.objective is None or there.objective is None else at_parts(OBJECTIVE),
        worst=there.worst,
    )
