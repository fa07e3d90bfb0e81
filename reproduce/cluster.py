"""What a cluster adds to a job, and how much faster many workers are.

    python -m reproduce.cluster

All are on this machine. Jobs sleep, so that 64 workers need no 64 cores: what is measured is the
way of jobs to workers and of results back. Times are those of jobs after the first ones, which
start the processes.
"""

from __future__ import annotations

import time
from concurrent.futures import Executor
from logging import CRITICAL
from time import perf_counter

from distributed import LocalCluster

from archcast.core.cluster import Cluster
from archcast.core.workers import Processes, run_each
from reproduce.page import table

EMPTY = 1_000  # jobs that do nothing
SLEEP, EACH = 1.0, 16  # seconds of a sleeping job, and how many there are for each worker
WORKERS = {1: (1, 1), 2: (2, 1), 64: (4, 16)}  # Dask's workers, and the threads of each


def main() -> None:
    here = overhead(Processes(1))
    rows = []
    for count, (workers, threads) in WORKERS.items():
        given = {"n_workers": workers, "threads_per_worker": threads, "dashboard_address": None}
        with LocalCluster(**given, processes=True, silence_logs=CRITICAL) as local:
            cluster = Cluster(local.scheduler_address)
            if count == 1:
                added = overhead(cluster) - here
            seconds = wall(SLEEP, EACH * count, cluster, first=count)
            cluster.shutdown()
        rows.append([f"{count}", f"{EACH * count}", f"{seconds:.1f} s"])
        rows[-1].append(f"{EACH * count * SLEEP / seconds:.1f}")
    print(
        f"On a cluster of one worker, a job takes {added * 1e3:.1f} ms more than in a process of"
        f" this machine, where it takes {here * 1e3:.1f} ms: mean of {EMPTY:,} jobs that do"
        f" nothing. Of jobs that sleep {SLEEP:g} s each:\n"
    )
    print(table(["workers", "jobs", "takes", "times as fast as one after the other"], rows))


def overhead(workers: Executor) -> float:
    """Seconds of a job that does nothing."""
    return wall(0.0, EMPTY, workers, first=1) / EMPTY


def wall(seconds: float, jobs: int, workers: Executor, first: int) -> float:
    """Seconds that sleeping jobs take, after some that start the processes."""
    for _ in run_each(time.sleep, [max(seconds, 0.5)] * first, workers):
        pass
    begun = perf_counter()
    for _ in run_each(time.sleep, [seconds] * jobs, workers):
        pass
    return perf_counter() - begun


if __name__ == "__main__":
    main()
