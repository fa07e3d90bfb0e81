"""How labels are rescaled before a regression."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import norm, rankdata

from archcast.predictors.base import Vector


def rescale(labels: Vector, name: str) -> Vector:
    """Labels on another axis, in the same order; `name` is one of `LABELS`.

    Raises:
        ValueError: `name` is none of them.
    """
    if name not in LABELS:
        raise ValueError(f"labels={name!r} is none of {', '.join(LABELS)}")
    return LABELS[name](labels)


def _standard(labels: Vector) -> Vector:
    return np.asarray((labels - labels.mean()) / (labels.std() or 1.0))


def _rank(labels: Vector) -> Vector:
    return np.asarray((rankdata(labels) - 0.5) / len(labels))


LABELS: dict[str, Callable[[Vector], Vector]] = {
    "raw": lambda labels: labels,
    "standard": _standard,  # mean 0, standard deviation 1
    "rank": _rank,  # in (0, 1), ties share their mean rank
    "normal": lambda labels: norm.ppf(_rank(labels)),  # normal quantiles of the ranks
}
