"""How labels are rescaled before a regression."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from archcast.predictors.predictor import Vector


def rescale(labels: Vector, name: str) -> Vector:
    """Labels on another axis, in the same order; `name` is one of `LABELS`."""
    return LABELS[name](labels)


def values_of(scores: Vector, labels: Vector, name: str) -> Vector:
    """Scores on the rescaled axis of `labels`, as values of what labels are.

    Ranks and quantiles are read off the labels between which they lie; beyond the least and the
    greatest label there are none.
    """
    if name == "raw":
        return scores
    if name == "standard":
        return Axis(labels).restore(scores)
    order = np.argsort(labels)
    return np.interp(scores, rescale(labels, name)[order], labels[order])


class RescalesLabels:
    """Of a predictor that learns from rescaled labels, so that its scores are values of them."""

    labels: str

    def check_parameters(self) -> None:
        """As of every `Predictor`."""
        if self.labels not in LABELS:
            raise ValueError(f"labels={self.labels!r} is none of {', '.join(LABELS)}")

    def _rescaled(self, labels: Vector) -> Vector:
        self.labels_ = labels
        return rescale(labels, self.labels)

    def values(self, scores: Vector) -> Vector:
        """As of every `Predictor`."""
        return values_of(scores, self.labels_, self.labels)


class Axis:
    """Standardises labels for learning, and brings scores back to the labels' axis."""

    def __init__(self, labels: Vector) -> None:
        self.mean = float(labels.mean())
        self.scale = float(labels.std()) if np.ptp(labels) > 0 else 1.0

    def standardise(self, labels: Vector) -> Vector:
        """Labels with mean 0 and deviation 1; equal labels become zeros."""
        return (labels - self.mean) / self.scale

    def restore(self, scores: Vector) -> Vector:
        """Scores on the labels' axis."""
        return self.mean + self.scale * scores

    def restore_std(self, std: Vector) -> Vector:
        """Standard deviations on the labels' axis."""
        return self.scale * std


def _standard(labels: Vector) -> Vector:
    return Axis(labels).standardise(labels)


def _rank(labels: Vector) -> Vector:
    from scipy.stats import rankdata

    return np.asarray((rankdata(labels) - 0.5) / len(labels))


def _normal(labels: Vector) -> Vector:
    from scipy.special import ndtri

    return np.asarray(ndtri(_rank(labels)))


LABELS: dict[str, Callable[[Vector], Vector]] = {
    "raw": lambda labels: labels,
    "standard": _standard,  # mean 0, standard deviation 1
    "rank": _rank,  # in (0, 1), ties share their mean rank
    "normal": _normal,  # normal quantiles of the ranks
}


def for_few(labels: int, leaf: int, share: float) -> tuple[int, float]:
    """How many labels a leaf keeps at least, and which share of them a tree sees.

    What was chosen, `leaf` and `share`, or less and more where no tree could split so few labels.
    """
    share = share if share * labels >= 2 else 1.0
    return max(1, min(leaf, int(share * labels) // 2)), share
