"""How good a predicted Pareto front is: what it misses of the true one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archcast.evaluation.metrics import Matrix
from archcast.predictors.predictor import Vector


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
    lost = hypervolume_regret(truth[chosen], truth[best], truth.min(axis=0))
    return FrontQuality(max(lost, 0.0), float(chosen[best].mean()), int(chosen.sum()))


def hypervolume_regret(found: Matrix, front: Matrix, worst: Vector) -> float:
    """The share of what a front dominates above the worst values that points found do not.

    Both are (points, objectives), higher is better; that of a front beyond the other is below 0.
    """
    most = hypervolume(front, worst)
    return 1.0 - hypervolume(found, worst) / most if most > 0 else 0.0


def spreads(values: Matrix) -> Vector:
    """Of each objective of values (n, objectives), its range, or 1 where all are alike."""
    found = np.ptp(values, axis=0)
    return np.where(found > 0, found, 1.0)


def hypervolume(points: Matrix, worst: Vector) -> float:
    """What points (n, objectives), higher is better, dominate above the worst values."""
    from moocore import hypervolume as dominated

    return float(dominated(points, ref=worst, maximise=True)) if len(points) else 0.0
