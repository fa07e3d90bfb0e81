"""Table format v1: measured training runs of architectures, in one Parquet file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from archcast.core.errors import InputError
from archcast.core.files import replacing
from archcast.spaces import registry as spaces
from archcast.spaces.space import Architecture, Space

CURVES = ("train_loss", "train_accuracy", "valid_loss", "valid_accuracy")
FORMAT = "1"

COLUMNS: dict[str, pa.DataType] = {
    "architecture": pa.string(),
    "seed": pa.int32(),
    **dict.fromkeys(CURVES, pa.list_(pa.float32())),
    "test_accuracy": pa.float32(),
    "fgsm_accuracy": pa.float32(),
    "pgd_accuracy": pa.float32(),
    "diverged": pa.bool_(),
    "epoch_seconds": pa.float32(),
    "parameters": pa.int64(),
    "flops": pa.int64(),
}
MAY_BE_MISSING = ("fgsm_accuracy", "pgd_accuracy")  # in some rows: NaN
_PREFIX = "archcast."
_NUMBERS = {pa.float32(), pa.float64(), pa.int32(), pa.int64()}


class Table:
    """Training runs of the architectures of one space on one data set.

    Rows are runs, sorted by architecture; rows `starts[i]` to `starts[i + 1]` are the runs of
    `architectures[i]`. `columns` holds one array a column, with rows along the first axis: curves
    have shape (rows, epochs) with NaN where a run was cut, all others (rows,).
    """

    def __init__(
        self,
        space: Space,
        dataset: str,
        texts: Sequence[str],
        columns: Mapping[str, Any],
        metadata: Mapping[str, str] | None = None,
        source: str = "table",
    ) -> None:
        """Check and take over runs: `texts[k]` is the architecture of row k.

        `columns` may lack `seed` (each architecture then has one run), and gives curves as padded
        arrays or as lists of lists. `source` names the table in error messages.

        Raises:
            InputError: a wrong, missing or unknown column, an accuracy out of range, an
                architecture of another space, or two rows with one architecture and seed.
        """
        self.space, self.dataset, self.source = space, dataset, source
        self.name = dataset  # what records call it; a benchmark's name, or that of the file
        self.metadata = dict(metadata or {})
        if not texts:
            raise InputError(f"{source}: the table has no rows; give at least one architecture")
        if "test_accuracy" not in columns:
            raise InputError(
                f"{source}: no column 'test_accuracy' (found {', '.join(columns) or 'none'});"
                " rename or map one of them"
            )
        parsed = [self._parse(text, row) for row, text in enumerate(texts)]
        first = {architecture: i for i, architecture in enumerate(dict.fromkeys(parsed))}
        owner = np.array([first[architecture] for architecture in parsed])
        arrays = {name: self._array(name, values, len(texts)) for name, values in columns.items()}
        arrays.setdefault("seed", np.zeros(len(texts), dtype=np.int64))
        order = np.lexsort((arrays["seed"], owner))
        owner = owner[order]

        self.architectures = list(first)
        self.columns = {name: values[order] for name, values in arrays.items()}
        self.starts = np.searchsorted(owner, np.arange(len(first) + 1))
        self._index = first
        same = (owner[1:] == owner[:-1]) & (np.diff(self.columns["seed"]) == 0)
        if same.any():
            at = int(np.flatnonzero(same)[0])
            raise InputError(
                f"{source}: {same.sum()} duplicate rows, the first for {parsed[order[at]]} with"
                f" seed {self.columns['seed'][at]}; keep one row an architecture and seed"
            )

    def _parse(self, text: str, row: int) -> Architecture:
        try:
            return self.space.parse(text)
        except InputError as error:
            raise InputError(f"{self.source}, row {row + 1}: {error}") from None

    def _array(self, name: str, values: Any, rows: int) -> NDArray[Any]:
        if name not in COLUMNS and not name.startswith("latency_"):
            raise InputError(
                f"{self.source}: unknown column {name!r}; the format has {', '.join(COLUMNS)} and"
                " latency_*"
            )
        try:
            if name in CURVES and not (isinstance(values, np.ndarray) and values.ndim == 2):
                array = _padded(values)
            elif name in CURVES:
                array = values.astype(np.float32)
            elif name in ("seed", "parameters", "flops"):
                array = np.asarray(values).astype(np.int64, casting="safe")
            elif name == "diverged":
                array = np.asarray(values).astype(np.bool_, casting="safe")
            else:
                array = np.asarray(values, dtype=np.float32)
        except (TypeError, ValueError):
            raise InputError(
                f"{self.source}: column {name!r} holds values that are not"
                f" {COLUMNS.get(name, pa.float32())}; mend or drop them"
            ) from None
        if len(array) != rows:
            raise InputError(f"{self.source}: column {name!r} has {len(array)} rows, not {rows}")
        self._check_values(name, array)
        return array

    def _check_values(self, name: str, array: NDArray[Any]) -> None:
        if name in ("seed", "train_loss", "valid_loss", "diverged"):
            return
        finite = np.isfinite(array)
        if name in MAY_BE_MISSING:
            finite |= np.isnan(array)
        if name in CURVES:  # a cut run ends in NaN; a hole is an error
            finite |= np.logical_and.accumulate(np.isnan(array)[:, ::-1], axis=1)[:, ::-1]
        limit = 100.0 if name.endswith("accuracy") else np.inf
        wrong = ~finite | (array < 0) | (array > limit)
        if limit == 100.0 and 0.0 < np.nanmax(array, initial=0.0) <= 1.0:
            raise InputError(
                f"{self.source}: no {name} is above 1: fractions? Multiply the column by 100, the"
                " format is in percent"
            )
        if wrong.any():
            row, *_ = np.argwhere(wrong)[0]
            value = array[wrong][0]
            meaning = "percent from 0 to 100" if limit == 100.0 else "a finite number from 0"
            raise InputError(
                f"{self.source}, row {row + 1}: {name} is {value}, not {meaning};"
                " mend or drop the row"
            )

    def __len__(self) -> int:
        """The number of distinct architectures."""
        return len(self.architectures)

    def index(self, architecture: Architecture) -> int:
        """Where `architecture`, or one isomorphic to it, stands in `architectures`.

        Raises:
            KeyError: the table has neither.
        """
        if architecture in self._index:
            return self._index[architecture]
        return self._index[self.space.canonical(architecture)]

    def require(self, column: str, what: str) -> NDArray[Any]:
        """A column, or an error that says that `what` can't run without it."""
        if column not in self.columns:
            raise InputError(
                f"{self.source} has no column {column!r}, and {what} can't run without it;"
                f" it has {', '.join(self.columns)}"
            )
        return self.columns[column]

    @cached_property
    def epochs(self) -> NDArray[np.int64]:
        """How many epochs each row was trained for; 0 where the table holds no curve of it."""
        lengths = [
            np.isfinite(self.columns[name]).sum(axis=1) for name in CURVES if name in self.columns
        ]
        most: NDArray[np.int64] = np.max([np.zeros(len(self.columns["seed"])), *lengths], axis=0)
        return most.astype(np.int64)

    @cached_property
    def diverged(self) -> NDArray[np.bool_]:
        """Which rows are of runs that diverged.

        None, where the table does not say; but the trainer, before it said, cut no other curves.
        """
        trained_here = self.epochs < self.epochs.max() if "recipe" in self.metadata else False
        never = np.zeros(len(self.columns["seed"]), dtype=np.bool_) | trained_here
        diverged: NDArray[np.bool_] = self.columns.get("diverged", never)
        return diverged

    @cached_property
    def stopped(self) -> NDArray[np.bool_]:
        """Which rows are of runs that were stopped early: their last values hold."""
        known = self.epochs > 0
        stopped: NDArray[np.bool_] = known & (self.epochs < self.epochs.max()) & ~self.diverged
        return stopped

    def remarks(self) -> list[str]:
        """What one should know before using the results."""
        count = int(self.stopped.sum())
        return [
            f"{count} of {len(self.stopped)} runs in {self.source} are shorter than"
            f" {self.epochs.max()} epochs: taken as stopped, so that their last values hold (a"
            " column `diverged` says which ones failed)"
        ] * (count > 0)

    def final_accuracy(self, split: str) -> NDArray[np.float32]:
        """The final accuracy of each row in percent, on `test` or `valid` images.

        The validation accuracy of a run that diverged is 0.

        Raises:
            InputError: the table has no such column, or a row without a value.
        """
        if split == "test":
            test: NDArray[np.float32] = self.columns["test_accuracy"]
            return test
        curves = self.require("valid_accuracy", "a validation accuracy as label or truth")
        last = np.maximum(np.isfinite(curves).sum(axis=1) - 1, 0)
        final: NDArray[np.float32] = curves[np.arange(len(curves)), last]
        final = np.where(self.diverged, np.float32(0.0), final)
        if np.isnan(final).any():
            row = int(np.flatnonzero(np.isnan(final))[0])
            raise InputError(f"{self.source}, row {row + 1}: the valid_accuracy curve is empty")
        return final

    def mean_over_runs(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Mean of a row-wise quantity over the runs of each architecture."""
        sums = np.add.reduceat(values.astype(np.float64), self.starts[:-1])
        return sums / np.diff(self.starts)

    @cached_property
    def hash(self) -> str:
        """Names the content: space, data set, architectures and every number."""
        digest = hashlib.sha256(f"{self.space.name}/{self.dataset}".encode())
        digest.update("\n".join(map(str, self.architectures)).encode())
        digest.update(self.starts.tobytes())
        for name in sorted(self.columns):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(self.columns[name]).tobytes())
        return digest.hexdigest()[:16]

    def write(self, path: Path) -> None:
        """Write a Parquet file.

        Raises:
            InputError: it can't be written.
        """
        owners = np.repeat(np.arange(len(self)), np.diff(self.starts))
        texts = [str(architecture) for architecture in self.architectures]
        arrays = {"architecture": pa.array([texts[owner] for owner in owners], pa.string())}
        for name in [*COLUMNS, *sorted(set(self.columns) - set(COLUMNS))]:
            if name in self.columns:
                values = self.columns[name]
                rows = [_cut(row) for row in values] if name in CURVES else values
                arrays[name] = pa.array(rows, COLUMNS.get(name, pa.float32()))
        metadata = {
            "description": "", "licence": "", "device": "", **self.metadata,
            "space": self.space.name, "dataset": self.dataset, "format": FORMAT,
        }  # fmt: skip
        table = pa.table(arrays).replace_schema_metadata(
            {_PREFIX + key: value for key, value in metadata.items()}
        )
        with replacing(path) as aside:
            pq.write_table(table, aside, compression="zstd", compression_level=19)


def read_table(path: Path) -> Table:
    """Read and check a Parquet file.

    Raises:
        InputError: no such file, not Parquet, another format, or wrong content.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; give the path of a table (.parquet)")
    try:
        table = pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{path}: not a readable Parquet file ({reason}); make it anew, or convert"
            " with `archcast table convert`"
        ) from None
    metadata = {
        key.decode().removeprefix(_PREFIX): value.decode()
        for key, value in (table.schema.metadata or {}).items()
        if key.startswith(_PREFIX.encode())
    }
    for key in ("space", "dataset", "format"):
        if key not in metadata:
            raise InputError(f"{path}: no file metadata {_PREFIX + key!r}; add it to the file")
    if (written := metadata.pop("format")) != FORMAT:
        raise InputError(f"{path}: table format {written}; this version reads {FORMAT}")
    if "architecture" not in table.column_names:
        raise InputError(f"{path}: no column 'architecture'; add the text form of each row")
    names = [name for name in table.column_names if name != "architecture"]
    columns = {name: _from_arrow(table[name], name, path) for name in names}
    texts = table["architecture"].to_pylist()
    if not all(isinstance(text, str) for text in texts):
        raise InputError(f"{path}: column 'architecture' holds values that are no text")
    space, dataset = spaces.get(metadata.pop("space")), metadata.pop("dataset")
    found = Table(space, dataset, texts, columns, metadata, source=str(path))
    found.name = path.name
    return found


