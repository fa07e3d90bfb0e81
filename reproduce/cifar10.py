"""The CIFAR-10 results of NAS-Bench-201 as a table.

    python -m reproduce.cifar10 nasbench201_cifar10.csv.gz results

The CSV has a row a cell, with `architecture`, `valid_accuracy_12` (percent, after a training of 12
epochs), `valid_accuracy_200` and `test_accuracy_200`. As a curve this is 17 points, one for each 12
epochs. Only the first and the last are known; the rest repeat the first, and nothing that is
measured reads them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from archcast.benchmarks.table import Table
from archcast.spaces import registry as spaces

POINTS = 17  # 12 epochs are about one in 17 of 200


def write_table(source: Path, folder: Path) -> str:
    """Write `cifar10.parquet` into a folder, and name it."""
    frame = pd.read_csv(source)
    low, high = frame["valid_accuracy_12"], frame["valid_accuracy_200"]
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "cifar10.parquet"
    Table(
        spaces.get("nasbench201"),
        "cifar10",
        frame["architecture"].tolist(),
        {
            "valid_accuracy": np.column_stack([*[low] * (POINTS - 1), high]),
            "test_accuracy": frame["test_accuracy_200"].to_numpy(),
        },
    ).write(target)
    return str(target)


if __name__ == "__main__":
    print(write_table(Path(sys.argv[1]), Path(sys.argv[2])))
