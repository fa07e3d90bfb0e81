"""Make seconds and latencies of a benchmark comparable, where its runs were trained over weeks.

    python tools/level_seconds.py TABLE.parquet JOURNAL

Processor time drifts with what else a machine does, and several machines took turns. The journal of
a training holds its runs in the order in which they ended, and the table holds a run of seed 0 of
each architecture besides. What a run of the journal measured is divided by the median ratio of such
measurements to those of seed 0, over the runs that were trained around it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from archcast.benchmarks.table import Table, read_table

AROUND = 251  # runs: ten minutes of training


def levelled(table: Table, order: list[tuple[str, int]]) -> Table:
    """The table with the measurements of runs, named by architecture and seed, levelled."""
    owners = np.repeat(np.arange(len(table)), np.diff(table.starts))
    texts = [str(architecture) for architecture in table.architectures]
    names = [texts[owner] for owner in owners]
    row_of = {run: row for row, run in enumerate(zip(names, table.columns["seed"], strict=True))}
    rows = np.array([row_of[run] for run in order])
    first = np.array([row_of[name, 0] for name, _ in order])
    columns = dict(table.columns)
    for name in ("epoch_seconds", "latency_cpu"):
        columns[name] = _levelled(columns[name], rows, first)
    return Table(
        table.space, table.dataset, names, columns, table.metadata, table.objectives, table.source
    )


def _levelled(
    values: NDArray[np.float64], rows: NDArray[np.int64], first: NDArray[np.int64]
) -> NDArray[np.float64]:
    drift = median_filter(values[rows] / values[first], AROUND, mode="nearest")
    told = np.percentile(drift, (0, 50, 100)).round(2)
    print(f"{len(rows)} runs took {told[0]} to {told[2]} times as long, {told[1]} in the median")
    values = values.copy()
    values[rows] /= drift
    return values


if __name__ == "__main__":
    path, journal = map(Path, sys.argv[1:])
    runs = [json.loads(line) for line in journal.read_text().splitlines()[1:]]
    levelled(read_table(path), [(run["architecture"], run["seed"]) for run in runs]).write(path)
