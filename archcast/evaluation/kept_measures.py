"""What `measure` says of a folder's records, kept beside them: thousands are ranked in a second."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.ipc

from archcast.benchmarks.table import Table
from archcast.core.errors import InputError
from archcast.core.files import replacing, sealed, unsealed
from archcast.core.identity import digest, made_of
from archcast.evaluation import registry as metrics
from archcast.evaluation.engine import run_job
from archcast.evaluation.job import Job, Planned
from archcast.evaluation.measure import SPLIT, measure, versions_in
from archcast.evaluation.metrics import KENDALL_TAU
from archcast.evaluation.record import (
    Record,
    RecordStore,
    say_what_differs,
    say_what_is_older,
)
from archcast.evaluation.runner import run_missing, say_what_is_reused
from archcast.evaluation.split_means import SplitTau
from archcast.predictors.predictor import Vector

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

View = Callable[[pd.DataFrame, "Console"], "RenderableType | None"]

NAME = ".measured.arrow"
FILE = ["mtime", "size"]  # of a record's file, in nanoseconds and bytes
_ASKED = [*SPLIT, "predictor", "train_size", "epochs", "label"]
_ARRAYS = ["split_tau", "predictions", "truths"]  # numbers in the file; of the first its influence
_MADE_OF = b"archcast.made_of"


def measured(store: RecordStore[Record], keys: Iterable[str] | None = None) -> pd.DataFrame:
    """As `measure`, of the records of `keys` that there are, or of all; the index is the key.

    Records that were measured before, and whose files are as they were then, are not read again.
    """
    return _with_files(store, keys).drop(columns=FILE)


def _with_files(store: RecordStore[Record], keys: Iterable[str] | None = None) -> pd.DataFrame:
    """As `measured`, with what is known of the files."""
    files = store.files(keys)
    kept = _read(store.folder / NAME)
    stands = zip(kept.index, kept["mtime"], kept["size"], strict=True)
    same = np.fromiter((files.get(key) == (time, size) for key, time, size in stands), dtype=bool)
    known = kept[same]
    there = set(known.index)
    new = {key: record for key in files.keys() - there if (record := store.load(key))}
    if new:
        rows = measure(new.values()).set_index(pd.Index(new))
        rows[FILE] = [files[key] for key in new]
        others = kept[~kept.index.isin([*there, *new])]
        known = pd.concat([each for each in (known, rows) if len(each)])
        _write(store.folder / NAME, pd.concat([each for each in (others, known) if len(each)]))
        there |= new.keys()
    return known.loc[[key for key in files if key in there]]


def measured_jobs(
    planned: Sequence[Planned[Job]],
    table: Table,
    store: RecordStore[Record],
    workers: int | Executor = 1,
    retry: bool = True,
    view: View | None = None,
) -> pd.DataFrame:
    """As `run_jobs` and then `measure`; a row a job.

    What `view` makes of the rows so far is shown on a terminal while others are made.
    """
    keys = {each.job.key(table.hash): each for each in planned}
    known = measured(store, keys)
    kept = known[known["error"].isna()] if retry else known
    say_what_is_reused(len(kept), len(keys), store)
    done = set(kept.index)
    todo = {key: each for key, each in keys.items() if key not in done}
    if todo:

        def above(records: Sequence[Record], console: Console) -> RenderableType | None:
            assert view is not None
            rows = [each for each in (kept, measure(records)) if len(each)]
            return view(pd.concat(rows), console) if rows else None

        run_missing(todo, table, store, run_job, workers, view and above)
        known = measured(store, keys)
    _say_what_is_mixed(known)
    return known


def measured_of(folder: Path, table: str) -> pd.DataFrame:
    """Of the records that a folder has of the table with this hash; none where it is no folder.

    Of several that were asked the same, by other code or on another device, it is the newest.
    """
    if not folder.is_dir():
        return measure([])
    found = _with_files(RecordStore(folder, Record))
    found = found[found["table"] == table]
    older = found.sort_values("mtime", kind="stable").duplicated(_ASKED, keep="last")
    say_what_is_older(int(older.sum()), folder)
    found = found[~older.loc[found.index]].drop(columns=FILE)
    _say_what_is_mixed(found)
    return found


def _say_what_is_mixed(measured: pd.DataFrame) -> None:
    say_what_differs(versions_in(measured), measured["machine"][measured["error"].isna()])


def _made_of() -> bytes:
    return digest([made_of(measure), made_of(metrics.all())]).encode()


def _read(path: Path) -> pd.DataFrame:
    """What was kept, nothing where that is of other code, is broken, or is no such file."""
    nothing = measure([]).assign(mtime=[], size=[])
    try:
        table = pa.ipc.open_file(pa.py_buffer(unsealed(path))).read_all()
        if (table.schema.metadata or {}).get(_MADE_OF) != _made_of():
            return nothing
        table.validate(full=True)
        arrays = {name: _views(table[name]) for name in _ARRAYS}
        found = table.drop_columns(_ARRAYS).to_pandas().set_index("key").rename_axis(None)
        taus = zip(found[KENDALL_TAU.column], arrays["split_tau"], strict=True)
        made = {**arrays, "split_tau": [None if a is None else SplitTau(t, a) for t, a in taus]}
        found = found.assign(**{name: pd.Series(each, found.index) for name, each in made.items()})
        rows: pd.DataFrame = found[[*nothing]]
        return rows
    except (OSError, pa.ArrowException, AttributeError, KeyError, TypeError, ValueError):
        return nothing


def _views(column: pa.ChunkedArray) -> list[Vector | None]:
    """The numbers of each row; None where there are none."""
    found: list[Vector | None] = []
    for chunk in column.chunks:
        values, bounds = chunk.values.to_numpy(), chunk.offsets.to_pylist()
        known = chunk.is_valid().to_pylist()
        parts = zip(known, bounds[:-1], bounds[1:], strict=True)
        found += [values[start:end] if there else None for there, start, end in parts]
    return found


def _write(path: Path, frame: pd.DataFrame) -> None:
    """Keep a frame, unless the folder is closed: then it is measured again."""
    flat = frame.rename_axis("key").reset_index()
    flat["split_tau"] = [None if tau is None else tau.influence for tau in flat["split_tau"]]
    table = pa.Table.from_pandas(flat.drop(columns=_ARRAYS), preserve_index=False)
    for name in _ARRAYS:
        table = table.append_column(name, pa.array(flat[name], pa.list_(pa.float64())))
    table = table.replace_schema_metadata({**table.schema.metadata, _MADE_OF: _made_of()})
    content = pa.BufferOutputStream()
    with pa.ipc.new_file(content, table.schema) as file:
        file.write_table(table)
    with suppress(InputError), replacing(path) as aside:
        aside.write_bytes(sealed(content.getvalue().to_pybytes()))
