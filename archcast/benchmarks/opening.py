"""Tables by the name of a benchmark, or from files."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from archcast.benchmarks import registry as benchmarks
from archcast.benchmarks.benchmark import Benchmark
from archcast.benchmarks.table import Table, read_table
from archcast.core.errors import InputError, did_you_mean, foreign
from archcast.core.files import is_file
from archcast.core.spec import split_specs


def open_table(benchmark: str, dataset: str | None = None) -> Table:
    """The table of a benchmark, as `NAME` or `NAME:DATASET`, or of a Parquet file by path.

    It is read once. Without a data set it is the first one of the benchmark.

    Raises:
        InputError: no such benchmark, file or data set, or a file that is no table.
    """
    name, colon, named = benchmark.partition(":")
    if colon and name in benchmarks and dataset is None:
        benchmark, dataset = name, named
    if benchmark in benchmarks:
        datasets = benchmarks.get(benchmark).datasets
        if not datasets:
            raise InputError(f"benchmark {benchmark} has no data set; mend its package")
        dataset = dataset or datasets[0]
        if dataset not in datasets:
            mend = did_you_mean(dataset, datasets)
            raise InputError(f"benchmark {benchmark} has no data set {dataset!r}: {mend}")
        return _opened(benchmark, dataset)
    path = Path(benchmark)
    if not path.suffix and not is_file(path):
        benchmarks.entry(benchmark)  # says which names are near
    table = _opened(benchmark, None)
    if dataset not in (None, table.dataset):
        raise InputError(f"{path} holds data set {table.dataset!r}, not {dataset!r}")
    return table


def open_tables(text: str) -> dict[str, Table]:
    """Tables of several benchmarks, `NAME`, `NAME:DATASET` or a path each, by these; or of `all`.

    Those are every benchmark that is registered, each with its first data set.

    Raises:
        InputError: as `open_table`, or one is named twice.
    """
    names = [*benchmarks] if text == "all" else split_specs(text)
    tables: dict[str, Table] = {}
    for each in names:
        if each in tables:
            raise InputError(f"benchmark {each} is named twice; name it once")
        tables[each] = open_table(each)
    return tables


def _opened(benchmark: str, dataset: str | None) -> Table:
    """The table of a benchmark's data set; without one, of the file at this path as it is now."""
    if dataset is not None:
        return _kept(benchmark, dataset)
    path = Path(benchmark)
    try:
        state = path.stat()
    except OSError:
        return read_table(path)  # which says what is wrong
    return _kept(benchmark, None, str(path.resolve()), state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=16)
def _kept(benchmark: str, dataset: str | None, *file: str | int) -> Table:
    if dataset is None:
        return read_table(Path(benchmark))
    found = benchmarks.get(benchmark)
    table = _loaded(found, dataset, benchmark)
    table.name = benchmark
    table.source = benchmark if len(found.datasets) == 1 else f"{benchmark}:{dataset}"
    return table


def _loaded(benchmark: Benchmark, dataset: str, name: str) -> Table:
    with foreign(f"benchmark {name} can't be loaded"):
        table: object = benchmark.load(dataset)
    if not isinstance(table, Table):
        raise InputError(f"benchmark {name} gives no Table for {dataset!r}; mend its package")
    return table
