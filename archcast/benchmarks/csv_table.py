"""Tables from CSV files."""

from __future__ import annotations

import gzip
import io
import json
import logging
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from archcast.benchmarks.objective import ACCURACY, Objective
from archcast.benchmarks.table import CURVES, WHOLE, Table
from archcast.core.errors import InputError, did_you_mean, told
from archcast.core.files import is_file, most_unpacked, read_whole
from archcast.spaces.choices import ChoicesSpace
from archcast.spaces.dag import DagSpace
from archcast.spaces.decision import Decision
from archcast.spaces.declared import declared_space
from archcast.spaces.space import Space

KNOWN = ("architecture", "seed", *CURVES, "test_accuracy", "diverged", "epoch_seconds",
         "train_seconds", "parameters", "flops")  # fmt: skip
DAG = '{"kind": "dag"}'
_EXACT = 2**53  # below it, float64 holds every whole number
MOST_COLUMNS, MOST_ROWS = 5_000, 3_000_000
_logger = logging.getLogger("archcast")


def convert_csv(
    source: Path,
    space: str,
    dataset: str,
    columns: Sequence[str] = (),
    curves: Sequence[str] = (),
    objectives: Sequence[Objective] = (),
    decisions: Sequence[str] = (),
    ranges: Sequence[str] = (),
) -> Table:
    """Read a CSV file with a header, gzipped if its name ends so.

    Columns of numbers keep their names; other columns are left out, with a warning. An empty cell
    of a column that need not be whole is a missing value.

    Args:
        source: the file: a row a training run.
        space: of its architectures: the name of one, JSON that declares one, `dag` for graphs as
            JSON in the column `architecture`, or `choices` for columns that are decisions.
        dataset: the name of the data set that they were trained on.
        columns: `OURS=THEIRS` for each column that is to have another name. `THEIRS=OURS` is
            understood too, where ours is a name that the table format knows and theirs is not. A
            column so named wins over one that carries our name in the file.
        curves: `OURS=PREFIX` for each curve that stands in several columns, an epoch each:
            `valid_accuracy=ep_` for `ep_1`, `ep_2`, ... A curve in one column is a JSON list.
        objectives: what the table measures, the main one first; without, accuracy.
        decisions: of `choices`, the columns that are decisions. Options are the values in the file;
            numbers are ordered.
        ranges: those of them that are ranges of numbers, from the least to the greatest in the
            file, on a logarithmic scale if that is a hundred times the least or more.

    Raises:
        InputError: no such file, no CSV, a wrong mapping, a mapped column that the file lacks, or
            a cell that is no number.
    """
    frame = _read(source)
    mapping = _mapping(columns, list(frame.columns), source)
    by_epoch = dict(_curve_columns(curve, frame, source) for curve in curves)
    taken = {*mapping.values(), *(name for group in by_epoch.values() for name in group)}
    named = [*mapping, *by_epoch]
    theirs = {name: name for name in frame.columns if name not in taken and name not in named}
    theirs |= mapping
    left_out: list[str] = []
    made: Space
    if space == ChoicesSpace.name:
        made, texts = _choices(frame, decisions, ranges, source)
        theirs = {ours: name for ours, name in theirs.items() if name not in decisions}
        if "architecture" in theirs:
            left_out.append(theirs.pop("architecture"))
    else:
        texts = _texts(frame, theirs, source)
        made = declared_space(DAG if space == DagSpace.name else space, texts)
    main = objectives[0] if objectives else ACCURACY
    known = {*KNOWN, *main.columns}
    whole = known - ({"test_accuracy"} - main.columns)
    left_out += [n for n in theirs if n not in known | {*mapping} and not _is_numeric(frame[n])]
    if left_out:
        _logger.warning("%s: left out the columns %s", source, ", ".join(left_out))
    arrays = {
        ours: _values(frame[name], ours, source, ours in whole)
        for ours, name in theirs.items()
        if ours not in left_out
    }
    for ours, group in by_epoch.items():
        arrays[ours] = np.column_stack([_numbers(frame[n], ours, source, False) for n in group])
    metadata = {"description": f"converted from {source.name}"}
    return Table(made, dataset, texts, arrays, metadata, objectives, source=str(source))


