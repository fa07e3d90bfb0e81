"""Odd input at the doors of spaces, tables, objectives and predictors that are data.

`python -m tests.doors 1500` tries that many; the suite tries some. Each ends well or in an
`InputError` of one line, within 10 seconds and 1 GB.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from archcast.benchmarks.csv_table import convert_csv
from archcast.benchmarks.objective import made_objective
from archcast.benchmarks.table import Table, read_table
from archcast.core.errors import LONGEST, InputError
from archcast.core.spec import parse_spec
from archcast.evaluation.engine import run_job
from archcast.networks.table_networks import blueprint_of, task_of
from archcast.predictors.helpers.telling_views import look
from archcast.report.terminal import table_info
from archcast.spaces import registry as spaces
from archcast.spaces.declared import declared_space
from archcast.spaces.space import Space
from archcast.studies.experiment import Experiment

SECONDS, MOST = 10.0, 1e9  # seconds, and bytes more than before

CHOICES = {
    "kind": "choices",
    "decisions": [
        {"name": "kernel", "options": [3, 5, 7], "ordered": True},
        {"name": "act", "options": ["gelu", "relu"]},
        {"name": "rate", "low": 0.001, "high": 1.0, "log": True},
    ],
}
DAG = {"kind": "dag", "operations": ["input", "a", "b", "output"], "nodes": 6, "numbers": []}
GRAPH = {"operations": ["input", "a", "b", "output"], "edges": [[0, 1], [1, 2], [0, 2], [2, 3]]}
OBJECTIVE = {
    "name": "loss", "direction": "min", "unit": "nats", "valid": "nlls", "test": "nll",
    "curve": "nlls",
}  # fmt: skip
CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|"
ODD: list[Any] = [
    None, True, False, 0, -1, 2**31, 2**63, 10**400, 1e308, 5e-324, 0.5, "", " ", "a", "input",
    "output", "\n", "\udc80", "\x1b[31m", "[bold]", "é", "a" * 5_000, "=", ",", "a=b", "1", "NaN",
    "__import__('os').system('touch boom')", [], [[]], {}, {"kind": "dag"}, [0, 0], [1, 0], [0, 99],
    [None], ["a"] * 300, list(range(300)), {"a": {"b": []}}, "9" * 5_000,
]  # fmt: skip


def mutated(value: Any, rng: random.Random) -> Any:
    """A value of JSON with something in it replaced, left out, doubled or added."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice([*value])
        kind = rng.random()
        if kind < 0.15:
            return {k: v for k, v in value.items() if k != key}
        if kind < 0.25:
            return {**value, rng.choice(["kind", "nodes", "x", "", "low", "log"]): rng.choice(ODD)}
        return {**value, key: mutated(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.85:
        at = rng.randrange(len(value))
        kind = rng.random()
        if kind < 0.15:
            return value[:at] + value[at + 1 :]
        if kind < 0.3:
            return value + value[at:] * rng.choice([1, 1, 100])
        return [*value[:at], mutated(value[at], rng), *value[at + 1 :]]
    return rng.choice(ODD)


def scratched(text: str, rng: random.Random) -> str:
    """Text with letters replaced, left out, doubled or put in."""
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = rng.randrange(len(text) + 1)
        middle = rng.choice(["", text[at : at + 20] * 2, *'{}[]()",:=|~+\n 0é\x00', "1e999", "NaN"])
        text = text[:at] + middle + text[at + rng.choice([0, 1, 1, 10]) :]
    return text


def as_text(value: Any, rng: random.Random) -> str:
    text = json.dumps(value)
    deep = rng.choice([0] * 30 + [1_000, 100_000])
    text = "[" * deep + text + "]" * deep
    return scratched(text, rng) if rng.random() < 0.2 else text


def use(space: Space, texts: list[str]) -> None:
    """All that is asked of a space."""
    rng = np.random.default_rng(0)
    architectures = space.sample(3, rng)
    for text in texts:
        architectures.append(space.parse(text))
    for each in architectures:
        assert space.parse(str(each)) == each
        space.canonical(each)
        space.mutate(each, rng)
        list(space.neighbours(each))[:5]
    space.graphs(architectures)
    look("auto", architectures, np.arange(len(architectures)))(architectures)
    assert declared_space(space.declaration).declaration == space.declaration


def a_space_of_choices(rng: random.Random, folder: Path) -> None:
    text = as_text(mutated(CHOICES, rng), rng)
    use(declared_space(text), [])
    architecture = "kernel=3,act=relu,rate=0.1"
    use(declared_space(json.dumps(CHOICES)), [scratched(architecture, rng)])


def a_space_of_graphs(rng: random.Random, folder: Path) -> None:
    space = mutated(DAG, rng) if rng.random() < 0.5 else {"kind": "dag"}
    graph = mutated(GRAPH, rng) if rng.random() < 0.8 else GRAPH
    texts = [as_text(graph, rng), json.dumps(GRAPH)]
    use(declared_space(as_text(space, rng), texts), texts)


def an_architecture(rng: random.Random, folder: Path) -> None:
    """Of a space that is code; it is parsed and never evaluated."""
    for name in spaces:
        space = spaces.get(name)
        text = str(space.sample(1, np.random.default_rng(rng.randrange(99)))[0])
        attack = f"__import__('os').system('touch {folder}/boom')"
        text = rng.choice([scratched(text, rng), attack, f"[{attack}]", text * 2])
        space.parse(text)


def a_table(rng: random.Random, folder: Path) -> None:
    """Of format 2, of which metadata or columns are odd."""
    n = 12
    objectives: Any = [OBJECTIVE]
    metadata = {
        "space": json.dumps(CHOICES), "dataset": "d", "format": "2", "description": "",
        "objectives": json.dumps(objectives), "images": "fashion-mnist-14", "scale": "mini",
        "shape": "[1, 14, 14]", "classes": "10", "recipe": "{}",
    }  # fmt: skip
    key = rng.choice([*metadata])
    value: Any = {"space": CHOICES, "objectives": objectives}.get(key)
    metadata[key] = as_text(mutated(value, rng), rng) if value else str(rng.choice(ODD))
    if rng.random() < 0.1:
        del metadata[key]
    space = declared_space(json.dumps(CHOICES))
    texts = [str(each) for each in space.sample(n, np.random.default_rng(0))]
    losses = np.linspace(1.0, 2.0, n)
    columns: dict[str, Any] = {
        "architecture": texts,
        "seed": [0] * n,
        "nll": losses,
        "nlls": [[value + 1, value] for value in losses],
        "epoch_seconds": [1.0] * n,
    }
    if rng.random() < 0.5:
        name = rng.choice([*columns])
        cells = [None, b"x", {"a": 1}, [["a"]], "", np.nan, np.inf, [], True, 2**62]
        odd = rng.choice([None, *([cell] * n for cell in cells)])
        columns = {k: v for k, v in columns.items() if k != name} | ({name: odd} if odd else {})
    if rng.random() < 0.3:
        columns[rng.choice(["[bold]x", "", "\x1b[2J", "a" * 300])] = losses
    path = folder / "table.parquet"
    try:
        made = pa.table(columns).replace_schema_metadata(
            {f"archcast.{k}".encode(): v.encode("utf-8", "replace") for k, v in metadata.items()}
        )
        pq.write_table(made, path)
    except (pa.ArrowException, UnicodeError):
        return
    table = read_table(path)
    look_at(table)
    table.write(folder / "again.parquet")
    assert read_table(folder / "again.parquet").hash == table.hash


def look_at(table: Table) -> None:
    table_info(table)
    table.remarks()
    for objective in table.objectives:
        for part in ("valid", "test"):
            try:
                table.values(objective, part)  # type: ignore[arg-type]
            except InputError:
                continue
    blueprint_of(table)
    task_of(table)
    experiment = Experiment(
        table, "random,bayes-lin-reg", (4,), test_size=4, repeats=1, device="cpu"
    )
    for planned in experiment.plan()[0]:
        run_job(planned, table)


def an_objective(rng: random.Random, folder: Path) -> None:
    """As the option `--objective` gives it, of a CSV file."""
    given = [f"{k}={v}" for k, v in OBJECTIVE.items() if k != "name"]
    at = rng.randrange(len(given))
    odd = [str(rng.choice(ODD)), "nll", "architecture", "seed", "none", "[valid, test]", "{}"]
    given[at] = f"{given[at].partition('=')[0]}={rng.choice(odd)}"
    text = f"loss({', '.join(given)})"
    text = scratched(text, rng) if rng.random() < 0.3 else text
    texts = [str(each) for each in spaces.get("nasbench201").sample(9, np.random.default_rng(0))]
    rows = [f'{text},{at}.5,"[{at}.5, {at}]"' for at, text in enumerate(texts)]
    path = folder / "runs.csv"
    path.write_text("\n".join(["architecture,nll,nlls", *rows]))
    look_at(convert_csv(path, "nasbench201", "d", objectives=[made_objective(*parse_spec(text))]))


def a_column(rng: random.Random, folder: Path) -> None:
    """The predictor `column(...)`, and others with odd parameters."""
    odd = [json.dumps(each) if isinstance(each, str) else str(each) for each in ODD]
    names = ["parameters", "nll", "nlls", "seed", "architecture", "latency", "-parameters", *odd]
    text = f"column({rng.choice(['', 'column=', 'x='])}{rng.choice(names)})"
    text = scratched(text, rng) if rng.random() < 0.3 else text
    cells = spaces.get("nasbench201").sample(12, np.random.default_rng(0))
    numbers = np.arange(12.0)
    table = Table(
        cells[0].space, "d", [*map(str, cells)],
        {"nll": numbers, "nlls": np.column_stack([numbers + 1, numbers]), "parameters": numbers,
         "latency_a": numbers, "latency_b": numbers},
        objectives=[made_objective("loss", {k: v for k, v in OBJECTIVE.items() if k != "name"})],
    )  # fmt: skip
    experiment = Experiment(table, text, (4,), test_size=4, repeats=1, device="cpu")
    for planned in experiment.plan()[0]:
        run_job(planned, table)


DOORS: list[Callable[[random.Random, Path], None]] = [
    a_space_of_choices, a_space_of_graphs, an_architecture, a_table, an_objective, a_column,
]  # fmt: skip


def trials(first: int, last: int) -> Iterator[str]:
    """What went wrong, a line each; the seed of each trial stands in it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seed in range(first, last):
            rng = random.Random(seed)
            door = DOORS[seed % len(DOORS)]
            begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            try:
                door(rng, folder)
            except InputError as error:
                if "\n" in str(error) or len(str(error)) > LONGEST + 10:
                    yield f"{seed} {door.__name__}: {str(error)[:200]!r} is no line"
            except Exception as error:
                yield f"{seed} {door.__name__}: {type(error).__name__}: {str(error)[:200]}"
            grown = 1_024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
            if (took := time.monotonic() - begun) > SECONDS or grown > MOST:
                yield f"{seed} {door.__name__}: {took:.0f} s, {grown / 1e6:.0f} MB"
            if (folder / "boom").exists() or Path("boom").exists():
                yield f"{seed} {door.__name__}: ran what it was given"


if __name__ == "__main__":
    found = 0
    for fault in trials(0, int(sys.argv[1])):
        print(fault, flush=True)
        found += 1
    print(f"{found} faults in {sys.argv[1]} trials")
    sys.exit(bool(found))
