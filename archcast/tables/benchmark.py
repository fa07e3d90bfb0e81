"""Benchmarks: named sources of tables, and tables from files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from archcast.catalog import benchmarks
from archcast.errors import InputError, did_you_mean
from archcast.tables.table import Table, read_table


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Tables of one space on several data sets; the first is the default."""

    datasets: tuple[str, ...]
    load: Callable[[str], Table]


@lru_cache(maxsize=4)
def open_table(benchmark: str, dataset: str | None = None) -> Table:
    """The table of a benchmark by name, or of a Parquet file by path.

    Raises:
        InputError: no such benchmark, file or data set, or a file that is no table.
    """
    if benchmark in benchmarks:
        found = benchmarks.get(benchmark)
        dataset = dataset or found.datasets[0]
        if dataset not in found.datasets:
            mend = did_you_mean(dataset, found.datasets)
            raise InputError(f"benchmark {benchmark} has no data set {dataset!r}: {mend}")
        table = found.load(dataset)
        table.name = benchmark
        return table
    path = Path(benchmark)
    if not path.suffix and not path.exists():
        benchmarks.entry(benchmark)  # says which names are near
    table = read_table(path)
    if dataset not in (None, table.dataset):
        raise InputError(f"{path} holds data set {table.dataset!r}, not {dataset!r}")
    return table
