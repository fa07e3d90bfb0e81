"""Benchmarks that archcast trained itself: a table each, which ships.

`docs/` has a page on each, of how it was made and what it is good for.
"""

from __future__ import annotations

from importlib.resources import as_file, files

from archcast.benchmarks.benchmark import Benchmark
from archcast.benchmarks.table import Table, read_table


def embedded(name: str, dataset: str) -> Benchmark:
    """The benchmark of the file of that name, of one data set; rows are runs."""

    def load(dataset: str) -> Table:
        with as_file(files("archcast.benchmarks") / "shipped" / f"{name}.parquet") as path:
            return read_table(path)

    return Benchmark((dataset,), load)


NASBENCH201_MINI = embedded("nasbench201-mini", "fashion-mnist-14")
NASBENCH101_MINI = embedded("nasbench101-mini", "fashion-mnist-14")
SIZE_MINI = embedded("size-mini", "fashion-mnist-14")
NASBENCH_MACRO_MINI = embedded("nasbench-macro-mini", "fashion-mnist-14")
DARTS_MINI = embedded("darts-mini", "fashion-mnist-14")
DARTS_RNN_MINI = embedded("darts-rnn-mini", "genesis")
NAGO_MINI = embedded("nago-mini", "fashion-mnist-14")
