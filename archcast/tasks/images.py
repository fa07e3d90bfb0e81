"""Small labelled image sets, as NumPy `.npz` files."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from archcast.core.errors import InputError

SHIPPED = {"fashion-mnist-14": "fashion-mnist-14.npz"}
SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Split:
    """Images, uint8 of shape (n, height, width, channels), and labels, int64 of shape (n,)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    @cached_property
    def hash(self) -> str:
        """Twenty hexadecimal digits, equal for equal contents."""
        digest = hashlib.sha256(str(self.images.shape).encode())
        digest.update(self.images.tobytes() + self.labels.tobytes())
        return digest.hexdigest()[:20]

    def first(self, n: int) -> Split:
        """The first `n` images."""
        return Split(self.images[:n], self.labels[:n])


@dataclass(frozen=True)
class Images:
    """Three splits of one image set; labels count from 0."""

    name: str
    train: Split
    valid: Split
    test: Split

    @cached_property
    def hash(self) -> str:
        """Twenty hexadecimal digits, equal for equal contents; the name does not matter."""
        splits = (self.train.hash, self.valid.hash, self.test.hash)
        return hashlib.sha256("".join(splits).encode()).hexdigest()[:20]

    @property
    def channels(self) -> int:
        return int(self.train.images.shape[-1])

    @property
    def classes(self) -> int:
        return int(max(s.labels.max(initial=0) for s in (self.train, self.valid, self.test))) + 1


def load_images(name: str | Path) -> Images:
    """Load a shipped image set by name, or an `.npz` file by path.

    The file holds `train_images, train_labels, valid_images, valid_labels, test_images,
    test_labels`: uint8 images of shape (n, height, width) or (n, height, width, channels), and
    integer labels from 0.

    Raises:
        InputError: no such file, not an `.npz`, or its arrays don't fit this description.
    """
    if str(name) in SHIPPED:
        with files("archcast.tasks").joinpath("shipped", SHIPPED[str(name)]).open("rb") as file:
            return _read(file, str(name))
    path = Path(name)
    if not path.is_file():
        raise InputError(
            f"images {str(name)!r}: neither a file nor one of {', '.join(SHIPPED)};"
            " give the path of an .npz file"
        )
    with path.open("rb") as file:
        return _read(file, path.stem)


def _read(file: IO[bytes], name: str) -> Images:
    try:
        with np.load(file, allow_pickle=False) as arrays:
            splits = {split: _split(arrays, split, name) for split in SPLITS}
    except (ValueError, zipfile.BadZipFile, EOFError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"images {name}: not a readable .npz file ({error})") from None
    if len({split.images.shape[1:] for split in splits.values()}) > 1:
        raise InputError(f"images {name}: the splits differ in image size; make them one size")
    return Images(name, **splits)


def _split(arrays: np.lib.npyio.NpzFile, split: str, name: str) -> Split:
    missing = [key for key in (f"{split}_images", f"{split}_labels") if key not in arrays]
    if missing:
        raise InputError(f"images {name}: no array {missing[0]!r}; add it to the file")
    images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
    if images.ndim == 3:
        images = images[..., None]
    if images.dtype != np.uint8 or images.ndim != 4 or 0 in images.shape:
        raise InputError(
            f"images {name}: {split}_images has type {images.dtype} and shape {images.shape};"
            " give uint8 of shape (n, height, width) or (n, height, width, channels)"
        )
    if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu" or labels.min() < 0:
        raise InputError(
            f"images {name}: {split}_labels has type {labels.dtype} and shape {labels.shape};"
            f" give {len(images)} integers from 0"
        )
    return Split(images, labels.astype(np.int64))
