"""What every task offers: something that networks learn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Rows = slice | NDArray[np.int64]
PARTS, ALL = ("train", "valid", "test"), slice(None)


@dataclass(frozen=True, slots=True)
class Signature:
    """What a network takes and gives: inputs of a shape, and a logit a class.

    Images are of shape (c, h, w); sequences (length, alphabet), with logits at each place.
    """

    shape: tuple[int, ...]
    classes: int


class Measure(NamedTuple):
    """What the score of a task is called, which one is best, and its unit."""

    name: str
    direction: Literal["max", "min"]
    unit: str


@dataclass(frozen=True, slots=True)
class Data(ABC):
    """A part of a task as tensors: inputs and targets (n, ...), and how outputs are judged."""

    measure: ClassVar[Measure]

    inputs: Tensor
    targets: Tensor

    def first(self, n: int) -> Self:
        """The first `n` examples."""
        return self.of(self.inputs[:n], self.targets[:n])

    def of(self, inputs: Tensor, targets: Tensor) -> Self:
        """Other examples that are judged alike."""
        return replace(self, inputs=inputs, targets=targets)

    @property
    @abstractmethod
    def chance(self) -> float:
        """The score of guessing."""

    @staticmethod
    @abstractmethod
    def loss(
        outputs: Tensor, targets: Tensor, reduction: Literal["mean", "sum"] = "mean"
    ) -> Tensor:
        """What training makes small: the mean or the sum over examples."""

    @staticmethod
    @abstractmethod
    def score(outputs: Tensor, targets: Tensor) -> Tensor:
        """What each example scores, of shape (n,); the score of a network is the mean."""

    @staticmethod
    @abstractmethod
    def augmented(inputs: Tensor, chances: Tensor) -> Tensor:
        """What training sees of `inputs`, by a number from 0 to 1 for each, drawn uniformly."""


class Task(ABC):
    """Examples to learn from, to validate on and to test with."""

    name: str

    @property
    @abstractmethod
    def signature(self) -> Signature:
        """What its networks take and give."""

    @property
    @abstractmethod
    def hash(self) -> str:
        """Twenty hexadecimal digits, equal for equal contents; the name does not matter."""

    @property
    @abstractmethod
    def training_hash(self) -> str:
        """The same of the training part alone."""

    @abstractmethod
    def size(self, part: str) -> int:
        """How many examples a part has."""

    @abstractmethod
    def examples(self, part: str, rows: Rows = ALL, device: str | torch.device = "cpu") -> Data:
        """Examples of a part, `train`, `valid` or `test`, as tensors."""

    def data(self, device: str | torch.device) -> Mapping[str, Data]:
        """All parts as tensors."""
        return {part: self.examples(part, ALL, device) for part in PARTS}

    @abstractmethod
    def without_test(self) -> Self:
        """What may be seen before the last evaluation."""
