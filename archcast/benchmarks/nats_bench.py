"""NATS-Bench's topology archive (Dong et al., 2021): NAS-Bench-201 cells trained for real.

The archive is the folder `NATS-tss-v1_0-3ffb9-simple`, a compressed pickle a cell. A cell was
trained with several seeds for 12 and, anew, for 200 epochs. What a row of the table holds follows
the authors' API:

- `cifar10`: curves, parameters, and seconds of the run on one half of the training images, which
  was validated on the other half (theirs: cifar10-valid, x-valid); test accuracy of the run with
  the same seed on all training images (theirs: cifar10, ori-test). Published accuracies are
  these. A seed with one run of the two gives no row: at 12 epochs one of two is left.
- `cifar10-valid`: the same curves with the test accuracy of the very same run (ori-test).
- `cifar100` and `ImageNet16-120`: one run; the authors split the original test images into halves,
  one for validation (x-valid) and one for testing (x-test).

At 200 epochs `cifar100` and `ImageNet16-120` were validated per epoch on all original test images
only (ori-test). A curve of those would show half of the test images, so these tables have no
validation columns, and labels are test accuracies. All 12-epoch tables and the CIFAR-10 ones have
them.

Seconds are the authors' means an epoch of training alone, latency is that of a batch of 256.
"""

from __future__ import annotations

import bz2
import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archcast.benchmarks.table import Table
from archcast.benchmarks.unpickler import NUMPY_SCALARS, ORDERED_DICT, safe_loads
from archcast.core.errors import InputError, did_you_mean, told
from archcast.core.files import read_whole
from archcast.core.progress import track
from archcast.spaces.nasbench201 import SPACE

GLOBALS = {**NUMPY_SCALARS, **ORDERED_DICT}
HPS = ("12", "200")

_EXTENSION = ".pickle.pbz2"
MOST = 1_000_000  # bytes of one cell, which has a quarter of a million
MOST_EPOCHS = 200
MOST_SEEDS = 3
_logger = logging.getLogger("archcast")


class _Sources(NamedTuple):
    """Which runs of the archive a table takes its numbers from, and on which images."""

    curves: str
    valid: str
    test: str
    tested_on: str


_SOURCES = {
    "cifar10": _Sources("cifar10-valid", "x-valid", "cifar10", "ori-test"),
    "cifar10-valid": _Sources("cifar10-valid", "x-valid", "cifar10-valid", "ori-test"),
    "cifar100": _Sources("cifar100", "x-valid", "cifar100", "x-test"),
    "ImageNet16-120": _Sources("ImageNet16-120", "x-valid", "ImageNet16-120", "x-test"),
}
DATASETS = tuple(_SOURCES)


def convert_nats_bench(source: Path, dataset: str, hp: str = "200") -> Table:
    """Read the archive folder `source`, one file at a time; absent cells are left out.

    Args:
        source: the folder with the files 000000.pickle.pbz2 to 015624.pickle.pbz2.
        dataset: one of `DATASETS`.
        hp: the authors' name for how long the cells were trained: 12 or 200 epochs.

    Raises:
        InputError: an unknown data set or hp, no such folder, or a file that is no record.
    """
    check_choice(dataset, hp)
    if not source.is_dir():
        raise InputError(
            f"{source}: no such folder; give the unpacked archive NATS-tss-v1_0-3ffb9-simple"
        )
    paths = sorted(source.glob(f"[0-9]*{_EXTENSION}"))
    if not paths:
        raise InputError(
            f"{source}: no files 000000{_EXTENSION} and so on; give the unpacked archive"
            " NATS-tss-v1_0-3ffb9-simple"
        )
    rows = (
        row
        for path in track(paths, len(paths), f"reading {source.name}")
        for row in record_rows(_read(path), hp, dataset, path)
    )
    return rows_to_table(rows, dataset, hp, source)


def _read(path: Path) -> Any:
    try:
        decompressor = bz2.BZ2Decompressor()
        data = decompressor.decompress(read_whole(path, MOST), max_length=MOST)
        if not decompressor.eof:
            raise ValueError(f"cut, or more than {MOST:,} bytes")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: can't be read ({told(error)}); get the file anew") from None
    return safe_loads(data, GLOBALS, source=str(path))


