"""Make a benchmark that ships of tables that `archcast benchmark train` made.

    python tools/ship_table.py NAME "what was trained on what" TABLE.parquet [OTHER-SEEDS.parquet]

Runs were trained over weeks, beside other work, and some on a GPU. Therefore each architecture's
seconds an epoch, its latency and its memory are measured anew, on one core of this machine, which
should do nothing else: the least of three measurements, the same for all runs of the architecture.
Seconds are those of ten batches, times the batches of an epoch.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial, reduce
from pathlib import Path

import numpy as np
import torch

from archcast.benchmarks.table import Table, read_table
from archcast.core.progress import track
from archcast.core.workers import one_thread
from archcast.making.ground_truth import setting_of
from archcast.making.trainer import train
from archcast.networks.table_networks import blueprint_of, renamed, task_of

SHIPPED = Path(__file__).parent.parent / "archcast" / "benchmarks" / "shipped"
TIMES = 3
BATCHES = 10


def measured_anew(table: Table) -> Table:
    blueprint, task = blueprint_of(table), task_of(table)
    assert blueprint is not None
    assert task is not None
    recipe, data = replace(setting_of(table, "cpu").recipe, epochs=1), dict(task.data("cpu"))
    seen = min(BATCHES * recipe.batch_size, task.size("train"))
    scale = task.size("train") / seen
    data |= {"train": data["train"].first(seen)}
    data["valid"] = data["test"] = data["valid"].first(1)
    found = {name: [np.inf] * len(table) for name in ("epoch_seconds", "latency_cpu", "memory")}
    with one_thread():
        for number in track([*range(len(table))] * TIMES, TIMES * len(table), "measuring"):
            architecture = table.architectures[number]
            build = partial(blueprint.network, architecture)
            run = train(build, str(architecture), 0, data, recipe, attack=None)
            measured = scale * run.epoch_seconds, run.latency, run.memory
            for least, value in zip(found.values(), measured, strict=True):
                least[number] = min(least[number], value)
    runs = np.diff(table.starts)
    columns = {name: values for name, values in table.columns.items() if name != "latency_cuda"}
    columns |= {name: np.repeat(values, runs) for name, values in found.items()}
    texts = [str(each) for each in np.repeat(np.array(table.architectures, object), runs)]
    return Table(
        table.space, table.dataset, texts, columns, renamed(table.metadata), table.objectives,
        table.source,
    )  # fmt: skip


if __name__ == "__main__":
    name, description, *paths = sys.argv[1:]
    tables = [read_table(Path(path)) for path in paths]
    shipped = measured_anew(reduce(Table.with_runs, tables))
    here = f"cpu (x86_64, one thread), PyTorch {torch.__version__}"
    trained = dict.fromkeys(table.metadata["device"] for table in tables)
    shipped.metadata |= {
        "description": description,
        "licence": "Apache-2.0",
        "device": f"{here}; trained on {' and '.join(trained)}",
    }
    shipped.write(SHIPPED / f"{name}.parquet")
