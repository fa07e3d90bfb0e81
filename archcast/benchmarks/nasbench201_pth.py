"""NAS-Bench-201's single file (Dong & Yang, 2020), the forerunner of NATS-Bench.

`NAS-Bench-201-v1_1-096897.pth` holds all cells in one object, with the records of NATS-Bench's
archive: `archcast.benchmarks.nats_bench` says what a row takes from where. The object can only be
read whole, which takes several times the 4.7 GB of the file in memory; the archive needs less than
1 GB.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import IO, Any

from archcast.benchmarks.nats_bench import GLOBALS, check_choice, record_rows, rows_to_table
from archcast.benchmarks.table import Table
from archcast.benchmarks.unpickler import SafeUnpickler
from archcast.core.errors import InputError, told
from archcast.core.files import is_file
from archcast.core.progress import track
from archcast.spaces.nasbench201 import SPACE

_KEYS = {"12": "less", "200": "full"}  # by epochs of training
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # torch's: a file of several pickles, not a zip archive


def convert_nasbench201(source: Path, dataset: str, hp: str = "200") -> Table:
    """Read the file `source`; absent cells are left out.

    Args:
        source: `NAS-Bench-201-v1_1-096897.pth`, or v1_0.
        dataset: one of `archcast.benchmarks.nats_bench.DATASETS`.
        hp: how many epochs the cells were trained: 12 or 200.

    Raises:
        InputError: an unknown data set or hp, no such file, or another content.
    """
    check_choice(dataset, hp)
    if not is_file(source):
        raise InputError(f"{source}: no such file; give NAS-Bench-201-v1_1-096897.pth")
    content = _read(source)
    records = content.get("arch2infos") if isinstance(content, dict) else None
    if not isinstance(records, dict) or {*map(type, records)} != {int}:
        raise InputError(f"{source}: no 'arch2infos' inside; give NAS-Bench-201-v1_1-096897.pth")
    if len(records) > SPACE.size:
        raise InputError(
            f"{source}: {len(records):,} cells, more than there are; get the file anew"
        )
    rows = (
        row
        for index in track(sorted(records), len(records), f"reading {source.name}")
        for row in record_rows(records[index], _KEYS[hp], dataset, f"{source}, cell {index}")
    )
    return rows_to_table(rows, dataset, hp, source)


def _read(source: Path) -> Any:
    """What `torch.save` wrote, in either of its two formats, as far as it holds no tensors."""
    try:
        if not zipfile.is_zipfile(source):
            with source.open("rb") as file:
                return _after_header(file, source)
        with zipfile.ZipFile(source) as archive:
            name = next((n for n in archive.namelist() if n.endswith("/data.pkl")), "data.pkl")
            if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
                raise ValueError("compressed, which torch's own are not")
            with archive.open(name) as file:
                return SafeUnpickler(file, GLOBALS, str(source)).load()
    except InputError:
        raise
    except (OSError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        raise InputError(f"{source}: can't be read ({told(error)}); get the file anew") from None


def _after_header(file: IO[bytes], source: Path) -> Any:
    magic, _protocol, _system = (SafeUnpickler(file, GLOBALS, str(source)).load() for _ in range(3))
    if type(magic) is not int or magic != _LEGACY_MAGIC:
        raise InputError(f"{source}: not written by torch; give NAS-Bench-201-v1_1-096897.pth")
    return SafeUnpickler(file, GLOBALS, str(source)).load()
