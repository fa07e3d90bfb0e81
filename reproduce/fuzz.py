"""Hostile files and texts, at every reader: each is taken, or refused in one line.

    python -m reproduce.fuzz --inputs 1500 --seed 0

Inputs are whole ones with bytes changed, cut, doubled and replaced by what has broken readers
before, and bombs: small files that unpack to gigabytes, or that take for ever. What counts as a
fault: any exception but `InputError`, a message of several lines, ten seconds, a gigabyte, and a
file that is made or changed anywhere in the folder above the input. The exit status is 1 where
there was one.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import io
import json
import logging
import multiprocessing
import os
import pickle
import struct
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from archcast.benchmarks.csv_table import convert_csv
from archcast.benchmarks.nasbench201_pth import convert_nasbench201
from archcast.benchmarks.nats_bench import convert_nats_bench
from archcast.benchmarks.objective import made_objective, read_objectives
from archcast.benchmarks.table import read_table
from archcast.core.errors import InputError, told
from archcast.core.spec import parse_spec, split_specs
from archcast.evaluation.kept_measures import measured_of
from archcast.evaluation.record import Record
from archcast.making.journal import Journal
from archcast.making.supernet_training import Plan, _Training
from archcast.making.table_training import Setting
from archcast.predictors.predictor_text import to_predictor
from archcast.report.terminal import table_info, to_json
from archcast.search.strategy_text import to_strategy
from archcast.spaces import registry as spaces
from archcast.spaces.declared import declared_space
from archcast.studies.leaderboard import comparable, summarise
from archcast.studies.recommendation import shipped_sweep
from archcast.tasks.images import load_images
from archcast.testing.toys import BLUEPRINT, TASK
from archcast.zero_cost.score_store import ScoreFile
from tests.results import small_table

SECONDS, MEMORY = 10.0, 1_000_000_000
HOSTILE = (
    b"", b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"\x1b[31m", b"\n", b"\r\n", b"nan", b"NaN", b"-inf",
    b"1e999", b"9" * 400, b"9" * 5_000, b"-1", b"0", b"null", b"true", b"[]", b"{}", b"[" * 2_000,
    b'{"a":' * 2_000,
    b"(" * 1_000, b"[red]", b"[/]", b"../../x", b"%s%n", b"'", b'"', b",", b"=",
    b"__import__('os')",
    b"\xe2\x80\xae", b"\x7f\x80", b"1" * 70_000,
)  # fmt: skip
CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"
DAG = '{"operations": ["input", "conv", "output"], "edges": [[0, 1], [1, 2]]}'
SPACE = spaces.get("nasbench201")


# Whole inputs


@cache
def a_table() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.parquet"
        small_table(20).write(path)
        return path.read_bytes()


def a_csv() -> bytes:
    rows = [f'{CELL},{seed},{90 + seed},"[50.0, {60 + seed}]",3' for seed in range(5)]
    header = "architecture,seed,test_accuracy,valid_accuracy,kernel"
    return "\n".join([header, *rows, ""]).encode()


def a_cell() -> dict[str, object]:
    trained = {0: 1.0, 1: 50.0}
    evaluated = {f"{part}@{epoch}": 50.0 for part in ("x-valid", "ori-test") for epoch in (0, 1)}
    run = {
        "epochs": 2, "params": 1.0, "flop": 100.0, "train_times": trained, "latency": [0.1],
        "train_losses": trained, "train_acc1es": trained,
        "eval_losses": evaluated, "eval_acc1es": evaluated,
    }  # fmt: skip
    results = {(name, 777): run for name in ("cifar10-valid", "cifar10")}
    record = {"arch_str": CELL, "all_results": results}
    return dict.fromkeys(("12", "200", "less", "full"), record)


def archived(content: bytes, name: str = "a/data.pkl", kind: int = zipfile.ZIP_STORED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", kind) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


def images(**changes: object) -> bytes:
    part = {"images": np.arange(3 * 64, dtype=np.uint8).reshape(3, 8, 8), "labels": [0, 1, 2]}
    arrays = {f"{name}_{key}": part[key] for name in ("train", "valid", "test") for key in part}
    packed = io.BytesIO()
    np.savez(packed, **{**arrays, **changes})  # type: ignore[arg-type]
    return packed.getvalue()


def a_journal() -> bytes:
    curves = {
        f"{part}_{what}": [50.0] for part in ("train", "valid") for what in ("loss", "accuracy")
    }
    row = {"architecture": CELL, "seed": 0, **curves, "test_accuracy": 50.0, "parameters": 1}
    return b"".join(json.dumps(line).encode() + b"\n" for line in (provenance(), row))


@cache
def provenance() -> dict[str, str]:
    return Setting.mini(SPACE, "fashion-mnist-14", "cpu").provenance()


@cache
def a_record() -> Record:
    return shipped_sweep()[0]


@cache
def a_supernet() -> bytes:
    with TemporaryDirectory() as folder:
        training = _Training(Plan("uniform", 0), BLUEPRINT, TASK, "cpu", Path(folder))
        list(training.epochs())
        training._save()
        return training.path.read_bytes()


A_SCORE = b'{"what": 1}\n{"architecture": "a", "value": 1.0, "seconds": 0.1, "reason": ""}\n'
SPECS = (
    b"xgb(max_depth=6, encoding=one-hot)", b"sklearn(SVR(C=10), labels=raw)", b"column(parameters)",
    b"combine(xgb, parts=[rank-sum(proxies=[snip, nwot]), sotl-e])", b"evolution(batch=10)",
    b"loss(direction=min, valid=a, test=b)",
)  # fmt: skip
SPACES = (
    b'{"kind": "choices", "decisions": [{"name": "a", "options": [1, 2]},'
    b' {"name": "b", "low": 1, "high": 2}]}',
    b'{"kind": "dag", "operations": ["conv"], "nodes": 4,'
    b' "numbers": [{"name": "c", "low": 1, "high": 2}]}',
)
OBJECTIVES = b'[{"name": "loss", "direction": "min", "unit": "nats", "test": "loss"}]'


# Readers: what each does with the bytes in a folder of its own


def read_a_table(folder: Path, data: bytes) -> None:
    table_info(read_table(written(folder / "a.parquet", data)))


def read_csv(folder: Path, data: bytes) -> None:
    for space in ("nasbench201", "choices"):
        convert_csv(written(folder / "a.csv", data), space, "d", decisions=["kernel"])


def read_gz(folder: Path, data: bytes) -> None:
    convert_csv(written(folder / "a.csv.gz", data), "nasbench201", "d")


def read_cell(folder: Path, data: bytes) -> None:
    for hp in ("12", "200"):
        written(folder / "000000.pickle.pbz2", data)
        convert_nats_bench(folder, "cifar10", hp)


def read_pth(folder: Path, data: bytes) -> None:
    convert_nasbench201(written(folder / "a.pth", data), "cifar10")


def read_images(folder: Path, data: bytes) -> None:
    load_images(written(folder / "a.npz", data))


def read_journal(folder: Path, data: bytes) -> None:
    written(folder / "a.parquet.journal", data)
    journal = Journal(folder / "a.parquet", provenance())
    journal.__enter__()
    journal._file.close()
    journal._lock.release(force=True)


def read_record(folder: Path, data: bytes) -> None:
    record = a_record()
    written(folder / f"{record.job.key(record.table)}.json", data)
    to_json(summarise(comparable(measured_of(folder, record.table))))


def read_supernet(folder: Path, data: bytes) -> None:
    training = _Training(Plan("uniform", 0), BLUEPRINT, TASK, "cpu", folder)
    written(training.path, data)
    list(training.epochs())


def read_scores(folder: Path, data: bytes) -> None:
    ScoreFile(written(folder / "a.jsonl", data), '{"what": 1}')


def read_spec(_: Path, data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    for read in (to_predictor, to_strategy, lambda each: made_objective(*parse_spec(each))):
        try:
            for part in split_specs(text):
                read(part)
        except InputError as error:
            one_line(error)


def read_space(_: Path, data: bytes) -> None:
    space = declared_space(data.decode("utf-8", "surrogateescape"))
    for text in (data.decode("utf-8", "surrogateescape")[:500], DAG, "a=1,b=1.5"):
        try:
            space.canonical(space.parse(text))
        except InputError as error:
            one_line(error)


def read_graph(_: Path, data: bytes) -> None:
    space = declared_space('{"kind": "dag"}', [data.decode("utf-8", "surrogateescape")])
    space.canonical(space.parse(data.decode("utf-8", "surrogateescape")))


def read_goals(_: Path, data: bytes) -> None:
    read_objectives(data.decode("utf-8", "surrogateescape"), "source")


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def one_line(error: InputError) -> None:
    text = str(error)
    if "\n" in text or len(text) > 5_000:
        raise AssertionError(f"{len(text)} letters, several lines: {text[:200]!r}")


Reader = Callable[[Path, bytes], None]
READERS: dict[str, tuple[Reader, Callable[[], list[bytes]]]] = {
    "table": (read_a_table, lambda: [a_table()]),
    "csv": (read_csv, lambda: [a_csv()]),
    "csv.gz": (read_gz, lambda: [gzip.compress(a_csv())]),
    "NATS-Bench": (read_cell, lambda: [bz2.compress(pickle.dumps(a_cell(), n)) for n in (0, 2, 4)]),
    "pth": (
        read_pth,
        lambda: [archived(pickle.dumps({"arch2infos": {0: a_cell()}}, n)) for n in (0, 2, 4)],
    ),
    "images": (read_images, lambda: [images()]),
    "journal": (read_journal, lambda: [a_journal()]),
    "record": (read_record, lambda: [a_record().model_dump_json().encode()]),
    "supernet": (read_supernet, lambda: [a_supernet()]),
    "scores": (read_scores, lambda: [A_SCORE]),
    "spec": (read_spec, lambda: list(SPECS)),
    "space": (read_space, lambda: list(SPACES)),
    "graph": (read_graph, lambda: [DAG.encode()]),
    "objectives": (read_goals, lambda: [OBJECTIVES]),
}


# Bombs


def nested_keys() -> bytes:
    """A tuple of two of itself, fifty times, as a key: 2 ** 50 steps to hash."""
    return (
        b"\x80\x02)q\x00"
        + b"".join(b"h%bh%b\x86q%b" % ((bytes([n]),) * 2 + (bytes([n + 1]),)) for n in range(50))
        + b"}h\x32K\x01s."
    )


def colliding_ints() -> bytes:
    """Keys that have one hash: a dictionary of n of them takes n * n steps."""
    keys = (n * (2**61 - 1) for n in range(1, 40_000))
    items = (b"\x8a\x0b" + key.to_bytes(11, "little") + b"K\x01" for key in keys)
    return b"\x80\x02}(" + b"".join(items) + b"u."


def colliding_complexes() -> bytes:
    """The same by numbers of two parts, the one of which makes up for the other."""
    parts = ((-1_000_003 * n, n) for n in range(1, 40_000))
    numbers = (
        b"h\x00" + b"G%bG%b" % tuple(map(pack_double, each)) + b"\x86RK\x01" for each in parts
    )
    return b"\x80\x02c__builtin__\ncomplex\nq\x000}(" + b"".join(numbers) + b"u."


def pack_double(value: float) -> bytes:
    return struct.pack(">d", value)


def pairs_of_numbers() -> bytes:
    """Keys of two numbers each, whose hashes can be made to collide."""
    return pickle.dumps({(n, n): 1 for n in range(10)}, 2)


def many_results() -> bytes:
    """A cell with more results than there are data sets and seeds."""
    return pickle.dumps({"200": {"all_results": {("x", n): {} for n in range(100_000)}}}, 2)


def wide(rows: int, values: int) -> bytes:
    """Parquet of zeros, run-length encoded."""
    packed = io.BytesIO()
    column = pa.array([CELL]).take(pa.array(np.zeros(rows, dtype=np.int8)))
    curve = pa.ListArray.from_arrays(
        pa.array(np.arange(rows + 1, dtype=np.int32) * values), pa.array(np.zeros(rows * values))
    )
    said = {f"archcast.{key}": text for key, text in SAID.items()}
    table = pa.table({"architecture": column, "test_accuracy": np.zeros(rows), "x": curve})
    pq.write_table(table.replace_schema_metadata(said), packed, compression="zstd")
    return packed.getvalue()


SAID = {"space": "nasbench201", "dataset": "d", "format": "2"}


def odd_parquet(names: list[str], metadata: dict[bytes, bytes]) -> bytes:
    packed = io.BytesIO()
    schema = pa.schema([(name, pa.string()) for name in names], metadata)
    pq.write_table(pa.Table.from_arrays([pa.array([CELL])] * len(names), schema=schema), packed)
    return packed.getvalue()


def huge_text() -> bytes:
    packed = io.BytesIO()
    table = pa.table({"architecture": pa.array(["|" * 1_000_000]).take(pa.array([0] * 2_000))})
    said = {f"archcast.{key}": text for key, text in SAID.items()}
    pq.write_table(table.replace_schema_metadata(said), packed, compression="zstd")
    return packed.getvalue()


def encrypted(packed: bytes) -> bytes:
    """With the bit set that says so, here and in the directory."""
    found = bytearray(packed)
    for start, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = -1
        while (place := packed.find(start, place + 1)) >= 0:
            found[place + at] |= 1
    return bytes(found)


def other_compression(packed: bytes) -> bytes:
    found = bytearray(packed)
    for start, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        place = -1
        while (place := packed.find(start, place + 1)) >= 0:
            found[place + at : place + at + 2] = struct.pack("<H", 77)
    return bytes(found)


def raw_members() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("train", "valid", "test"):
            for what in ("images", "labels"):
                archive.writestr(f"{name}_{what}", b"raw")
    return packed.getvalue()


def huge_array(shape: str) -> bytes:
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".encode()
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header + b"\n"
    packed = io.BytesIO(images())
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("train_images.npy", array)
    return packed.getvalue()


def doubled_list() -> bytes:
    """A list of two of itself, forty times, where a number is wanted."""
    value: object = 1.0
    for _ in range(40):
        value = [value, value]
    cell = a_cell()
    cell["12"]["all_results"]["cifar10", 777]["params"] = value  # type: ignore[index]
    return pickle.dumps(cell, 4)


def bombs() -> Iterator[tuple[str, bytes]]:
    """Small files that took gigabytes or for ever, and what else broke readers."""
    memo = b"\x80\x02]r\xff\xff\xff\x7f."
    yield "table", odd_parquet(["architecture", "seed", "seed"], {})
    yield "table", odd_parquet(["architecture"], {b"archcast.space": b"\xff\xfe"})
    yield "table", odd_parquet(["architecture"], {b"archcast.\xff": b"x"})
    yield "csv.gz", a_csv()
    for packed in (gzip, bz2):
        yield "csv", packed.compress(a_csv())
    yield "csv", archived(a_csv())
    yield "csv", b",".join(b"c%d" % n for n in range(200_000)) + b"\n" + b"1," * 200_000
    yield "csv", b"architecture,test_accuracy,x\n%b,1,%b\n" % (CELL.encode(), b"[" * 100_000)
    yield "csv", b"architecture,test_accuracy\na,1,2,3\nb\n"
    yield "csv", b'architecture,test_accuracy\n"a,1\n'
    keys = nested_keys(), colliding_ints(), colliding_complexes(), pairs_of_numbers()
    for data in (*keys, many_results(), memo, doubled_list()):
        yield "NATS-Bench", bz2.compress(data)
        yield "pth", archived(data)
        yield "pth", archived(data, kind=zipfile.ZIP_DEFLATED)
        yield "pth", data
    for data in (images(), archived(b"x")):
        yield "images", encrypted(data)
        yield "images", other_compression(data)
        yield "pth", encrypted(data)
        yield "pth", other_compression(archived(b"x"))
    yield "images", raw_members()
    yield "images", huge_array("(1000000000000, 3, 3)")
    yield "images", b"\x93NUMPY"
    for depth in (100, 1_000, 100_000):
        for letter in (b"(", b"["):
            yield "spec", b"a" + letter * depth + b")]"[letter == b"[" :][:1] * depth
        yield "spec", b"xgb(max_depth=" + b"[" * depth + b"]" * depth + b")"
        yield "spec", b"ensemble(" * depth + b"xgb" + b")" * depth
        for name in ("space", "graph", "objectives", "record", "journal", "scores"):
            yield name, b"[" * depth
            yield name, b'{"kind":' * depth
    yield "spec", b"rf(n_estimators=" + b"9" * 5_000 + b")"
    yield "space", b'{"kind": "dag", "operations": ["a"], "nodes": 1000000000}'
    yield "space", b'{"kind": "dag", "operations": ["a"], "nodes": 1000}'
    yield "supernet", b""
    yield "supernet", pickle.dumps(7)
    yield "supernet", archived(pickle.dumps({"key": 1}))


def large_bombs() -> Iterator[tuple[str, bytes]]:
    """Those that take long to make."""
    zeros = b"0" * 300_000_000
    yield "table", wide(3_000_000, 0)
    yield "table", wide(1, 30_000_000)
    yield "table", huge_text()
    yield "csv.gz", gzip.compress(zeros)
    yield "csv.gz", gzip.compress(b"architecture,test_accuracy\n" + b"a,1\n" * 50_000_000)
    yield "NATS-Bench", bz2.compress(zeros)
    yield "pth", archived(zeros, kind=zipfile.ZIP_DEFLATED)
    yield "images", archived(zeros, "train_images.npy", zipfile.ZIP_DEFLATED)
    yield "images", huge_array("(4000000000, 1, 1)")
    sets = b"\x80\x04" + b"\x8f" * 900_000
    yield "NATS-Bench", bz2.compress(sets)
    yield "pth", archived(sets)


# Trials


def mutated(whole: bytes, rng: np.random.Generator) -> bytes:
    data = bytearray(whole)
    for _ in range(int(rng.integers(1, 5))):
        at, length = int(rng.integers(len(data) + 1)), int(rng.integers(1, 33))
        match rng.integers(6):
            case 0:
                for place in rng.integers(max(len(data), 1), size=3) if data else ():
                    data[place] ^= 1 << int(rng.integers(8))
            case 1:
                data = data[:at]
            case 2:
                data[at:at] = data[at : at + length] * int(rng.integers(1, 50))
            case 3:
                del data[at : at + length]
            case 4:
                data[at : at + length] = HOSTILE[rng.integers(len(HOSTILE))]
            case 5:  # a token of JSON, CSV or a spec, replaced whole
                parts = bytes(data).split(b",")
                parts[rng.integers(len(parts))] = HOSTILE[rng.integers(len(HOSTILE))]
                data = bytearray(b",".join(parts))
    return bytes(data)


def trials(inputs: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Mutants, of each reader as many, and all bombs."""
    yield from mutants(inputs, seed)
    yield from bombs()
    yield from large_bombs()


