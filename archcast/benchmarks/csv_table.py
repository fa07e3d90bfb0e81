"""Tables from CSV files."""

from __future__ import annotations

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

from archcast.benchmarks.table import COLUMNS, CURVES, Table
from archcast.core.errors import InputError, did_you_mean
from archcast.spaces.space import Space

_WHOLE = ("seed", "parameters", "flops")
_EXACT = 2**53  # below it, float64 holds every whole number
_logger = logging.getLogger("archcast")


def convert_csv(source: Path, space: Space, dataset: str, columns: Sequence[str]) -> Table:
    """Read a CSV file with a header, gzipped if its name ends so.

    Args:
        source: the file: a row a training run.
        space: the space of its architectures.
        dataset: the name of the data set that they were trained on.
        columns: `OURS=THEIRS` for each column that the file calls by another name than the table
            format; `THEIRS=OURS` is understood too. If both are names of the format, the left one
            is ours. A column so named wins over one that carries our name in the file.

    A cell of a curve is one number (a curve of one value) or a JSON list, a number an epoch.
    Columns of the file that are neither of the format nor named are left out, with a warning.

    Raises:
        InputError: no such file, no CSV, a wrong mapping, a mapped column that the file lacks, or
            a cell that is no number.
    """
    frame = _read(source)
    theirs = {name: name for name in frame.columns if _is_ours(name)}
    theirs |= _mapping(columns, frame.columns, source)
    if "architecture" not in theirs:
        raise InputError(
            f"{source}: no column 'architecture' (found {', '.join(frame.columns)}); map the one"
            " with the text forms, --column architecture=THEIRS"
        )
    left_out = [name for name in frame.columns if name not in theirs.values()]
    if left_out:
        _logger.warning("%s: left out the columns %s", source, ", ".join(left_out))
    texts = frame[theirs.pop("architecture")].str.strip().tolist()
    arrays = {ours: _values(frame[name], ours, source) for ours, name in theirs.items()}
    metadata = {"description": f"converted from {source.name}"}
    return Table(space, dataset, texts, arrays, metadata, source=str(source))


def _read(source: Path) -> pd.DataFrame:
    if not source.is_file():
        raise InputError(f"{source}: no such file; give the path of a .csv or .csv.gz")
    try:
        frame = pd.read_csv(source, dtype=str, na_filter=False)
        if not isinstance(frame.index, pd.RangeIndex):  # pandas took the surplus for an index
            raise ValueError("the rows have more cells than the header")
    except (ValueError, OSError, EOFError, zlib.error) as error:  # pandas' own are ValueErrors
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{source}: not a readable CSV file ({reason}); save it as comma-separated text, UTF-8"
        ) from None
    return frame


def _is_ours(name: str) -> bool:
    return name in COLUMNS or name.startswith("latency_")


def _mapping(columns: Iterable[str], known: Iterable[str], source: Path) -> dict[str, str]:
    """From our name to theirs."""
    mapping: dict[str, str] = {}
    for column in columns:
        left, equals, right = (part.strip() for part in column.partition("="))
        if not (left and equals and right):
            raise InputError(f"--column {column}: not of the form OURS=THEIRS; write it so")
        if not _is_ours(left) and not _is_ours(right):
            raise InputError(
                f"--column {column}: neither is a column of the table format; "
                + did_you_mean(left, [*COLUMNS, "latency_*"])
            )
        ours, theirs = (left, right) if _is_ours(left) else (right, left)
        if theirs not in known:
            raise InputError(
                f"--column {column}: {source} has no column {theirs!r}; "
                + did_you_mean(theirs, known)
            )
        if ours in mapping:
            raise InputError(f"--column {column}: {ours} is mapped twice; keep one of the two")
        mapping[ours] = theirs
    return mapping


def _values(cells: pd.Series[str], ours: str, source: Path) -> Any:
    if ours in CURVES and cells.str.startswith("[").any():
        return [_curve(cell, row, ours, source) for row, cell in enumerate(cells)]
    numbers = _numbers(cells, ours, source)
    return numbers[:, None] if ours in CURVES else numbers


def _numbers(cells: pd.Series[str], ours: str, source: Path) -> NDArray[Any]:
    if ours == "diverged":
        cells = cells.str.lower().replace({"true": "1", "false": "0"})
    numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64)
    if ours == "diverged":
        wrong, meaning = ~np.isin(numbers, (0, 1)), "true or false"
    elif ours in _WHOLE:
        whole = (np.abs(numbers) < _EXACT) & (numbers == np.round(numbers))
        wrong, meaning = ~whole, "a whole number"
    else:
        wrong, meaning = np.isnan(numbers), "a number"
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise _bad_cell(cells.iloc[row], row, ours, source, meaning)
    if ours == "diverged":
        return numbers.astype(np.bool_)
    return numbers.astype(np.int64) if ours in _WHOLE else numbers


def _curve(cell: str, row: int, ours: str, source: Path) -> list[float]:
    try:
        values = json.loads(cell)
        return [float(value) for value in (values if isinstance(values, list) else [values])]
    except (ValueError, TypeError):
        raise _bad_cell(cell, row, ours, source, "a number or a list of numbers") from None


def _bad_cell(cell: str, row: int, ours: str, source: Path, meaning: str) -> InputError:
    found = repr(shorten(cell, 60)) if cell.strip() else "empty"
    return InputError(f"{source}, row {row + 1}: {ours} is {found}, not {meaning}; mend the row")
