"""How well predictors rank a whole space from few labels to thousands, on one thread.

    python -m reproduce.many_labels nasbench201:cifar10 nasbench201:cifar100 --jobs 2

A table in Markdown for each: Kendall's tau over all cells, as publications have it, mean of some
draws, and the processor seconds that a fit to most labels takes. Labels and truth are means over
all runs. The last row is of one who knows all labels, and has to give the same score to cells that
are the same network.
"""

from __future__ import annotations

import time
from functools import partial
from itertools import product
from typing import NamedTuple

import numpy as np

from archcast.benchmarks.table import Table
from archcast.core.progress import track
from archcast.core.spec import split_specs
from archcast.core.workers import run_each
from archcast.evaluation.metrics import kendall_tau
from archcast.predictors.predictor import Vector
from archcast.predictors.predictor_text import configured, to_predictor
from reproduce.model_based import head_of
from reproduce.options import opened, options_of_jobs
from reproduce.page import number, table

SIZES = (39, 78, 156, 469, 781, 1_563, 4_000)
PREDICTORS = "committee,gp,xgb,lgb,sparse-gp,var-sparse-gp,bananas,mlp,nao,gpwl"


class Fit(NamedTuple):
    """Of a predictor to so many labels, drawn with a seed."""

    predictor: str
    labels: int
    seed: int


def main() -> None:
    parser = options_of_jobs(__doc__ or "", repeats=10)
    parser.add_argument("tables", nargs="+", help="Parquet files, or benchmarks as NAME:DATASET")
    parser.add_argument("--predictors", default=PREDICTORS)
    options = parser.parse_args()
    specs = split_specs(options.predictors)
    for given in options.tables:
        results = opened(given)
        fits = [Fit(*each) for each in product(specs, SIZES, range(options.repeats))]
        found = run_each(partial(measure, results=results), fits, options.jobs, ordered=True)
        measured = np.array(list(track(found, len(fits), "fitting")))
        by_size = measured.reshape(len(specs), len(SIZES), -1, 2).mean(axis=2)
        rows = [
            [f"`{spec}`", *map(number, of_spec[:, 0]), f"{of_spec[-1, 1]:.1f} s"]
            for spec, of_spec in zip(specs, by_size, strict=True)
        ]
        rows.append(["all labels", *["-"] * (len(SIZES) - 1), number(limit(results)), "-"])
        print(f"\n{table([head_of(given), *map(str, SIZES), f'fit, {SIZES[-1]}'], rows)}")


def measure(fit: Fit, results: Table) -> tuple[float, float]:
    """Tau over all architectures, and seconds of the fit."""
    truth, cells = means(results), results.architectures
    drawn = np.random.default_rng(fit.seed).permutation(len(cells))[: fit.labels]
    predictor = configured(to_predictor(fit.predictor), fit.seed, "cpu")
    start = time.process_time()
    predictor.fit([cells[i] for i in drawn], truth[drawn])
    taken = time.process_time() - start
    return kendall_tau(predictor.query(cells), truth), taken


def means(results: Table) -> Vector:
    """Of the main objective over all runs, higher is better."""
    objective = results.objective()
    values = results.mean_over_runs(results.values(objective, objective.truth))
    return np.asarray(objective.signed(values))


def limit(results: Table) -> float:
    """Tau of the mean over all cells that are the same network."""
    truth, forms = means(results), [results.space.canonical(each) for each in results.architectures]
    numbers = {form: at for at, form in enumerate(dict.fromkeys(forms))}
    of_form = np.array([numbers[form] for form in forms])
    sums = np.bincount(of_form, truth) / np.bincount(of_form)
    return kendall_tau(sums[of_form], truth)


if __name__ == "__main__":
    main()