def mutants(inputs: int, seed: int) -> Iterator[tuple[str, bytes]]:
    rng = np.random.default_rng(seed)
    for number in range(inputs):
        name = [*READERS][number % len(READERS)]
        whole = READERS[name][1]()
        mutant = mutated(whole[rng.integers(len(whole))], rng)
        if name == "NATS-Bench" and rng.random() < 0.8:  # behind its checksum
            content = pickle.dumps(a_cell(), int(rng.integers(5)))
            mutant = bz2.compress(mutated(content, rng))
        yield name, mutant


def fault_of(name: str, data: bytes, above: Path) -> str | None:
    """What is wrong with how a reader takes an input, in a folder of its own in `above`."""
    folder = above / "inside"
    folder.mkdir()
    (above / "beside").write_text("untouched")
    start = perf_counter()
    fault = None
    try:
        READERS[name][0](folder, data)
    except InputError as error:
        try:
            one_line(error)
        except AssertionError as wrong:
            fault = str(wrong)
    except (Exception, RecursionError, SystemExit) as error:
        trace = error.__traceback__
        while trace and trace.tb_next:
            trace = trace.tb_next
        where = trace and f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        fault = f"{told(error)[:300]} ({where})"
    if (took := perf_counter() - start) > SECONDS:
        fault = f"{took:.0f} s"
    left = sorted(path.name for path in above.iterdir())
    if left != ["beside", "inside"] or (above / "beside").read_text() != "untouched":
        fault = f"files touched: {left}"
    return fault