def _read(source: Path) -> pd.DataFrame:
    if not is_file(source):
        raise InputError(f"{source}: no such file; give the path of a .csv or .csv.gz")
    try:
        text = _unpacked(source).decode("utf-8-sig")
        header = text.partition("\n")[0]
        separator = max(",;\t", key=header.count)
        if header.count(separator) >= MOST_COLUMNS or text.count("\n") > MOST_ROWS:
            raise ValueError(f"more than {MOST_COLUMNS:,} columns or {MOST_ROWS:,} rows")
        cells: pd.DataFrame = pd.read_csv(
            io.StringIO(text),
            dtype=str,
            na_filter=False,
            header=None,
            sep=separator,
            skipinitialspace=True,
        )
    except (ValueError, OSError, EOFError, zlib.error, MemoryError) as error:
        raise InputError(
            f"{source}: not a readable CSV file ({told(error)}); save it as comma-separated text,"
            " UTF-8"
        ) from None
    frame = cells[1:].reset_index(drop=True)
    frame.columns = names = cells.iloc[0].str.strip()
    if twice := [*names[names.duplicated() & (names != "")]]:
        raise InputError(f"{source}: two columns are called {twice[0]!r}; rename one of them")
    return frame[[name for name in names if name]]  # not the index that pandas writes


def _unpacked(source: Path) -> bytes:
    packed = read_whole(source)
    if not source.name.endswith(".gz"):
        return packed
    most = most_unpacked(len(packed))
    with gzip.open(io.BytesIO(packed)) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"more than {most:,} bytes unpacked")
    return content


def _texts(frame: pd.DataFrame, theirs: dict[str, str], source: Path) -> list[str]:
    """The text forms, whose column is taken out of `theirs`."""
    if "architecture" not in theirs:
        raise InputError(
            f"{source}: no column 'architecture' (found {', '.join(frame.columns)}); map the one"
            " with the text forms, --column architecture=THEIRS, or name --decision columns of"
            " --space choices"
        )
    texts: list[str] = frame[theirs.pop("architecture")].str.strip().tolist()
    return texts


def _choices(
    frame: pd.DataFrame, decisions: Sequence[str], ranges: Sequence[str], source: Path
) -> tuple[ChoicesSpace, list[str]]:
    """The space of these columns, and the text of each row."""
    if not decisions:
        raise InputError("--space choices: name its columns, --decision kernel,width")
    for name in [*decisions, *ranges]:
        if name not in frame.columns:
            mend = did_you_mean(name, frame.columns)
            raise InputError(f"--decision {name}: {source} has no such column; {mend}")
        if name not in decisions:
            raise InputError(f"--range {name}: is no --decision; name it there too")
    cells = {name: frame[name].str.strip() for name in decisions}
    space = ChoicesSpace([_decision(name, cells[name], name in ranges) for name in decisions])
    rows = zip(*cells.values(), strict=True)
    texts = [",".join(f"{n}={cell}" for n, cell in zip(cells, row, strict=True)) for row in rows]
    return space, texts


def _decision(name: str, cells: pd.Series[str], is_range: bool) -> Decision:
    numbers = _floats(cells)
    if is_range:
        if np.isnan(numbers).any():
            raise InputError(f"--range {name}: {cells[np.isnan(numbers)].iloc[0]!r} is no number")
        low, high = float(numbers.min()), float(numbers.max())
        return Decision(name, low=low, high=high, log=low > 0 and high >= 100 * low)
    if np.isnan(numbers).any():
        return Decision(name, tuple(sorted(cells.unique())))
    whole = (
        np.isfinite(numbers).all()
        and (numbers == numbers.round()).all()
        and not cells.str.contains(r"[.eE]").any()
    )
    return Decision(name, tuple(sorted({int(n) if whole else float(n) for n in numbers})))


def _floats(cells: pd.Series[str]) -> NDArray[np.float64]:
    """To the last digit, NaN where a cell is no number."""

    def number(cell: str) -> float:
        try:
            return np.nan if "_" in cell else float(cell)
        except ValueError:
            return np.nan

    return np.array([number(cell) for cell in cells], dtype=np.float64)


