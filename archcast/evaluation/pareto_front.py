"""How good a predicted Pareto front is: what it misses of the true one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archcast.evaluation.metrics import Matrix


class FrontQuality(NamedTuple):
    """What predictions make of a front.

    Attributes:
        hypervolume_regret: the share of the true front's hypervolume that is lost: 0 where the
            predicted front holds all of the true one. Volumes are counted from the worst value of
            each objective.
        recall: the share of the true front that is on the predicted one.
        chosen: how many architectures the predicted front has.
    """

    hypervolume_regret: float
    recall: float
    chosen: int


def on_front(values: Matrix) -> NDArray[np.bool_]:
    """Which rows of values (n, objectives), higher is better, no other row dominates."""
    from moocore import is_nondominated

    front: NDArray[np.bool_] = is_nondominated(values, maximise=True, keep_weakly=True)
    return front


def front_quality(truth: Matrix, predicted: Matrix) -> FrontQuality:
    """How good the front of the predictions is, by its true values.

    Both are (n, objectives), higher is better. Predictions may be on any scale, as only their order
    in each objective counts.
    """
    best, chosen = on_front(truth), on_front(predicted)
    spread = np.ptp(truth, axis=0)
    gained = (truth - truth.min(axis=0)) / np.where(spread > 0, spread, 1.0)
    most = _hypervolume(gained[best])
    lost = 1.0 - _hypervolume(gained[chosen]) / most if most > 0 else 0.0
    return FrontQuality(max(lost, 0.0), float(chosen[best].mean()), int(chosen.sum()))


def _hypervolume(gained: Matrix) -> float:
    """What these points dominate above 0."""
    from moocore import hypervolume

    return float(hypervolume(gained, ref=0.0, maximise=True))
