"""How sure a mean over repeats is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RESAMPLES = 2_000


def mean_interval(values: Sequence[float]) -> tuple[float, float] | tuple[None, None]:
    """Percentile bootstrap interval, 95 %, of the mean over repeats (Efron, 1979).

    A single repeat says nothing of its spread, and has the interval (None, None). The resampling is
    seeded: equal values give equal intervals.
    """
    if len(values) < 2:
        return None, None
    array = np.asarray(values, dtype=np.float64)
    draws = np.random.default_rng(0).integers(len(array), size=(RESAMPLES, len(array)))
    low, high = np.quantile(array[draws].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)