def _mapping(columns: Iterable[str], known: Sequence[str], source: Path) -> dict[str, str]:
    """From our name to theirs."""
    mapping: dict[str, str] = {}
    for column in columns:
        left, right = _pair("--column", column, "OURS=THEIRS")
        backwards = left not in KNOWN and right in KNOWN
        ours, theirs = (right, left) if backwards else (left, right)
        if theirs not in known:
            raise InputError(
                f"--column {column}: {source} has no column {theirs!r}; "
                + did_you_mean(theirs, known)
            )
        if ours in mapping:
            raise InputError(f"--column {column}: {ours} is mapped twice; keep one of the two")
        mapping[ours] = theirs
    return mapping


def _curve_columns(curve: str, frame: pd.DataFrame, source: Path) -> tuple[str, list[str]]:
    """Our name of a curve, and the columns of its epochs in their order."""
    ours, prefix = _pair("--curve", curve, "OURS=PREFIX")
    found = {
        int(end): name
        for name in frame.columns
        if name.startswith(prefix) and (end := name[len(prefix) :]).isdecimal()
    }
    first = min(found, default=0)
    if not found or sorted(found) != list(range(first, first + len(found))):
        raise InputError(
            f"--curve {curve}: {source} has no columns {prefix}1, {prefix}2, ... without gaps"
        )
    return ours, [found[epoch] for epoch in sorted(found)]


def _pair(option: str, text: str, form: str) -> tuple[str, str]:
    left, equals, right = (part.strip() for part in text.partition("="))
    if not (left and equals and right):
        raise InputError(f"{option} {text}: not of the form {form}; write it so")
    return left, right


def _is_numeric(cells: pd.Series[str]) -> bool:
    """Whether a column that nobody named holds numbers, or curves, and gaps at most beside them."""
    empty = cells.str.strip() == ""
    known = ~np.isnan(_floats(cells)) | cells.map(_is_list) | empty
    return bool(known.all() and not empty.all())


def _is_list(cell: str) -> bool:
    try:
        found = json.loads(cell) if cell.startswith("[") else None
    except (ValueError, RecursionError):
        return False
    return isinstance(found, list) and all(isinstance(value, int | float) for value in found)


def _values(cells: pd.Series[str], ours: str, source: Path, whole: bool) -> Any:
    if cells.str.startswith("[").any():
        return [
            _curve(cell, row, ours, source) if whole or cell.strip() else []
            for row, cell in enumerate(cells)
        ]
    return _numbers(cells, ours, source, whole)


def _numbers(cells: pd.Series[str], ours: str, source: Path, whole: bool) -> NDArray[Any]:
    """The numbers of a column; if `whole`, a gap is an error."""
    if ours == "diverged":
        cells = cells.str.lower().replace({"true": "1", "false": "0"})
    numbers = _floats(cells)
    if ours == "diverged":
        wrong, meaning = ~np.isin(numbers, (0, 1)), "true or false"
    elif ours in WHOLE:
        exact = (np.abs(numbers) < _EXACT) & (numbers == np.round(numbers))
        wrong, meaning = ~exact, "a whole number of 15 digits at most"
    else:
        wrong, meaning = np.isnan(numbers), "a number"
        if not whole:
            wrong &= (cells.str.strip() != "").to_numpy()
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise _bad_cell(cells.iloc[row], row, ours, source, meaning)
    if ours == "diverged":
        return numbers.astype(np.bool_)
    return numbers.astype(np.int64) if ours in WHOLE else numbers


def _curve(cell: str, row: int, ours: str, source: Path) -> list[float]:
    try:
        values = json.loads(cell)
        return [float(value) for value in (values if isinstance(values, list) else [values])]
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise _bad_cell(cell, row, ours, source, "a number or a list of numbers") from None


def _bad_cell(cell: str, row: int, ours: str, source: Path, meaning: str) -> InputError:
    found = repr(shorten(cell, 60)) if cell.strip() else "empty"
    return InputError(f"{source}, row {row + 1}: {ours} is {found}, not {meaning}; mend the row")
