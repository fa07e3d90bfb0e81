"""The embedded benchmark: every NAS-Bench-201 cell, trained on small Fashion-MNIST images.

`docs/nasbench201-mini.md` says how it was made and what it is good for.
"""

from __future__ import annotations

from importlib.resources import as_file, files

from archcast.benchmarks.benchmark import Benchmark
from archcast.benchmarks.table import Table, read_table

FILE = "nasbench201-mini.parquet"


def load(dataset: str) -> Table:
    """The table: one row a run of one of the 6,466 cells that are not isomorphic."""
    with as_file(files("archcast.benchmarks") / "shipped" / FILE) as path:
        return read_table(path)


BENCHMARK = Benchmark(("fashion-mnist-14",), load)