def check_choice(dataset: str, hp: str) -> None:
    """Raise `InputError` unless the archive has this data set and training length."""
    if dataset not in DATASETS:
        mend = did_you_mean(dataset, DATASETS)
        raise InputError(f"NATS-Bench has no data set {dataset!r}: {mend}")
    if hp not in HPS:
        raise InputError(f"NATS-Bench has no runs of {hp!r} epochs; it has {' and '.join(HPS)}")


def record_rows(
    record: Mapping[str, Any], hp: str, dataset: str, where: object
) -> list[dict[str, Any]]:
    """The rows that the record of one cell gives: none where no seed has all the runs needed.

    A row has all columns; those that the record lacks are None.

    Raises:
        InputError: the record is not built like those of the archive; `where` names it.
    """
    try:
        return list(_rows(record[hp], _SOURCES[dataset]))
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        raise InputError(f"{where}: not a NATS-Bench record ({told(error)}); get it anew") from None


def _rows(record: Mapping[str, Any], sources: _Sources) -> Iterator[dict[str, Any]]:
    results = record["all_results"]
    if len(results) > len(_SOURCES) * 4 * MOST_SEEDS:
        raise ValueError(f"{len(results)} results")
    seeds: dict[str, set[Any]] = {}
    for name, seed in results:
        seeds.setdefault(name, set()).add(seed)
    both = seeds.get(sources.curves, set()) & seeds.get(sources.test, set())
    if len(both) > MOST_SEEDS:
        raise ValueError(f"{len(both)} seeds")
    for seed in sorted(both):
        run, tested = results[sources.curves, seed], results[sources.test, seed]
        if not 0 < run["epochs"] <= MOST_EPOCHS:
            raise ValueError(f"{run['epochs']} epochs")
        epochs = range(run["epochs"])
        on_valid = [f"{sources.valid}@{epoch}" for epoch in epochs]
        yield {
            "architecture": _text(record["arch_str"]),
            "seed": int(seed),
            "train_loss": _curve(run["train_losses"], epochs),
            "train_accuracy": _curve(run["train_acc1es"], epochs),
            "valid_loss": _curve(run["eval_losses"], on_valid),
            "valid_accuracy": _curve(run["eval_acc1es"], on_valid),
            "test_accuracy": float(
                tested["eval_acc1es"][f"{sources.tested_on}@{tested['epochs'] - 1}"]
            ),
            "epoch_seconds": _mean((run["train_times"] or {}).values()),
            "parameters": round(run["params"] * 1e6),
            "flops": round(run["flop"] * 1e6),
            "latency_gpu": _mean(1e3 * seconds for seconds in run["latency"] or ()),
        }


def _curve(values: Mapping[Any, float], keys: Sequence[Any]) -> NDArray[np.float32] | None:
    if not all(key in values for key in keys):
        return None
    return np.array([float(values[key]) for key in keys], dtype=np.float32)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"an architecture is text, not {type(value).__name__}")
    return value


def _mean(values: Iterable[float]) -> float | None:
    known = list(islice(values, MOST_EPOCHS + 1))
    if len(known) > MOST_EPOCHS:
        raise ValueError(f"more than {MOST_EPOCHS} seconds")
    return math.fsum(known) / len(known) if known else None


def rows_to_table(rows: Iterable[dict[str, Any]], dataset: str, hp: str, source: Path) -> Table:
    """A table of the columns that every row has; what is absent is logged."""
    columns: dict[str, list[Any]] = {}
    for row in rows:
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    partial = [name for name, values in columns.items() if any(v is None for v in values)]
    for name in partial:
        del columns[name]
    metadata = {
        "description": f"NATS-Bench, topology, {dataset}, trained for {hp} epochs",
        "licence": "MIT",
        "source": "https://github.com/D-X-Y/NATS-Bench",
        "paper": "Dong et al., 2021: NATS-Bench: Benchmarking NAS Algorithms for Architecture"
        " Topology and Size",
    }
    texts = columns.pop("architecture", [])
    if not texts:
        raise InputError(f"{source}: no runs on {dataset} of {hp} epochs; choose others")
    table = Table(SPACE, dataset, texts, columns, metadata, source=str(source))
    if partial:
        mend = "; use --label test" if "valid_accuracy" in partial else ""
        names = ", ".join(partial)
        _logger.warning("%s: not recorded at every epoch of every run: %s%s", source, names, mend)
    absent = int(SPACE.size) - len(table)
    if absent:
        _logger.warning("%s: %d cells of the space are absent", source, absent)
    return table
