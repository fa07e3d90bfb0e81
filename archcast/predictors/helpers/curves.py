"""Learning curves as plain numbers, whatever became of the run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archcast.predictors.predictor import LAST, OBJECTIVE, Context, Curves, Vector
from archcast.spaces.space import Architecture

DIVERGED_LOSS = -LAST  # beyond any that is measured


def ended_badly(context: Context) -> NDArray[np.bool_]:
    """Which runs are known to have diverged, (architectures,)."""
    assert context.curves is not None
    curves = [*context.curves.columns.values(), context.curves.objective]
    known = next(curve for curve in curves if curve is not None)
    diverged = context.curves.diverged
    return np.zeros(len(known), dtype=bool) if diverged is None else diverged


def that_ended_well(
    architectures: Sequence[Architecture], labels: Vector, context: Context
) -> tuple[Sequence[Architecture], Vector, Context]:
    """Those whose runs are not known to have diverged; all of them where no curves are given."""
    if context.curves is None:
        return architectures, labels, context
    came = np.flatnonzero(~ended_badly(context))
    return [architectures[i] for i in came.tolist()], labels[came], context.take(came)


def worst_known(curves: Curves, name: str) -> float:
    """The worst value of a curve, of those of runs that are not known to have diverged; or 0."""
    values = curves.get(name)
    assert values is not None
    known = values[~ended_badly(Context(curves=curves))]
    known = known[np.isfinite(known)]
    high_is_better = name == OBJECTIVE or "accuracy" in name
    return float(known.min() if high_is_better else known.max()) if len(known) else 0.0


def whole(context: Context, name: str, worst: float | None = None) -> Vector:
    """One of the curves that were given, of shape (architectures, epochs), without gaps.

    The last value of a run that was stopped holds. One that diverged goes on with `worst`, without
    which it is the worst there is: an accuracy of 0, a loss of `DIVERGED_LOSS`, or what is worst of
    the objective. So does one before its first finite value.
    """
    assert context.curves is not None
    values = context.curves.get(name)
    assert values is not None
    known = np.isfinite(values)
    last = np.maximum.accumulate(np.where(known, np.arange(values.shape[1]), 0), axis=1)
    held = np.take_along_axis(values, last, axis=1)
    if (diverged := context.curves.diverged) is not None:
        held[diverged[:, None] & ~known] = np.nan
    if worst is None and name == OBJECTIVE:
        worst = context.curves.worst
    elif worst is None:
        worst = 0.0 if "accuracy" in name else DIVERGED_LOSS
    return np.where(np.isfinite(held), held, worst)
