from __future__ import annotations

import numpy as np

from archcast.evaluation.metrics import Metric, Values


def worst_miss(truth: Values, predicted: Values) -> float:
    """How many ranks the prediction is off, at most."""
    ranks = [np.argsort(np.argsort(values)) for values in (truth, predicted)]
    return float(np.abs(ranks[0] - ranks[1]).max())


WORST_MISS = Metric("worst-miss", worst_miss, "min", ".0f", "ranks off, at most", "miss")