def _from_arrow(column: pa.ChunkedArray, name: str, path: Path) -> Any:
    if name not in CURVES:
        if column.null_count and name not in MAY_BE_MISSING:
            row = next(i for i, value in enumerate(column) if not value.is_valid)
            raise InputError(f"{path}, row {row + 1}: {name} is empty; mend or drop the row")
        return _to_numpy(column.combine_chunks())
    array = column.combine_chunks()
    kind = array.type
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if not (is_list and kind.value_type in _NUMBERS):
        raise InputError(f"{path}: column {name!r} is {kind}, not a list of numbers an epoch")
    lengths = np.nan_to_num(_to_numpy(array.value_lengths())).astype(np.int64)
    padded = np.full((len(lengths), lengths.max(initial=0)), np.nan, dtype=np.float32)
    mask = np.arange(padded.shape[1]) < lengths[:, None]
    padded[mask] = _to_numpy(array.flatten())
    return padded


def _to_numpy(array: pa.Array) -> NDArray[Any]:
    """NaN where there is none. Of whole columns pandas is not imported, which takes longer."""
    if array.type in _NUMBERS and not array.null_count:
        return np.from_dlpack(array)
    return np.asarray(array.to_numpy(zero_copy_only=False))


def _padded(curves: Sequence[Sequence[float]]) -> NDArray[np.float32]:
    padded = np.full((len(curves), max(map(len, curves), default=0)), np.nan, dtype=np.float32)
    for row, curve in zip(padded, curves, strict=True):
        row[: len(curve)] = curve
    return padded


def _cut(row: NDArray[np.float32]) -> NDArray[np.float32]:
    known = np.flatnonzero(~np.isnan(row))
    return row[: known[-1] + 1] if len(known) else row[:0]
