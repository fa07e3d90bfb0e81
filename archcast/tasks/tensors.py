"""Images as tensors, standardised for training."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from archcast.tasks.images import Images, Split


@dataclass(frozen=True, slots=True)
class Data:
    """A split on the device: standardised images (n, c, h, w), and labels (n,).

    An image's pixels, from 0 to 1, less `mean`, over `deviation`: both of shape (c, 1, 1).
    """

    images: Tensor
    labels: Tensor
    mean: Tensor
    deviation: Tensor

    def first(self, n: int) -> Data:
        """The first `n` images."""
        return replace(self, images=self.images[:n], labels=self.labels[:n])


def load_data(images: Images, device: torch.device) -> dict[str, Data]:
    """All splits as tensors, standardised channel by channel with training statistics."""
    pixels = images.train.images.reshape(-1, images.channels) / 255.0
    mean, deviation = pixels.mean(axis=0), pixels.std(axis=0).clip(min=1e-6)
    statistics = [torch.from_numpy(v).float().reshape(-1, 1, 1) for v in (mean, deviation)]

    def tensors(split: Split) -> Data:
        standardised = (split.images / 255.0 - mean) / deviation
        return Data(
            torch.from_numpy(standardised).float().permute(0, 3, 1, 2).to(device),
            torch.from_numpy(split.labels).to(device),
            *(value.to(device) for value in statistics),
        )

    return {name: tensors(getattr(images, name)) for name in ("train", "valid", "test")}
