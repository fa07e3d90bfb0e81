"""What `measure` says of a folder's records, kept beside them: thousands are ranked in a second."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from archcast.benchmarks.table import Table
from archcast.core.errors import InputError
from archcast.core.files import replacing, sealed, unsealed
from archcast.core.identity import digest, made_of
from archcast.evaluation import registry as metrics
from archcast.evaluation.engine import run_job
from archcast.evaluation.job import Job, Planned
from archcast.evaluation.measure import measure, versions_in
from archcast.evaluation.metrics import KENDALL_TAU
from archcast.evaluation.record import Record, RecordStore, say_what_is_mixed
from archcast.evaluation.runner import run_missing, say_what_is_reused
from archcast.evaluation.split_means import SplitTau

NAME = ".measured.parquet"
FILE = ["mtime", "size"]  # of a record's file, in nanoseconds and bytes
_ARRAYS = ["split_tau", "predictions", "truths"]  # as bytes in the file, of the first its influence
_MADE_OF = b"archcast.made_of"


def measured(store: RecordStore[Record], keys: Iterable[str] | None = None) -> pd.DataFrame:
    """As `measure`, of the records of `keys` that there are, or of all; the index is the key.

    Records that were measured before, and whose files are as they were then, are not read again.
    """
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
    return known.loc[[key for key in files if key in there]].drop(columns=FILE)


def measured_jobs(
    planned: Sequence[Planned[Job]],
    table: Table,
    store: RecordStore[Record],
    workers: int | Executor = 1,
    retry: bool = True,
) -> pd.DataFrame:
    """As `run_jobs` and then `measure`; a row a job."""
    keys = {each.job.key(table.hash): each for each in planned}
    known = measured(store, keys)
    kept = known[known["error"].isna()] if retry else known
    say_what_is_reused(len(kept), len(keys), store)
    done = set(kept.index)
    todo = {key: each for key, each in keys.items() if key not in done}
    if todo:
        run_missing(todo, table, store, run_job, workers)
        known = measured(store, keys)
    say_what_is_mixed(versions_in(known))
    return known


def measured_of(folder: Path, table: str) -> pd.DataFrame:
    """Of all records that a folder has of the table with this hash; none where it is no folder."""
    if not folder.is_dir():
        return measure([])
    found = measured(RecordStore(folder, Record))
    found = found[found["table"] == table]
    say_what_is_mixed(versions_in(found))
    return found


def _made_of() -> bytes:
    return digest([made_of(measure), made_of(metrics.all())]).encode()


def _read(path: Path) -> pd.DataFrame:
    """What was kept, nothing where that is of other code, is broken, or is no such file."""
    nothing = measure([]).assign(mtime=[], size=[])
    try:
        table = pq.ParquetFile(pa.py_buffer(unsealed(path))).read()
        if (table.schema.metadata or {}).get(_MADE_OF) != _made_of():
            return nothing
        found: pd.DataFrame = table.to_pandas().set_index("key").rename_axis(None)
        arrays = {
            name: [None if each is None else np.frombuffer(each) for each in found[name]]
            for name in _ARRAYS
        }
        taus = zip(found[KENDALL_TAU.column], arrays["split_tau"], strict=True)
        made = {**arrays, "split_tau": [None if a is None else SplitTau(t, a) for t, a in taus]}
        found = found.assign(**{name: pd.Series(each, found.index) for name, each in made.items()})
        return found[[*nothing]]
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        return nothing


def _write(path: Path, frame: pd.DataFrame) -> None:
    """Keep a frame, unless the folder is closed: then it is measured again."""

    def packed(array: Any) -> bytes | None:
        return None if array is None else np.asarray(array, dtype=np.float64).tobytes()

    flat = frame.rename_axis("key").reset_index()
    flat["split_tau"] = [None if tau is None else tau.influence for tau in flat["split_tau"]]
    for name in _ARRAYS:
        flat[name] = [packed(array) for array in flat[name]]
    table = pa.Table.from_pandas(flat, preserve_index=False)
    table = table.replace_schema_metadata({**table.schema.metadata, _MADE_OF: _made_of()})
    content = pa.BufferOutputStream()
    pq.write_table(table, content, compression="none")
    with suppress(InputError), replacing(path) as aside:
        aside.write_bytes(sealed(content.getvalue().to_pybytes()))
