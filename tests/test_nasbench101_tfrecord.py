"""The published file of NAS-Bench-101, from bytes that are written here by its definition."""

from __future__ import annotations

import base64
import contextlib
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archcast.benchmarks.nasbench101_tfrecord import _fields, convert_nasbench101, crc32c
from archcast.benchmarks.table import read_table
from archcast.cli import main
from archcast.core.errors import InputError
from archcast.spaces.nasbench101 import SPACE, official_hash

FIRST = (  # of the published file
    "0100110001000000010010000010000001000000010000000",
    "input,conv3x3-bn-relu,maxpool3x3,conv3x3-bn-relu,conv3x3-bn-relu,conv1x1-bn-relu,output",
)
SECOND = "010001000", "input,conv1x1-bn-relu,output"


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def decimal(number: int, value: float) -> bytes:
    return varint(number << 3 | 1) + struct.pack("<d", value)


def part(number: int, value: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(value)) + value


def message(epochs: int, start: float, weights: int = 8_555_530) -> bytes:
    """A run: fields that are 0 are left out, as protobuf does; a path is there, and is skipped."""
    times = (0.0, epochs / 2, float(epochs))
    measured = b""
    for at, time in enumerate(times):
        fields = [time, 10 * time, (start + at) / 10, (start + at) / 20, (start + at) / 40]
        written = b"".join(decimal(n, value) for n, value in enumerate(fields, 1) if value)
        measured += part(1, written + part(6, b"/some/model.ckpt"))
    return measured + varint(2 << 3) + varint(weights) + decimal(3, 413.7)


GOOD = base64.b64encode(message(108, 1.0)).decode()


def record(cell: tuple[str, str], epochs: int, start: float, **changes: object) -> bytes:
    digest = official_hash(SPACE.parse(":".join(cell)))
    content = base64.b64encode(message(epochs, start)).decode()
    return json.dumps([digest, epochs, *cell, changes.get("content", content)]).encode()


def framed(payload: bytes) -> bytes:
    def check(data: bytes) -> bytes:
        crc = crc32c(data)
        return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)

    length = struct.pack("<Q", len(payload))
    return length + check(length) + payload + check(payload)


def written(path: Path, *records: bytes) -> Path:
    path.write_bytes(b"".join(map(framed, records)))
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    runs = [(cell, epochs, start) for cell in (FIRST, SECOND) for epochs in (4, 108)
            for start in (1.0, 2.0, 3.0)]  # fmt: skip
    return written(tmp_path / "nasbench_full.tfrecord", *(record(*each) for each in runs))


def test_runs_are_rows(source: Path, tmp_path: Path) -> None:
    table = convert_nasbench101(source, "cifar10")
    assert {str(each) for each in table.architectures} == {":".join(FIRST), ":".join(SECOND)}
    at = int(table.starts[table.index(SPACE.parse(":".join(FIRST)))])
    assert table.columns["seed"][at : at + 3].tolist() == [0, 1, 2]
    np.testing.assert_allclose(table.columns["valid_accuracy"][at : at + 3], [15, 20, 25])
    np.testing.assert_allclose(table.columns["test_accuracy"][at : at + 3], [7.5, 10, 12.5])
    np.testing.assert_allclose(table.columns["halfway_valid_accuracy"][at : at + 3], [10, 15, 20])
    assert table.columns["parameters"][at] == 8_555_530
    assert table.columns["train_seconds"][at] == 1_080
    table.write(tmp_path / "table.parquet")
    assert read_table(tmp_path / "table.parquet").hash == table.hash
    short = convert_nasbench101(source, "cifar10", "4")
    assert set(short.columns["train_seconds"].tolist()) == {40}


def test_from_the_command_line(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "nb101.parquet"
    words = ["table", "convert", str(source), str(out), "--from", "nasbench101"]
    monkeypatch.setattr("sys.argv", ["archcast", *words, "--dataset", "cifar10"])
    with pytest.raises(SystemExit) as done:
        main()
    assert not done.value.code
    assert len(read_table(out)) == 2


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda whole: whole[:-3], "cut within its last record"),
        (lambda whole: whole[:6], "no TFRecord file, or cut"),
        (lambda whole: b"\x01" + whole[1:], "no TFRecord file, or cut"),
        (lambda whole: framed(b"[" * 90_000), "record 1: not one of NAS-Bench-101"),
        (lambda whole: framed(b'["a", 108]'), "record 1: not one of NAS-Bench-101"),
        (
            lambda whole: whole + framed(record(FIRST, 108, 1.0)),
            "record 13: its cell has more than",
        ),
        (
            lambda whole: framed(json.dumps(["", 108, "0000", "input,output", GOOD]).encode()),
            "no path leads",
        ),
        (lambda whole: framed(record(FIRST, 108, 19.0)), "an accuracy of"),
        (lambda whole: framed(record(FIRST, 108, 1.0, content="AA=")), "not one of NAS-Bench-101"),
    ],
)
def test_what_is_no_such_file_is_told(source, spoil, why) -> None:  # type: ignore[no-untyped-def]
    source.write_bytes(spoil(source.read_bytes()))
    with pytest.raises(InputError, match=why):
        convert_nasbench101(source, "cifar10")


def test_choices_are_checked(source: Path) -> None:
    with pytest.raises(InputError, match="no runs of 200 epochs on 'cifar10'; it has 4, 12"):
        convert_nasbench101(source, "cifar10", "200")
    with pytest.raises(InputError, match="no runs of 36 epochs; choose another --hp"):
        convert_nasbench101(source, "cifar10", "36")
    with pytest.raises(InputError, match="no such file"):
        convert_nasbench101(source.with_name("none"), "cifar10")


@given(st.binary(max_size=60))
def test_odd_messages_end_in_an_error_or_not_at_all(content: bytes) -> None:
    with contextlib.suppress(ValueError):
        list(_fields(content))
