"""Learning curves as plain numbers, whatever became of the run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archcast.predictors.predictor import OBJECTIVE, Context, Vector

DIVERGED_LOSS = 1e6  # nats


def ended_badly(context: Context) -> NDArray[np.bool_]:
    """Which runs are known to have diverged, (architectures,)."""
    assert context.curves is not None
    curves = [*context.curves.columns.values(), context.curves.objective]
    known = next(curve for curve in curves if curve is not None)
    diverged = context.curves.diverged
    return np.zeros(len(known), dtype=bool) if diverged is None else diverged


def whole(context: Context, name: str) -> Vector:
    """One of the curves that were given, of shape (architectures, epochs), without gaps.

    The last value of a run that was stopped holds. One that diverged goes on with the worst there
    is: an accuracy of 0, a loss of `DIVERGED_LOSS`, or what is worst of the objective.
    """
    assert context.curves is not None
    values = context.curves.get(name)
    assert values is not None
    known = np.isfinite(values)
    last = np.maximum.accumulate(np.where(known, np.arange(values.shape[1]), 0), axis=1)
    held = np.take_along_axis(values, last, axis=1)
    if (diverged := context.curves.diverged) is not None:
        held[diverged[:, None] & ~known] = np.nan
    if name == OBJECTIVE:
        worst = context.curves.worst
    else:
        worst = 0.0 if "accuracy" in name else DIVERGED_LOSS
    return np.where(np.isfinite(held), held, worst)
