"""Small labelled image sets, as NumPy `.npz` files: tasks whose score is accuracy in percent."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import IO, TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from archcast.core.errors import InputError, short, told
from archcast.core.files import is_file, most_unpacked
from archcast.core.heavy import torch
from archcast.tasks.task import ALL, PARTS, Data, Measure, Rows, Signature, Task

if TYPE_CHECKING:
    from torch import Tensor

_PIXELS = np.arange(256)[:, None] / 255.0  # what a pixel stands for
_CHANNELS = 4  # that pictures have at most
_AT_ONCE = 1_024  # images, for memory
SHIPPED = {"fashion-mnist-14": "fashion-mnist-14.npz"}


@dataclass(frozen=True)
class Part:
    """Images, uint8 of shape (n, height, width, channels), and labels, int64 of shape (n,)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    @cached_property
    def hash(self) -> str:
        """Twenty hexadecimal digits, equal for equal contents."""
        digest = hashlib.sha256(str(self.images.shape).encode())
        digest.update(self.images.tobytes() + self.labels.tobytes())
        return digest.hexdigest()[:20]

    def first(self, n: int) -> Part:
        """The first `n` images."""
        return Part(self.images[:n], self.labels[:n])


@dataclass(frozen=True, slots=True)
class ImageData(Data):
    """Standardised images (n, c, h, w), and labels (n,).

    An image's pixels, from 0 to 1, less `mean`, over `deviation`: both of shape (c, 1, 1).
    """

    measure: ClassVar[Measure] = Measure("accuracy", "max", "%")

    mean: Tensor
    deviation: Tensor

    @property
    def chance(self) -> float:
        """The accuracy of guessing among the classes that are there, in percent."""
        return 100.0 / int(self.targets.max() + 1)

    @staticmethod
    def loss(
        outputs: Tensor, targets: Tensor, reduction: Literal["mean", "sum"] = "mean"
    ) -> Tensor:
        """Cross-entropy in nats."""
        return torch.nn.functional.cross_entropy(outputs, targets, reduction=reduction)

    @staticmethod
    def score(outputs: Tensor, targets: Tensor) -> Tensor:
        """100 where the class is right, else 0."""
        return 100.0 * (outputs.argmax(dim=1) == targets)

    @staticmethod
    def augmented(inputs: Tensor, chances: Tensor) -> Tensor:
        """Half of the images, mirrored."""
        mirrored = (chances < 0.5).to(inputs.device).reshape(-1, 1, 1, 1)
        return torch.where(mirrored, inputs.flip(-1), inputs)


