"""Make the shipped image set from Fashion-MNIST (Xiao et al., 2017; MIT licence).

    apt-get install dataset-fashion-mnist
    python tools/make_fashion_mnist_14.py /usr/share/datasets/fashion-mnist

Images are average-pooled from 28x28 to 14x14; training and validation images are drawn from the
60,000 training images with seed 0, the test images are all 10,000.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TRAIN, VALID = 2_048, 2_000
TARGET = Path(__file__).parent.parent / "archcast/tasks/shipped/fashion-mnist-14.npz"


def read_idx(path: Path) -> NDArray[np.uint8]:
    data = gzip.decompress(path.read_bytes())
    shape = np.frombuffer(data, ">i4", count=data[3], offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)


def halve(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    n, height, width = images.shape
    blocks = images.reshape(n, height // 2, 2, width // 2, 2)
    means: NDArray[np.uint8] = blocks.mean(axis=(2, 4)).round().astype(np.uint8)
    return means


def main(folder: Path) -> None:
    arrays = {
        split: (
            halve(read_idx(folder / f"{prefix}-images-idx3-ubyte.gz")),
            read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz"),
        )
        for split, prefix in (("train", "train"), ("test", "t10k"))
    }
    images, labels = arrays["train"]
    order = np.random.default_rng(0).permutation(len(images))
    train, valid = order[:TRAIN], order[TRAIN : TRAIN + VALID]
    np.savez_compressed(
        TARGET,
        train_images=images[train],
        train_labels=labels[train],
        valid_images=images[valid],
        valid_labels=labels[valid],
        test_images=arrays["test"][0],
        test_labels=arrays["test"][1],
    )
    print(f"{TARGET}: {TARGET.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
