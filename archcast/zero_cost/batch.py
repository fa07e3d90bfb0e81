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

    Labels may be whole numbers of any type, images floating-point numbers of any precision; each
    network sees them in its own. Proxies that look at no data, or at noise, take the shape of the
    images alone.

    Raises:
        InputError: tensors of another kind or shape, images that are not finite, labels below 0.
    """

    images: Tensor
    labels: Tensor | None = None

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        for given in (images, *(() if labels is None else (labels,))):
            if not isinstance(given, Tensor) or given.layout is not torch.strided:
                kind = getattr(given, "layout", type(given).__name__)
                raise InputError(f"a minibatch of {kind}; give dense tensors")
        if not images.is_floating_point() or images.ndim < 2 or not images.numel():
            raise InputError(
                f"a minibatch of type {images.dtype} and shape {tuple(images.shape)};"
                " give floating-point images, at least one"
            )
        if not images.isfinite().all():
            raise InputError("images of a minibatch are not finite; mend or drop these")
        at_least = torch.promote_types(images.dtype, torch.float32)
        object.__setattr__(self, "images", images.to(at_least))
        if labels is None:
            return
        if labels.shape != images.shape[:1]:
            raise InputError(
                f"labels of shape {tuple(labels.shape)} for {len(images)} images; give one an image"
            )
        if labels.is_floating_point() or labels.dtype == torch.bool or labels.is_complex():
            raise InputError(f"labels of type {labels.dtype}; give whole numbers from 0")
        if labels.min() < 0:
            raise InputError(f"a label is {int(labels.min())}; count classes from 0")
        object.__setattr__(self, "labels", labels.long())

    @classmethod
    def draw(cls, task: Task, size: int = SIZE, seed: int = 0) -> Self:
        """Draw training examples without replacement, standardised as for training.

        The label of a sequence is the target at its last place.

        Raises:
            InputError: there are fewer than `size`.
        """
        there = task.size("train")
        if not 0 < size <= there:
            raise InputError(f"a minibatch of {size} out of {there} training examples")
        order = torch.randperm(there, generator=torch.Generator().manual_seed(seed))
        data = task.examples("train", order[:size].numpy())
        return cls(data.inputs, data.targets.reshape(size, -1)[:, -1])

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
