"""The minibatch that zero-cost proxies look at."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from archcast.core.errors import InputError
from archcast.tasks.task import Task

SIZE = 64  # of a minibatch that predictors look at


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Images of shape (n, channels, height, width) and their labels, of shape (n,) from 0.

    Proxies that look at no data, or at noise, take the shape of the images alone.
    """

    images: Tensor
    labels: Tensor | None = None

    def __post_init__(self) -> None:
        if not self.images.is_floating_point() or self.images.ndim < 2 or not len(self.images):
            raise InputError(
                f"a minibatch of type {self.images.dtype} and shape {tuple(self.images.shape)};"
                " give floating-point images, at least one"
            )
        if self.labels is not None and self.labels.shape != self.images.shape[:1]:
            raise InputError(
                f"labels of shape {tuple(self.labels.shape)} for {len(self.images)} images;"
                " give one an image"
            )

    @classmethod
    def draw(cls, task: Task, size: int = SIZE, seed: int = 0) -> Self:
        """Draw training examples without replacement, standardised as for training.

        Raises:
            InputError: there are fewer than `size`.
        """
        data = task.data("cpu")["train"]
        if not 0 < size <= len(data.inputs):
            raise InputError(f"a minibatch of {size} out of {len(data.inputs)} training images")
        order = torch.randperm(len(data.inputs), generator=torch.Generator().manual_seed(seed))
        return cls(data.inputs[order[:size]], data.targets[order[:size]])

    @classmethod
    def gaussian(cls, shape: tuple[int, ...], seed: int = 0) -> Self:
        """Standard Gaussian noise of shape (n, channels, height, width), without labels."""
        return cls(torch.randn(shape, generator=torch.Generator().manual_seed(seed)))

    def to(self, device: str | torch.device) -> Batch:
        """The same minibatch on another device."""
        return Batch(
            self.images.to(device), None if self.labels is None else self.labels.to(device)
        )

    @property
    def hash(self) -> str:
        """Twenty hexadecimal digits, equal for equal contents."""
        digest = hashlib.sha256()
        for tensor in (self.images, self.labels):
            if tensor is not None:
                digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
                digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:20]