def child(work: Connection) -> None:
    """Take one trial after another; answer with its fault, and the most memory that it took."""
    logging.disable()
    while (trial := work.recv()) is not None:
        Path("/proc/self/clear_refs").write_text("5")  # the peak is now what is taken now
        with TemporaryDirectory() as above:
            name, data = trial
            fault = fault_of(name, data, Path(above))
        status = Path("/proc/self/status").read_text()
        work.send((fault, 1_024 * int(status.partition("VmHWM:")[2].split()[0])))


class Child:
    """A process for trials, which is replaced when it hangs, dies or has grown."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.here, there = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self.process = context.Process(target=child, args=(there,), daemon=True)
        self.process.start()
        there.close()

    def fault_of(self, name: str, data: bytes) -> str | None:
        """As the function of this name; it does not return from a hang."""
        try:
            self.here.send((name, data))
            if not self.here.poll(60.0):
                raise EOFError
            fault, memory = self.here.recv()
        except (EOFError, ConnectionError):
            code = self.process.exitcode
            self.process.kill()
            self.process.join()
            self.start()
            return f"hangs, or dies ({code})"
        if memory > MEMORY:
            self.here.send(None)
            self.process.join()
            self.start()
            return fault or f"{memory / 1e9:.1f} GB"
        return fault  # type: ignore[no-any-return]


def main(inputs: int, seed: int) -> int:
    one, faults, tried = Child(), Counter[str](), Counter[str]()
    for name, data in trials(inputs, seed):
        tried[name] += 1
        if fault := one.fault_of(name, data):
            faults[name] += 1
            print(f"{name}, {len(data)} bytes, {data[:60]!r}: {fault}", flush=True)
    one.process.kill()
    for name, count in tried.items():
        print(f"{name}: {count} inputs, {faults[name]} faults")
    print(f"{tried.total()} inputs, {faults.total()} faults")
    return int(faults.total() > 0)


if __name__ == "__main__":
    os.environ["ARCHCAST_CACHE"] = (cache_folder := TemporaryDirectory()).name
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=1_500, help="beside the bombs")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    sys.exit(main(options.inputs, options.seed))
