"""NAS-Bench-101's published file (Ying et al., 2019): every cell, trained three times.

`nasbench_full.tfrecord` has runs of 4, 12, 36 and 108 epochs, `nasbench_only108.tfrecord` the last.
A record is JSON: the cell's digest, how many epochs, the adjacency matrix row by row as digits, the
operations, and measurements as a message of protobuf in base64. Each run was measured before
training, half-way and at the end. A row of the table holds its end; half-way accuracy is a column
besides, as a point of that run and of no shorter one, whose learning rate would have gone down.

Accuracies are on 10,000 images each: of training, of validation, and of testing.
"""

from __future__ import annotations

import base64
import math
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from archcast.benchmarks.table import Table
from archcast.core.errors import InputError, told
from archcast.core.files import is_file
from archcast.core.json_text import read_json
from archcast.core.progress import track
from archcast.spaces.nasbench101 import SPACE

EPOCHS = ("4", "12", "36", "108")
DATASET = "cifar10"
MOST = 100_000  # bytes of a record, which has some two thousand
MOST_RUNS = 3  # of a cell
MEGABYTE = 1_000_000

Field = int | float | bytes


class Measured(NamedTuple):
    """A run at one time: epochs and seconds of training, and accuracies from 0 to 1."""

    epochs: float = 0.0
    seconds: float = 0.0
    train: float = 0.0
    valid: float = 0.0
    test: float = 0.0


def convert_nasbench101(source: Path, dataset: str, hp: str = "108") -> Table:
    """Read the file `source` record by record; what is cut off at its end is an error.

    Args:
        source: `nasbench_only108.tfrecord` or `nasbench_full.tfrecord`.
        dataset: `cifar10`; there is no other.
        hp: how many epochs the cells were trained: 4, 12, 36 or 108.

    Raises:
        InputError: an unknown data set or number of epochs, no such file, or another content.
    """
    if dataset != DATASET or hp not in EPOCHS:
        raise InputError(
            f"NAS-Bench-101 has no runs of {hp} epochs on {dataset!r}; it has {', '.join(EPOCHS)}"
            f" on {DATASET}"
        )
    if not is_file(source):
        raise InputError(f"{source}: no such file; give nasbench_only108.tfrecord")
    columns: dict[str, list[Any]] = {}
    size = math.ceil(source.stat().st_size / MEGABYTE)
    for _ in track(_megabytes(source, hp, columns), size, f"reading {source.name}, in MB"):
        pass
    if not columns:
        raise InputError(f"{source}: no runs of {hp} epochs; choose another --hp")
    texts = columns.pop("architecture")
    metadata = {
        "description": f"NAS-Bench-101, trained for {hp} epochs",
        "licence": "Apache-2.0",
        "source": "https://github.com/google-research/nasbench",
        "paper": "Ying et al., 2019: NAS-Bench-101: Towards Reproducible Neural Architecture"
        " Search",
    }
    return Table(SPACE, dataset, texts, columns, metadata, source=str(source))


def _megabytes(source: Path, hp: str, columns: dict[str, list[Any]]) -> Iterator[int]:
    """Append the rows of the file to columns; one by one, the megabytes that were read."""
    runs: Counter[str] = Counter()
    done = 0
    with source.open("rb") as file:
        for number, record in enumerate(_records(file, source), start=1):
            row = _row_of(record, hp, f"{source}, record {number}")
            if row is not None:
                row["seed"] = runs[row["architecture"]]
                runs[row["architecture"]] += 1
                if row["seed"] >= MOST_RUNS:
                    raise InputError(f"{source}, record {number}: its cell has more than 3 runs")
                for name, value in row.items():
                    columns.setdefault(name, []).append(value)
            if file.tell() > (done + 1) * MEGABYTE:
                done += 1
                yield done


def _records(file: IO[bytes], source: Path) -> Iterator[bytes]:
    """What stands in frames: eight bytes of length with their check, and four bytes behind."""
    while head := file.read(12):
        length, check = struct.unpack("<QI", head) if len(head) == 12 else (0, 0)
        if len(head) < 12 or check != _masked(head[:8]) or length > MOST:
            raise InputError(f"{source}: no TFRecord file, or cut; get the file anew")
        payload = file.read(length + 4)
        if len(payload) < length + 4:
            raise InputError(f"{source}: cut within its last record; get the file anew")
        yield payload[:length]


def _masked(data: bytes) -> int:
    """The check of TFRecord files: CRC-32C, turned and shifted."""
    check = crc32c(data)
    return ((check >> 15 | check << 17) + 0xA282EAD8) & 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """Castagnoli's cyclic redundancy check.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    check = 0xFFFFFFFF
    for byte in data:
        check ^= byte
        for _ in range(8):
            check = check >> 1 ^ (0x82F63B78 if check & 1 else 0)
    return check ^ 0xFFFFFFFF


def _row_of(record: bytes, hp: str, where: str) -> dict[str, Any] | None:
    """The row of a record; None of a run of other epochs.

    Raises:
        InputError: it is no record of the file.
    """
    try:
        return _row(record, hp)
    except (InputError, ValueError, TypeError, LookupError, ArithmeticError) as error:
        raise InputError(
            f"{where}: not one of NAS-Bench-101 ({told(error)}); get the file anew"
        ) from None


def _row(record: bytes, hp: str) -> dict[str, Any] | None:
    _, epochs, digits, operations, message = read_json(record.decode())
    if str(epochs) != hp:
        return None
    fields = list(_fields(base64.b64decode(message, validate=True)))
    measured = [_measured(value) for number, value in fields if number == 1]
    weights = [value for number, value in fields if number == 2]
    _, half, end = measured
    if end.epochs != epochs or len(weights) != 1:
        raise ValueError(f"measured after {end.epochs} epochs of {epochs}, {len(weights)} counts")
    return {
        "architecture": str(SPACE.parse(f"{digits}:{operations}")),
        "valid_accuracy": _percent(end.valid),
        "test_accuracy": _percent(end.test),
        "halfway_valid_accuracy": _percent(half.valid),
        "train_seconds": end.seconds,
        "parameters": int(weights[0]),
    }


def _measured(message: Field) -> Measured:
    if not isinstance(message, bytes):
        raise TypeError("a measurement is no message")
    values = {number: value for number, value in _fields(message) if isinstance(value, float)}
    return Measured(*(values.get(number, 0.0) for number in range(1, len(Measured._fields) + 1)))


def _percent(share: float) -> float:
    if not 0 <= share <= 1:
        raise ValueError(f"an accuracy of {share}")
    return 100.0 * share


def _fields(message: bytes) -> Iterator[tuple[int, Field]]:
    """Numbers and values of the fields of a message, of the kinds that are in the file."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        match kind:
            case 0:
                value, at = _varint(message, at)
                yield number, value
                continue
            case 1:
                size = 8
            case 2:
                size, at = _varint(message, at)
            case 5:
                size = 4
            case _:
                raise ValueError(f"a field of kind {kind}")
        part = message[at : at + size]
        if len(part) < size:
            raise ValueError("a message is cut")
        at += size
        if kind == 1:
            (decimal,) = struct.unpack("<d", part)
            if not math.isfinite(decimal):
                raise ValueError(f"a value of {decimal}")
            yield number, decimal
        else:
            yield number, part


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where it ends."""
    value = 0
    for place in range(10):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value, at
    raise ValueError("a number of a message does not end")
