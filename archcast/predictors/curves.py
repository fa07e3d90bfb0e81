"""Learning curves as plain numbers, whatever became of the run."""

from __future__ import annotations

import numpy as np

from archcast.predictors.base import Context, Vector

DIVERGED_LOSS = 1e6  # nats


def whole(context: Context, name: str) -> Vector:
    """One of the curves that were given, of shape (architectures, epochs), without gaps.

    A run that was cut, because it diverged, goes on with the worst there is: an accuracy of 0 or a
    loss of `DIVERGED_LOSS`.
    """
    values: Vector = getattr(context.curves, name)
    return np.where(np.isfinite(values), values, 0.0 if "accuracy" in name else DIVERGED_LOSS)
