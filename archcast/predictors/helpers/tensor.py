"""Predictors that regress by PyTorch: what they share."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

from archcast.core.heavy import torch
from archcast.predictors.helpers.labels import Axis
from archcast.predictors.helpers.vector import VectorPredictor
from archcast.predictors.predictor import Vector

if TYPE_CHECKING:
    from torch import Tensor


class TensorPredictor(VectorPredictor):
    """Standardises features and labels by the training data, for a subclass that sees tensors.

    Scores and deviations are scaled back to the axis of the labels.

    Subclasses take the parameters of `VectorPredictor`, and:
        device: where to compute, any name of a PyTorch device.
        seed: of a generator of their own; PyTorch's global one is left alone.
    """

    precision: ClassVar[Literal["float32", "float64"]] = "float32"

    device: str
    seed: int

    @abstractmethod
    def _fit_tensors(self, x: Tensor, y: Tensor) -> None:
        """Learn from features (n, features) and labels (n,), both standardised."""

    @abstractmethod
    def _query_tensors(self, x: Tensor) -> Tensor:
        """Scores (n,) of features (n, features)."""

    def _query_tensors_with_std(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scores and standard deviations (n,); of probabilistic predictors."""
        raise NotImplementedError

    def _fit_vectors(self, x: Vector, y: Vector) -> None:
        from sklearn.preprocessing import StandardScaler

        self.scaler_ = StandardScaler().fit(x)
        self.axis_ = Axis(y)
        self._fit_tensors(self._features(x), self._tensor(self.axis_.standardise(y)))

    def _query_vectors(self, x: Vector) -> Vector:
        with torch.no_grad():
            scores = self._query_tensors(self._features(x))
        return self.axis_.restore(_vector(scores))

    def _query_vectors_with_std(self, x: Vector) -> tuple[Vector, Vector]:
        with torch.no_grad():
            scores, std = self._query_tensors_with_std(self._features(x))
        return self.axis_.restore(_vector(scores)), self.axis_.restore_std(_vector(std))

    def _features(self, x: Vector) -> Tensor:
        return self._tensor(self.scaler_.transform(x))

    def _tensor(self, values: Vector) -> Tensor:
        return torch.from_numpy(values).to(self.device, self.dtype)

    @property
    def dtype(self) -> torch.dtype:
        """Of all tensors."""
        dtype: torch.dtype = getattr(torch, self.precision)
        return dtype

    def _generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed)


def _vector(values: Tensor) -> Vector:
    vector: Vector = values.double().cpu().numpy()
    return vector