@dataclass(frozen=True)
class Images(Task):
    """Three parts of one image set; labels count from 0."""

    name: str
    train: Part
    valid: Part
    test: Part

    @cached_property
    def hash(self) -> str:
        """Twenty hexadecimal digits, equal for equal contents; the name does not matter."""
        parts = (self.train.hash, self.valid.hash, self.test.hash)
        return hashlib.sha256("".join(parts).encode()).hexdigest()[:20]

    @property
    def training_hash(self) -> str:
        """The same of the training images and their labels alone."""
        return self.train.hash

    @property
    def channels(self) -> int:
        return int(self.train.images.shape[-1])

    @property
    def classes(self) -> int:
        return int(max(p.labels.max(initial=0) for p in (self.train, self.valid, self.test))) + 1

    @property
    def signature(self) -> Signature:
        """What its networks take and give."""
        height, width = self.train.images.shape[1:3]
        return Signature((self.channels, height, width), self.classes)

    def without_test(self) -> Images:
        """The training and validation images alone."""
        return replace(self, test=self.test.first(0))

    def size(self, part: str) -> int:
        """How many images a part has."""
        return len(getattr(self, part).labels)

    def examples(
        self, part: str, rows: Rows = ALL, device: str | torch.device = "cpu"
    ) -> ImageData:
        """Images of a part as tensors, standardised channel by channel with training statistics."""
        mean, deviation = self._statistics
        values = (_PIXELS - mean) / deviation  # of each pixel in each channel, float32 at the end
        images: NDArray[np.uint8] = getattr(self, part).images[rows]
        inputs = np.empty(images.shape, dtype=np.float32)
        for start in range(0, len(images), _AT_ONCE):
            some = images[start : start + _AT_ONCE]
            inputs[start : start + _AT_ONCE] = values[some, np.arange(self.channels)]
        statistics = [torch.from_numpy(v).float().reshape(-1, 1, 1) for v in (mean, deviation)]
        return ImageData(
            torch.from_numpy(inputs).permute(0, 3, 1, 2).to(device),
            torch.from_numpy(getattr(self, part).labels[rows]).to(device),
            *(value.to(device) for value in statistics),
        )

    @cached_property
    def _statistics(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and deviation of each channel of the training images, from counts of pixels."""
        counts = np.zeros((len(_PIXELS), self.channels), dtype=np.int64)
        for start in range(0, len(self.train.images), _AT_ONCE):
            some = self.train.images[start : start + _AT_ONCE].reshape(-1, self.channels)
            for channel, pixels in enumerate(some.T):
                counts[:, channel] += np.bincount(pixels, minlength=len(_PIXELS))
        shares = counts / counts.sum(axis=0)
        mean = (shares * _PIXELS).sum(axis=0)
        deviation = np.sqrt((shares * (_PIXELS - mean) ** 2).sum(axis=0))
        return mean, deviation.clip(min=1e-6)


def load_images(name: str | Path) -> Images:
    """Load a shipped image set by name, or an `.npz` file by path.

    The file holds `train_images, train_labels, valid_images, valid_labels, test_images,
    test_labels`: uint8 images of shape (n, height, width) or (n, height, width, channels), and
    integer labels 0, 1, ..., of two classes or more, all of which have training images.

    Raises:
        InputError: no such file, not an `.npz`, or its arrays don't fit this description.
    """
    if str(name) in SHIPPED:
        with files("archcast.tasks").joinpath("shipped", SHIPPED[str(name)]).open("rb") as file:
            return _read(file, str(name))
    path = Path(name)
    if not is_file(path):
        raise InputError(
            f"images {short(str(name))}: neither a file nor one of {', '.join(SHIPPED)};"
            " give the path of an .npz file"
        )
    with path.open("rb") as file:
        return _read(file, path.stem)


def _read(file: IO[bytes], name: str) -> Images:
    try:
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(each.file_size for each in archive.infolist())
        if unpacked > (most := most_unpacked(file.seek(0, os.SEEK_END))):
            raise ValueError(f"{unpacked:,} bytes unpacked, of which {most:,} are the most")
        file.seek(0)
        with np.load(file, allow_pickle=False) as arrays:
            parts = {part: _part(arrays, part, name) for part in PARTS}
    except InputError:
        raise
    except Exception as error:  # a broken file fails in any of ten ways
        raise InputError(
            f"images {name}: not a readable .npz file ({told(error)}); save it by numpy.savez"
        ) from None
    if len({part.images.shape[1:] for part in parts.values()}) > 1:
        raise InputError(f"images {name}: the parts differ in image size; make them one size")
    _check_classes(parts, name)
    return Images(name, **parts)


def _check_classes(parts: Mapping[str, Part], name: str) -> None:
    """Refuse labels that are not 0, 1, ..., each with training images."""
    known = np.unique(parts["train"].labels)
    if len(known) < 2:
        raise InputError(f"images {name}: all training images have the label {known[0]}; give two")
    if not np.array_equal(known, np.arange(len(known))):
        listed = ", ".join(map(str, known[:5])) + (", ..." if len(known) > 5 else "")
        raise InputError(
            f"images {name}: the {len(known)} labels of train_labels are {listed}; number them 0 to"
            f" {len(known) - 1}: np.unique(labels, return_inverse=True)[1]"
        )
    for part, each in parts.items():
        for label in np.setdiff1d(each.labels, known)[:1]:
            raise InputError(
                f"images {name}: {part}_labels has the label {label}, of which there are no"
                " training images; drop its images"
            )


def _part(arrays: np.lib.npyio.NpzFile, part: str, name: str) -> Part:
    missing = [key for key in (f"{part}_images", f"{part}_labels") if key not in arrays]
    if missing:
        raise InputError(f"images {name}: no array {missing[0]!r}; add it to the file")
    images, labels = (np.asarray(arrays[f"{part}_{what}"]) for what in ("images", "labels"))
    if images.ndim == 3:
        images = images[..., None]
    if images.dtype != np.uint8 or images.ndim != 4 or 0 in images.shape:
        raise InputError(
            f"images {name}: {part}_images has type {images.dtype} and shape {images.shape};"
            " give uint8 of shape (n, height, width) or (n, height, width, channels)"
        )
    if images.shape[1] <= _CHANNELS < min(images.shape[2:]):
        raise InputError(
            f"images {name}: {part}_images has shape {images.shape}: channels first? Give"
            " (n, height, width, channels): images.transpose(0, 2, 3, 1)"
        )
    if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu" or labels.min() < 0:
        raise InputError(
            f"images {name}: {part}_labels has type {labels.dtype} and shape {labels.shape};"
            f" give {len(images)} integers from 0"
        )
    return Part(images, labels.astype(np.int64))
