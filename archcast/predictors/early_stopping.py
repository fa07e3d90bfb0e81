"""Scores read off the start of a learning curve: nothing is learned, a few epochs are paid."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archcast.predictors.helpers.curves import whole
from archcast.predictors.predictor import OBJECTIVE, Context, Predictor, Tags, Vector
from archcast.spaces.space import Architecture


class _CurvePredictor(Predictor):
    """Scores the one curve that its tags name."""

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        pass

    def _query(self, architectures: Sequence[Architecture], context: Context) -> Vector:
        (name,) = self.tags.curves
        return self._score(whole(context, name))

    @abstractmethod
    def _score(self, curves: Vector) -> Vector:
        """Scores (architectures,) of whole curves (architectures, epochs)."""


class EarlyStopAccuracy(_CurvePredictor):
    """What is predicted, accuracy or another, as it was after the last epoch paid for."""

    tags = Tags(
        needs=frozenset({"curves"}),
        curves=frozenset({OBJECTIVE}),
        learns=False,
        paper="Li et al., 2017, Hyperband",
    )

    def _score(self, curves: Vector) -> Vector:
        return curves[:, -1]

    def values(self, scores: Vector) -> Vector:
        return scores


class EarlyStopLoss(_CurvePredictor):
    """Minus the validation loss after the last epoch paid for."""

    tags = Tags(
        needs=frozenset({"curves"}),
        curves=frozenset({"valid_loss"}),
        learns=False,
        paper="White et al., 2021, How Powerful are Performance Predictors in NAS?",
    )

    def _score(self, curves: Vector) -> Vector:
        return -curves[:, -1]


class _TrainingSpeed(_CurvePredictor):
    """Minus a weighted sum of training losses: networks that learn faster generalise better."""

    tags = Tags(
        needs=frozenset({"curves"}),
        curves=frozenset({"train_loss"}),
        learns=False,
        paper="Ru et al., 2021, Speedy Performance Estimation for NAS",
    )

    def _score(self, curves: Vector) -> Vector:
        ages = np.arange(curves.shape[1] - 1, -1, -1)
        score: Vector = -(curves * self._weight(ages)).sum(axis=1)
        return score

    @abstractmethod
    def _weight(self, ages: NDArray[np.int64]) -> Vector | NDArray[np.bool_]:
        """What each loss counts; the loss of the last epoch paid for has age 0."""


class SumOfTrainingLosses(_TrainingSpeed):
    """Minus the sum of the training losses of all epochs, SOTL."""

    def _weight(self, ages: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.ones_like(ages, dtype=bool)


class LastTrainingLoss(_TrainingSpeed):
    """Minus the training loss of the last epoch paid for, SOTL-E."""

    def _weight(self, ages: NDArray[np.int64]) -> NDArray[np.bool_]:
        newest: NDArray[np.bool_] = ages == 0
        return newest


class LastTrainingLosses(_TrainingSpeed):
    """Minus the sum of the training losses of the last epochs, TSE-E.

    Args:
        last: how many epochs are summed; all where fewer are paid for.
    """

    def __init__(self, last: int = 2) -> None:
        self.last = last

    def _weight(self, ages: NDArray[np.int64]) -> NDArray[np.bool_]:
        recent: NDArray[np.bool_] = ages < self.last
        return recent


class DecayedTrainingLosses(_TrainingSpeed):
    """Minus an exponentially weighted sum of the training losses, TSE-EMA.

    The newest loss weighs 1, one of age t epochs weighs `decay` ** t. The paper's decay of 0.9 is
    slow for runs of a dozen epochs.

    Args:
        decay: what a loss keeps of its weight with each further epoch.
    """

    def __init__(self, decay: float = 0.5) -> None:
        self.decay = decay

    def _weight(self, ages: NDArray[np.int64]) -> Vector:
        return np.power(self.decay, ages)
