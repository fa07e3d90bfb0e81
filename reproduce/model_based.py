"""Kendall tau and seconds of every model-based predictor, on one thread.

    python -m reproduce.model_based nasbench201.parquet --beside reproduce/naslib.csv
    python -m reproduce.model_based nasbench201-mini nasbench-graph:cora --predictors gp,xgb

Of one table: tau with its deviation over splits, the least seconds to fit, and to query 1,000
architectures. Of several: tau alone. Split of seed s: `numpy.random.RandomState(1000 + s)` permutes
the architectures; the first 1,000 are held out, the next n are learned from. Labels and truth are
mean test accuracies. `--beside` is a CSV of what others measured on the same splits.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from archcast.benchmarks.table import Table
from archcast.core.spec import split_specs
from archcast.core.workers import one_thread
from archcast.evaluation.metrics import kendall_tau
from archcast.predictors import registry as predictors
from archcast.predictors.predictor import Context
from archcast.predictors.predictor_text import configured, to_predictor
from reproduce.options import opened
from reproduce.page import number, table

HELD_OUT, UNLABELED = 1_000, 1_000


def divide(results: Table, n: int, seed: int) -> list[np.ndarray]:
    """Positions of the architectures held out, of `n` to learn from, and of the rest."""
    order = np.random.RandomState(1000 + seed).permutation(len(results))
    return np.split(order, [HELD_OUT, HELD_OUT + n])


def options_of(description: str, predictors: list[str]) -> argparse.ArgumentParser:
    """The options of a measurement of `predictors`, or others that are named, on some tables."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("tables", nargs="+", help="Parquet files, or benchmarks as NAME:DATASET")
    parser.add_argument("--predictors", default=",".join(predictors))
    parser.add_argument("--train-sizes", default="100,400")
    parser.add_argument("--repeats", type=int, default=5)
    return parser


def head_of(given: str) -> str:
    """What the column of a table says."""
    return Path(given).stem if given.endswith(".parquet") else given.replace(":", ", ")


def measure(spec: str, results: Table, n: int, seed: int) -> np.ndarray:
    """Kendall tau, fit seconds, and seconds to query all that is held out."""
    predictor = configured(to_predictor(spec), seed, "cpu")
    truth = results.mean_over_runs(results.values(results.objective(), "test"))
    test, train, pool = divide(results, n, seed)
    cells = results.architectures
    context = Context(unlabeled=[cells[i] for i in pool[:UNLABELED]])

    start = time.process_time()
    predictor.fit([cells[i] for i in train], truth[train], context)
    fitted = time.process_time()
    scores = predictor.query([cells[i] for i in test], context)
    return np.array(
        [kendall_tau(scores, truth[test]), fitted - start, time.process_time() - fitted]
    )


def measured(specs: list[str], results: Table, sizes: list[int], repeats: int) -> np.ndarray:
    """What `measure` gives, indexed [predictor, size, seed, quantity]."""
    found = []
    for spec in specs:
        measure(spec, results, 12, 0)  # imports and first calls
        found.append([[measure(spec, results, n, s) for s in range(repeats)] for n in sizes])
    return np.array(found)


def in_detail(
    specs: list[str], sizes: list[int], found: np.ndarray, beside: dict[str, list[list[str]]]
) -> str:
    """The best first, for the first size; beside it tau and fit seconds of others, by predictor."""
    heads = ["predictor", *(f"tau, {n} labels" for n in sizes)]
    heads += ["NASLib: 100 / 400"] if beside else []
    heads += [f"fit, {n}" for n in sizes]
    heads += ["NASLib: fit, 100", "query"] if beside else ["query"]
    taus, (fits, queries) = found[..., 0], np.moveaxis(found[..., 1:].min(axis=2), -1, 0)
    rows = []
    for at in np.argsort(-taus[:, 0].mean(axis=1), kind="stable"):
        means = [f"{number(each.mean())} ({number(each.std(ddof=1))})" for each in taus[at]]
        seconds = [f"{each:.2f} s" for each in fits[at]]
        theirs, their_fit = beside.get(specs[at], [["-"], ["-"]]) if beside else ([], [])
        query = [f"{1000 * queries[at].min():.0f} ms"]
        rows.append([f"`{specs[at]}`", *means, *theirs, *seconds, *their_fit, *query])
    return table(heads, rows)


def main() -> None:
    family = [name for name in predictors if predictors.entry(name).family == "model-based"]
    parser = options_of(__doc__ or "", family)
    parser.add_argument("--beside", type=Path, help="a CSV with predictor, tau and fit")
    options = parser.parse_args()
    tables = [opened(each) for each in options.tables]
    sizes = [int(size) for size in options.train_sizes.split(",")]
    specs = list(split_specs(options.predictors))
    found = [measured(specs, each, sizes, options.repeats) for each in tables]
    if len(tables) == 1:
        beside: dict[str, list[list[str]]] = {}
        if options.beside:
            others = pd.read_csv(options.beside)[["predictor", "tau", "fit"]].to_numpy().tolist()
            beside = {name: [[tau], [fit]] for name, tau, fit in others}
        print(in_detail(specs, sizes, found[0], beside))
        return
    taus = np.array([each[..., 0].mean(axis=2) for each in found])
    print(
        table(
            ["predictor", *map(head_of, options.tables)],
            (
                [f"`{spec}`", *(" / ".join(map(number, each[at])) for each in taus)]
                for at, spec in enumerate(specs)
            ),
        )
    )


if __name__ == "__main__":
    with one_thread():
        main()
