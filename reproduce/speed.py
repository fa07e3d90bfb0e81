"""How long commands take that compute nothing new.

    python -m reproduce.speed

Wall and processor seconds, the least of three runs each: `--help`, `list predictors`, a leaderboard
of 5,000 results that are there (of made-up predictions), and the page of the sweep that ships.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from archcast.benchmarks.opening import open_table
from archcast.cli.options import DEFAULT_BENCHMARK
from archcast.evaluation.engine import split, truth_of
from archcast.evaluation.record import Cost, Record, save_record
from archcast.studies.experiment import Experiment
from archcast.studies.recommendation import shipped_sweep
from reproduce.page import table

REPEATS = 80  # of every predictor: some 5,000 records


def main() -> None:
    with TemporaryDirectory() as folder:
        board, sweep, page = (Path(folder) / name for name in ("board", "sweep", "page.html"))
        count = make_records(board)
        records = shipped_sweep()
        sweep.mkdir()
        for record in records:
            save_record(sweep, record.job.key(record.table), record)
        commands = {
            "`archcast --help`": ["--help"],
            "`archcast list predictors`": ["list", "predictors"],
            f"`archcast leaderboard`, {count:,} results that are there": [
                "leaderboard", "--repeats", str(REPEATS), "--results", str(board),
            ],
            f"`archcast report` of {len(records):,} results": [
                "report", "--out", str(page), "--results", str(sweep),
            ],
        }  # fmt: skip
        rows = [[what, *map("{:.2f}".format, seconds(words))] for what, words in commands.items()]
    print(table(["command", "wall, s", "processor, s"], rows))


def make_records(folder: Path) -> int:
    """A record of each job of a leaderboard, as if it had been run."""
    benchmark = open_table(DEFAULT_BENCHMARK)
    jobs, _ = Experiment(benchmark, repeats=REPEATS).plan()
    rng = np.random.default_rng(0)
    folder.mkdir()
    for planned in jobs:
        job = planned.job
        parts = split(job, benchmark)
        test = parts.test
        truth = truth_of(benchmark, job.objective, job.truth, parts.run)[test]
        record = Record(
            job=job,
            table=benchmark.hash,
            architectures=test.tolist(),
            truth=truth.tolist(),
            predictions=(truth + rng.normal(size=len(test))).tolist(),
            cost=Cost(labels=200.0, fit=0.1, evidence=0.3, query=0.01),
        )
        save_record(folder, job.key(benchmark.hash), record)
    return len(jobs)


def seconds(words: Sequence[str]) -> tuple[float, float]:
    """Wall and processor seconds of a command."""
    found = []
    for _ in range(3):
        begun, before = perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "archcast", *words], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        found.append((perf_counter() - begun, used))
    return min(found)


if __name__ == "__main__":
    main()
