"""Table format 2: measured training runs of architectures, in one Parquet file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
from numpy.typing import NDArray

from archcast.benchmarks.objective import (
    COUNTED,
    ON_DEVICES,
    MeasuredOn,
    Objective,
    known_objective,
    objectives_text,
    read_objectives,
)
from archcast.core.errors import InputError, did_you_mean, told
from archcast.core.files import is_file, most_unpacked, replacing
from archcast.spaces.declared import declared_space
from archcast.spaces.space import Architecture, Space

CURVES = ("train_loss", "train_accuracy", "valid_loss", "valid_accuracy")  # that have a meaning
FORMAT, EARLIER = "2", "1"
ROBUST, ATTACKED = "robust_accuracy", "pgd_accuracy"  # who asks for the one means the other
MOST_VALUES = 100_000_000  # of a curve: epochs of the longest run for each run

WHOLE = ("seed", *COUNTED)  # numbers
_SECONDS = ("epoch_seconds", "train_seconds")
_FACTS = (*_SECONDS, *COUNTED)  # finite, from 0 on; and what is measured on devices
_PREFIX = "archcast."


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
        objectives: Sequence[Objective] = (),
        source: str = "table",
    ) -> None:
        """Check and take over runs: `texts[k]` is the architecture of row k.

        Args:
            space: of the architectures.
            dataset: what they were trained on.
            texts: an architecture each.
            columns: by name, numbers, or for each row a list of numbers by epoch, which may be
                padded by NaN to an array. Without `seed`, each architecture has one run.
            metadata: what else is to be said of the table.
            objectives: what the columns measure, the main one first; without, accuracy in percent
                by the columns `valid_accuracy` and `test_accuracy`. Columns of the main one have no
                gaps, those of others may.
            source: names the table in error messages.

        Raises:
            InputError: a wrong or missing column, a value out of range, an architecture of another
                space, or two rows with one architecture and seed.
        """
        self.space, self.dataset, self.source = space, dataset, source
        self.name = dataset  # what records call it; a benchmark's name, or that of the file
        self.mixed = False  # whether ranked architectures may be isomorphic to labelled ones
        self.metadata = dict(metadata or {})
        if "architecture" in columns:
            raise InputError(f"{source}: a column is called 'architecture'; give it another name")
        if not texts:
            raise InputError(f"{source}: the table has no rows; give at least one architecture")
        self.objectives = [*objectives] or [self._accuracy(columns)]
        self._check_objectives(columns)
        number = {text: i for i, text in enumerate(dict.fromkeys(texts))}  # several runs have one
        parsed = [self._parse(text, texts) for text in number]
        first = {architecture: i for i, architecture in enumerate(dict.fromkeys(parsed))}
        place = np.array([first[architecture] for architecture in parsed])
        owner = place[[number[text] for text in texts]]
        arrays = {name: self._array(name, values, len(texts)) for name, values in columns.items()}
        self._check_percent(arrays)
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
                f"{source}: {same.sum()} duplicate rows, the first for"
                f" {self.architectures[owner[at]]} with seed {self.columns['seed'][at]}; keep one"
                " row an architecture and seed"
            )

    def _accuracy(self, columns: Mapping[str, Any]) -> Objective:
        held = {part: f"{part}_accuracy" for part in ("valid", "test")}
        there = {part: column for part, column in held.items() if column in columns}
        if not there:
            raise InputError(
                f"{self.source}: no column 'test_accuracy' (found {', '.join(columns) or 'none'});"
                " rename or map one of them, or declare another objective"
            )
        return Objective("accuracy", "max", "%", **there)

    def _check_objectives(self, columns: Mapping[str, Any]) -> None:
        names = [each.name for each in self.objectives]
        if len(set(names)) < len(names):
            raise InputError(f"{self.source}: two objectives of one name among {', '.join(names)}")
        for objective in self.objectives:
            for column in objective.columns - columns.keys():
                raise InputError(
                    f"{self.source}: no column {column!r}, which objective {objective.name} names;"
                    + f" {did_you_mean(column, columns)}"
                )

    def _parse(self, text: str, texts: Sequence[str]) -> Architecture:
        try:
            return self.space.parse(text)
        except InputError as error:
            raise InputError(f"{self.source}, row {texts.index(text) + 1}: {error}") from None

    def _array(self, name: str, values: Any, rows: int) -> NDArray[Any]:
        try:
            array = _as_array(name, values)
        except InputError:
            raise
        except (TypeError, ValueError, OverflowError):
            kinds = {"diverged": "true or false", **dict.fromkeys(WHOLE, "whole numbers")}
            raise InputError(
                f"{self.source}: column {name!r} holds values that are not"
                f" {kinds.get(name, 'numbers')}; mend or drop them"
            ) from None
        if len(array) != rows:
            raise InputError(f"{self.source}: column {name!r} has {len(array)} rows, not {rows}")
        self._check_values(name, array)
        return array

    def _check_percent(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Refuse fractions in place of percent; tables that were trained here know better."""
        percent = [each for each in self.objectives if each.unit == "%"]
        shares = {name for name in arrays if name.endswith("accuracy")}
        shares = shares.union(*(each.columns for each in percent)) & {*arrays}
        # Errors may be below 1 percent.
        errors = frozenset().union(*(each.columns for each in percent if each.direction == "min"))
        for name in sorted(shares - errors) if "recipe" not in self.metadata else ():
            if 0.0 < np.nanmax(arrays[name], initial=0.0) <= 1.0:
                raise InputError(
                    f"{self.source}: no {name} is above 1: fractions? Multiply the column by 100,"
                    " the format is in percent"
                )

    def _check_values(self, name: str, array: NDArray[Any]) -> None:
        if array.dtype.kind not in "fi" or name == "seed":
            return
        of = [each for each in self.objectives if name in each.columns]
        percent = name.endswith("accuracy") or any(each.unit == "%" for each in of)
        fact = name in _FACTS or name.startswith(ON_DEVICES)
        finite = np.isfinite(array)
        if array.ndim == 2 and name not in ("train_loss", "valid_loss"):
            # A cut run ends in NaN; a hole is an error.
            finite |= np.logical_and.accumulate(np.isnan(array)[:, ::-1], axis=1)[:, ::-1]
        elif not fact and self.objectives[0] not in of:
            finite |= np.isnan(array)  # missing
        if array.ndim == 2 and name in ("train_loss", "valid_loss"):
            return
        least, most = (0.0 if percent or fact else -np.inf), (100.0 if percent else np.inf)
        wrong = ~finite | (array < least) | (array > most)
        if wrong.any():
            row, *_ = np.argwhere(wrong)[0]
            meaning = "percent from 0 to 100" if percent else "a finite number"
            raise InputError(
                f"{self.source}, row {row + 1}: {name} is {array[wrong][0]}, not {meaning}"
                f"{' from 0' if fact else ''}; mend or drop the row"
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
        form = self.space.canonical(architecture)
        return self._index[form] if form in self._index else self._by_form[form]

    @cached_property
    def _by_form(self) -> dict[Architecture, int]:
        """Where the first architecture of each canonical form stands."""
        found: dict[Architecture, int] = {}
        for at, architecture in enumerate(self.architectures):
            found.setdefault(self.space.canonical(architecture), at)
        return found

    def require(self, column: str, what: str) -> NDArray[Any]:
        """A column, or an error that says that `what` can't run without it."""
        if column not in self.columns:
            raise InputError(
                f"{self.source} has no column {column!r}, and {what} can't run without it;"
                f" it has {', '.join(self.columns)}"
            )
        return self.columns[column]

    @property
    def curves(self) -> list[str]:
        """The columns with a value an epoch: first those that have a meaning, then by name."""
        known = [name for name in CURVES if self._is_curve(name)]
        others = sorted(name for name in self.columns if self._is_curve(name))
        return [*known, *(name for name in others if name not in known)]

    def _is_curve(self, name: str) -> bool:
        return name in self.columns and bool(self.columns[name].ndim == 2)

    @cached_property
    def epochs(self) -> NDArray[np.int64]:
        """How many epochs each row was trained for; 0 where the table holds no curve of it."""
        lengths = [_length(self.columns[name]) for name in self.curves]
        most: NDArray[np.int64] = np.max([np.zeros(len(self.columns["seed"])), *lengths], axis=0)
        return most.astype(np.int64)

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """What the whole training of each row counts as, in `epoch_seconds`: its epochs.

        It is 1 of a run that diverged at once, and in a table without curves, where the whole
        training is all that is known.
        """
        curves = self.epochs.any()
        return np.maximum(self.epochs, self.diverged) if curves else np.ones_like(self.epochs)

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

    def remarks(self, objective: Objective | None = None) -> list[str]:
        """What one should know before using the results, and those of an objective."""
        count = int(self.stopped.sum())
        short = (
            f"{count} of {len(self.stopped)} runs in {self.source} are shorter than"
            f" {self.epochs.max()} epochs: taken as stopped, so that their last values hold (a"
            " column `diverged` says which ones failed)"
        )
        notes = [f"note_{column}" for column in sorted(objective.columns if objective else ())]
        return [short] * (count > 0) + [self.metadata[n] for n in notes if n in self.metadata]

    def objective(self, name: str | None = None) -> Objective:
        """An objective by name, the main one without.

        Those that the table declares, and single columns of which it is known what is better.

        Raises:
            InputError: there is none of this name.
        """
        if name is None:
            return self.objectives[0]
        declared = {each.name: each for each in self.objectives}
        if name == ROBUST and ATTACKED in self.columns and name not in (*declared, *self.columns):
            name = ATTACKED
        if name in declared:
            return declared[name]
        known = [c for c in self.columns if known_objective(c) and not self._is_curve(c)]
        if name in known and (found := known_objective(name)):
            return found
        if name in self.columns:
            raise InputError(
                f"{self.source} does not say whether more or less of {name!r} is better; convert it"
                f" with --objective '{name}(direction=min, test={name})'"
            )
        raise InputError(
            f"{self.source} has no objective {name!r}: {did_you_mean(name, [*declared, *known])}"
        )

    def curve_of(self, objective: Objective) -> str | None:
        """The column of the values by epoch that lead to an objective's value."""
        column = objective.curve or objective.valid
        return column if column and self._is_curve(column) else None

    def values(self, objective: Objective, part: MeasuredOn) -> NDArray[Any]:
        """An objective's value of each row, in its own unit; NaN where it is missing.

        Of a column by epoch it is the last value. The validation value of a run that diverged is
        the worst, of what training decides: 0 percent, or the worst of all.

        Raises:
            InputError: the table has no such column, or a row of its main objective no value.
        """
        column = objective.test if part == "test" else objective.valid
        if column is None:
            raise InputError(
                f"{self.source} has no {part} values of {objective.name}; use the other part, by"
                " --label or --truth"
            )
        values = self.columns[column]
        if values.ndim == 2:
            last = np.maximum(_length(values) - 1, 0)
            padded = np.pad(values, ((0, 0), (0, 1)), constant_values=np.nan)
            values = padded[np.arange(len(values)), last]
        if part == "valid" and objective.needs_training and self.diverged.any():
            values = np.where(self.diverged, self._worst(objective, values), values)
        if objective == self.objectives[0] and np.isnan(values).any():
            row = int(np.flatnonzero(np.isnan(values))[0])
            raise InputError(f"{self.source}, row {row + 1}: {column} is empty")
        return values

    def _worst(self, objective: Objective, values: NDArray[Any]) -> Any:
        if (objective.direction, objective.unit) == ("max", "%"):
            return values.dtype.type(0)
        known = values[np.isfinite(values) & ~self.diverged]
        return known[np.argmin(objective.signed(known))] if len(known) else np.nan

    def mean_over_runs(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Mean of a row-wise quantity or curve over the runs of each architecture that have it."""
        values = values.astype(np.float64)
        known = np.isfinite(values)
        sums = np.add.reduceat(np.where(known, values, 0.0), self.starts[:-1])
        counts = np.add.reduceat(known.astype(np.int64), self.starts[:-1])
        with np.errstate(invalid="ignore"):
            means: NDArray[np.float64] = sums / counts
        return means

    def mean_of_others(self, values: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """As `mean_over_runs`, without the row `rows[i]` of architecture i, unless it is alone."""
        others = values.astype(np.float64)
        others[rows] = np.nan
        means = self.mean_over_runs(others)
        return np.where(np.isnan(means), self.mean_over_runs(values), means)

    def averaged(self) -> Table:
        """A table with one row an architecture, which holds the means over its runs.

        Label and truth of an architecture are then the same value, and labelled architectures may
        be isomorphic to those that are ranked, as most publications have it.

        Raises:
            InputError: one of several runs diverged: there is no mean.
        """
        runs = np.diff(self.starts)
        if (self.diverged & np.repeat(runs > 1, runs)).any():
            raise InputError(
                f"{self.source}: runs that diverged have no mean; use --runs drawn or drop them"
            )
        columns: dict[str, NDArray[Any]] = {}
        for name, values in self.columns.items():
            if name == "diverged":
                columns[name] = values[self.starts[:-1]]
            elif name != "seed":
                held = self._held(values) if self._is_curve(name) else values
                means = self.mean_over_runs(held)
                columns[name] = means.round().astype(np.int64) if name in WHOLE else means
        found = Table(
            self.space,
            self.dataset,
            [str(each) for each in self.architectures],
            columns,
            self.metadata,
            self.objectives,
            self.source,
        )
        found.name, found.mixed = f"{self.name}, means of runs", True
        return found

    def _held(self, curves: NDArray[Any]) -> NDArray[Any]:
        """Curves whose last values hold, up to the end of the longest of an architecture."""
        known = np.isfinite(curves)
        last = np.maximum.accumulate(np.where(known, np.arange(curves.shape[1]), -1), axis=1)
        held = np.where(last < 0, np.nan, np.take_along_axis(curves, np.maximum(last, 0), axis=1))
        some = np.logical_or.reduceat(known, self.starts[:-1])
        there = np.logical_or.accumulate(some[:, ::-1], axis=1)[:, ::-1]
        return np.where(np.repeat(there, np.diff(self.starts), axis=0), held, np.nan)

    def with_runs(self, other: Table) -> Table:
        """A table with the runs of another of the same space behind its own.

        It has the columns that both have. Its architectures stand where they stood, new ones after
        them.

        Raises:
            InputError: both have a run of one architecture and seed.
        """
        texts, columns = self._texts() + other._texts(), {}
        for name in self.columns.keys() & other.columns.keys():
            both = [each.columns[name] for each in (self, other)]
            if both[0].ndim == 2:
                most = max(values.shape[1] for values in both)
                both = [
                    np.pad(v, ((0, 0), (0, most - v.shape[1])), constant_values=np.nan)
                    for v in both
                ]
            columns[name] = np.concatenate(both)
        declared = [each for each in self.objectives if each.columns <= columns.keys()]
        given = (self.metadata, declared, self.source)
        found = Table(self.space, self.dataset, texts, columns, *given)
        found.name = self.name
        return found

    def _texts(self) -> list[str]:
        """The architecture of each row."""
        texts = [str(architecture) for architecture in self.architectures]
        return [text for text, runs in zip(texts, np.diff(self.starts), strict=True)
                for _ in range(runs)]  # fmt: skip

    @cached_property
    def epoch_seconds(self) -> NDArray[np.float64] | None:
        """What an epoch of each architecture takes: the median over its runs; None if unknown.

        In a table without curves it is what the whole training takes, `train_seconds`.
        """
        column = "epoch_seconds" if self.epochs.any() else "train_seconds"
        if column not in self.columns:
            return None
        owners = np.repeat(np.arange(len(self)), np.diff(self.starts))
        values = self.columns[column].astype(np.float64)
        ordered = values[np.lexsort((values, owners))]
        first, runs = self.starts[:-1], np.diff(self.starts)
        medians: NDArray[np.float64] = ordered[first + (runs - 1) // 2] + ordered[first + runs // 2]
        return medians / 2

    @cached_property
    def hash(self) -> str:
        """Names the content: space, data set, architectures and every number."""
        digest = hashlib.sha256(f"{self.space.declaration}/{self.dataset}".encode())
        digest.update("\n".join(map(str, self.architectures)).encode())
        digest.update(self.starts.tobytes())
        for name in sorted(self.columns):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(self.columns[name]).tobytes())
        return digest.hexdigest()[:16]

    def write(self, path: Path | str) -> None:
        """Write a Parquet file.

        Raises:
            InputError: it can't be written.
        """
        path = Path(path)
        arrays = {"architecture": pa.array(self._texts(), pa.string())}
        for name in self._in_order():
            values = self.columns[name]
            if values.ndim == 2:
                arrays[name] = pa.array([_cut(row) for row in values], pa.list_(pa.float32()))
            else:
                arrays[name] = pa.array(values)
        metadata = {
            "description": "", "licence": "", "device": "", **self.metadata,
            "space": self.space.declaration, "dataset": self.dataset, "format": FORMAT,
            "objectives": objectives_text(self.objectives),
        }  # fmt: skip
        table = pa.table(arrays).replace_schema_metadata(
            {_PREFIX + key: value for key, value in metadata.items()}
        )
        with replacing(path) as aside:
            pq.write_table(table, aside, compression="zstd", compression_level=19)

    def _in_order(self) -> list[str]:
        first = ["seed", *self.curves]
        return [*first, *(name for name in sorted(self.columns) if name not in first)]


def read_table(path: Path) -> Table:
    """Read and check a Parquet file.

    Raises:
        InputError: no such file, not Parquet, another format, or wrong content.
    """
    if not is_file(path):
        raise InputError(f"{path}: no such file; give the path of a table (.parquet)")
    with _readable(path):
        table = _parquet(path)
        metadata = {
            key.decode().removeprefix(_PREFIX): value.decode()
            for key, value in (table.schema.metadata or {}).items()
            if key.startswith(_PREFIX.encode())
        }
    for key in ("space", "dataset", "format"):
        if key not in metadata:
            raise InputError(f"{path}: no file metadata {_PREFIX + key!r}; add it to the file")
    if (written := metadata.pop("format")) not in (FORMAT, EARLIER):
        raise InputError(
            f"{path}: table format {written}; this version reads {EARLIER} and {FORMAT}"
        )
    if "architecture" not in table.column_names:
        raise InputError(f"{path}: no column 'architecture'; add the text form of each row")
    names = [name for name in table.column_names if name != "architecture"]
    with _readable(path):
        columns = {name: _from_arrow(table[name], name, path) for name in names}
        texts = table["architecture"].to_pylist()
    if not all(isinstance(text, str) for text in texts):
        raise InputError(f"{path}: column 'architecture' holds values that are no text")
    said = metadata.pop("objectives", None)
    objectives = read_objectives(said, str(path)) if said is not None else ()
    dataset = metadata.pop("dataset")
    try:
        space = declared_space(metadata.pop("space"), texts)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    found = Table(space, dataset, texts, columns, metadata, objectives, source=str(path))
    found.name = path.name
    return found


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """A broken file fails in any of ten ways."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{path}: not a readable Parquet file ({told(error)}); make it anew, or convert"
            " with `archcast table convert`"
        ) from None


def _parquet(path: Path) -> pa.Table:
    """All columns, unless they unpack to what no honest file of its size does."""
    file = pq.ParquetFile(path, read_dictionary=["architecture"])
    chunks = [
        group.column(at)
        for group in map(file.metadata.row_group, range(file.metadata.num_row_groups))
        for at in range(group.num_columns)
    ]
    unpacked = sum(max(8 * each.num_values, each.total_uncompressed_size) for each in chunks)
    most = most_unpacked(path.stat().st_size)
    if unpacked > most:
        raise ValueError(f"{unpacked:,} bytes unpacked, of which {most:,} are the most")
    names = file.schema_arrow.names
    if len({*names}) < len(names):
        raise ValueError("two columns of one name")
    table = file.read()
    if "architecture" in names:
        for each in table["architecture"].chunks:
            if isinstance(each, pa.DictionaryArray):
                lengths = _to_numpy(pa.compute.binary_length(each.dictionary))
                most -= int(lengths[_to_numpy(each.indices.drop_null())].sum())
        if most < 0:
            raise ValueError("gigabytes of architectures")
    return table


def _from_arrow(column: pa.ChunkedArray, name: str, path: Path) -> Any:
    array = column.combine_chunks()
    kind = array.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        whole = pa.types.is_integer(kind) or pa.types.is_boolean(kind)
        if array.null_count and (whole or name in CURVES):
            row = next(i for i, value in enumerate(array) if not value.is_valid)
            raise InputError(f"{path}, row {row + 1}: {name} is empty; mend or drop the row")
        return _to_numpy(array)
    if not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        raise InputError(f"{path}: column {name!r} is {kind}, not a list of numbers an epoch")
    lengths = np.nan_to_num(_to_numpy(array.value_lengths())).astype(np.int64)
    padded = _gaps(len(lengths), int(lengths.max(initial=0)), str(path))
    mask = np.arange(padded.shape[1]) < lengths[:, None]
    padded[mask] = _to_numpy(array.flatten())
    return padded


def _to_numpy(array: pa.Array) -> NDArray[Any]:
    """NaN where there is none. Of whole columns pandas is not imported, which takes longer."""
    numbers = pa.types.is_floating(array.type) or pa.types.is_integer(array.type)
    if numbers and not array.null_count:
        return np.from_dlpack(array)
    return np.asarray(array.to_numpy(zero_copy_only=False))


def _length(curves: NDArray[Any]) -> NDArray[np.int64]:
    """The place behind the last value of each row; 0 where there is none."""
    if not curves.shape[1]:
        return np.zeros(len(curves), dtype=np.int64)
    known = np.isfinite(curves)
    behind = curves.shape[1] - known[:, ::-1].argmax(axis=1)
    return np.where(known.any(axis=1), behind, 0)


def _as_array(name: str, values: Any) -> NDArray[Any]:
    """Numbers (rows,) or (rows, epochs), of the type that a column of this name has."""
    if name == "diverged":
        return np.asarray(values).astype(np.bool_, casting="safe")
    if name in WHOLE:
        return np.asarray(values).astype(np.int64, casting="safe")
    if not isinstance(values, np.ndarray) and len(values) and np.ndim(values[0]) == 1:
        return _padded(values)
    array = np.asarray(values)
    if array.dtype.kind in "bui" and array.ndim == 1 and not _is_float(name):
        return array.astype(np.int64)
    if array.dtype.kind not in "buif" or array.ndim not in (1, 2):
        raise TypeError
    with np.errstate(over="ignore"):  # what is infinite then is refused
        return array.astype(np.float32 if array.ndim == 2 or _is_float(name) else np.float64)


def _is_float(name: str) -> bool:
    """Whether a single precision holds what is measured."""
    return name.endswith("accuracy") or name.startswith(ON_DEVICES) or name in _SECONDS


def _padded(curves: Sequence[Sequence[float]]) -> NDArray[np.float32]:
    padded = _gaps(len(curves), max(map(len, curves), default=0), "curves")
    with np.errstate(over="ignore"):  # what is infinite then is refused
        for row, curve in zip(padded, curves, strict=True):
            row[: len(curve)] = curve
    return padded


def _gaps(rows: int, epochs: int, source: str) -> NDArray[np.float32]:
    if rows * epochs > MOST_VALUES:
        raise InputError(
            f"{source}: {rows:,} rows of up to {epochs:,} epochs; {MOST_VALUES:,} values are the"
            " most of one column"
        )
    return np.full((rows, epochs), np.nan, dtype=np.float32)


def _cut(row: NDArray[np.float32]) -> NDArray[np.float32]:
    known = np.flatnonzero(~np.isnan(row))
    return row[: known[-1] + 1] if len(known) else row[:0]
