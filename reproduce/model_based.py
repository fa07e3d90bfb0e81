"""Kendall tau and seconds of every model-based predictor on one table, on one thread.

    python reproduce/model_based.py nasbench201.parquet
    python reproduce/model_based.py nasbench-graph --predictors gp,xgb --encoding one-hot

Split of seed s: `numpy.random.RandomState(1000 + s)` permutes the architectures; the first 1,000
are held out, the next n are learned from. Labels and truth are mean test accuracies.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from threadpoolctl import threadpool_limits

from archcast.benchmarks.opening import open_table
from archcast.benchmarks.table import Table
from archcast.core.spec import split_specs
from archcast.evaluation.metrics import kendall_tau
from archcast.predictors import registry as predictors
from archcast.predictors.predictor import Context
from archcast.predictors.predictor_text import configured, to_predictor

HELD_OUT, UNLABELED = 1_000, 1_000


def divide(table: Table, n: int, seed: int) -> list[np.ndarray]:
    """Positions of the architectures held out, of `n` to learn from, and of the rest."""
    order = np.random.RandomState(1000 + seed).permutation(len(table))
    return np.split(order, [HELD_OUT, HELD_OUT + n])


def options_of(description: str, predictors: list[str]) -> argparse.ArgumentParser:
    """The options of a measurement of `predictors`, or others that are named, on one table."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("table", help="a Parquet file, or the name of a benchmark")
    parser.add_argument("--dataset", help="of the benchmark")
    parser.add_argument("--predictors", default=",".join(predictors))
    parser.add_argument("--train-sizes", default="100,400")
    parser.add_argument("--repeats", type=int, default=5)
    return parser


def measure(spec: str, encoding: str | None, table: Table, n: int, seed: int) -> np.ndarray:
    """Kendall tau, fit seconds, and seconds to query all that is held out."""
    predictor = configured(to_predictor(spec), seed, "cpu")
    if encoding and "encoding" in predictor.get_params():
        predictor.set_params(encoding=encoding)
    truth = table.mean_over_runs(table.values(table.objective(), "test"))
    test, train, pool = divide(table, n, seed)
    cells = table.architectures
    context = Context(unlabeled=[cells[i] for i in pool[:UNLABELED]])

    start = time.process_time()
    predictor.fit([cells[i] for i in train], truth[train], context)
    fitted = time.process_time()
    scores = predictor.query([cells[i] for i in test], context)
    return np.array(
        [kendall_tau(scores, truth[test]), fitted - start, time.process_time() - fitted]
    )


def main() -> None:
    family = [name for name in predictors if predictors.entry(name).family == "model-based"]
    parser = options_of(__doc__, family)
    parser.add_argument("--encoding", help="for those that take one, in place of their own")
    options = parser.parse_args()
    table = open_table(options.table, options.dataset)
    sizes = [int(size) for size in options.train_sizes.split(",")]
    print(f"{table.source}: tau (deviation over {options.repeats} splits), least seconds to fit")
    print(
        f"and to query {HELD_OUT}\n\n{'predictor':16}" + "".join(f"{f'n={n}':>34}" for n in sizes)
    )
    for spec in split_specs(options.predictors):
        measure(spec, options.encoding, table, 12, 0)  # imports and first calls
        print(f"{spec:16}", end="", flush=True)
        for n in sizes:
            runs = np.array(
                [measure(spec, options.encoding, table, n, s) for s in range(options.repeats)]
            )
            tau, deviation, (fit, query) = (
                runs[:, 0].mean(),
                runs[:, 0].std(),
                runs[:, 1:].min(axis=0),
            )
            print(f"  {tau:8.3f} ({deviation:.3f}) {fit:6.2f} s {query:6.3f} s", end="", flush=True)
        print()


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
