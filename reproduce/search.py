"""Searches on NAS-Bench-201's CIFAR-10 results: what they find, and by how many evaluations.

    python reproduce/search.py nasbench201_cifar10.csv.gz --repeats 100 --jobs 2

The CSV has a row a cell, with `architecture`, `valid_accuracy_12` (percent, after a training of 12
epochs), `valid_accuracy_200` and `test_accuracy_200`. As a curve this is 17 points, one for each 12
epochs. Only the first and the last are known; searches read no other (the rest repeat the first).

It also measures how long a step takes that needs no predictor.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

from archcast.benchmarks.opening import open_table
from archcast.benchmarks.table import Table
from archcast.evaluation.record import RecordStore
from archcast.evaluation.runner import run_jobs
from archcast.search import registry as strategies
from archcast.search.search_job import PlannedSearch, SearchRecord, run_search_job
from archcast.spaces import registry as spaces
from archcast.studies.searches import SearchExperiment
from archcast.studies.speed_up import measure_searches, summarise

POINTS = 17  # 12 epochs are about one in 17 of 200
GRAPH_FEATURES, LOW_FIDELITY = "gp", "combine(gp, parts=[early-stop-acc])"
SEARCHES = (
    ("random,local-search,evolution,reinforce", None),
    ("evolution", "xgb,xgb(encoding=one-hot, labels=raw)"),
    ("bayesian", f"{GRAPH_FEATURES},{LOW_FIDELITY}"),
)


def write_table(source: Path, target: Path) -> None:
    """The results as a table."""
    frame = pd.read_csv(source)
    low, high = frame["valid_accuracy_12"], frame["valid_accuracy_200"]
    Table(
        spaces.get("nasbench201"),
        "cifar10",
        frame["architecture"].tolist(),
        {
            "valid_accuracy": np.column_stack([*[low] * (POINTS - 1), high]),
            "test_accuracy": frame["test_accuracy_200"].to_numpy(),
        },
    ).write(target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--budget", type=int, default=150)
    parser.add_argument("--target", type=float, default=0.2, help="regret in points")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--results", type=Path, default=Path("results"))
    options = parser.parse_args()

    store = RecordStore(options.results / "search", SearchRecord)
    path = options.results / "cifar10.parquet"
    if not path.exists():
        write_table(options.source, path)
    table = open_table(str(path))
    jobs: dict[str, PlannedSearch] = {}
    for names, guides in SEARCHES:
        experiment = SearchExperiment(
            table, names, guides, options.budget, options.repeats, epochs=1
        )
        jobs |= {each.job.key(table.hash): each for each in experiment.plan()[0]}
    records = run_jobs(list(jobs.values()), table, store, run_search_job, options.jobs)

    print("| strategy | predictor | accuracy | mean | regret | 95 % | reached | evaluations |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for _, row in summarise(measure_searches(records), options.target).iterrows():
        print(
            f"| {row['strategy']} | {row['predictor'] or '-'} | {row['value']:.2f}"
            f" | {row['value_mean']:.2f} | {row['regret']:.2f}"
            f" | {row['regret_low']:.2f}-{row['regret_high']:.2f} | {row['reached']:.0%}"
            f" | {row['evaluations_to_target']:,.0f} |"
        )

    for name in strategies:
        kind = strategies.get(name)
        if kind.traits.unguided or kind.traits.curves:
            continue
        experiment = SearchExperiment(table, name, None, options.budget, 20, seed=1)
        first, *rest = [each for each in experiment.plan()[0] if each.job.strategy == name]
        run_search_job(first, table)
        start = perf_counter()
        steps = sum(len(run_search_job(each, table).architectures) for each in rest)
        print(f"{name}: {(perf_counter() - start) / steps * 1e3:.3f} ms an evaluation")


if __name__ == "__main__":
    main()
