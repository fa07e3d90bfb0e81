"""How well what networks cost is predicted from few measurements, in tau and in its unit.

    python -m reproduce.hardware nasbench201-mini --repeats 10
    python -m reproduce.hardware nasbench201:cifar10 nasbench201:cifar100 --objectives latency_gpu

A table in Markdown for each objective: after 10, 30 and 100 measurements, Kendall's tau and the
share of predictions within 10 % of the truth. Above it stand, where architectures were measured
twice, the tau up to which noise lets predictions agree with a measurement, and how many second
measurements are within 10 % of the first; of several tables, the tau of the first's values with
those of the others.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from archcast.benchmarks.table import Table
from archcast.evaluation.metrics import kendall_tau, within_10
from archcast.evaluation.noise import noise_ceiling
from archcast.studies.experiment import Experiment, choose_predictors
from archcast.studies.leaderboard import summarise
from reproduce.options import opened, options_of_jobs
from reproduce.page import number, table

SIZES = (10, 30, 100)
OBJECTIVES = "latency_cpu,epoch_seconds,parameters"
MODELS = "xgb,gp,mlp,bayes-lin-reg,xgb(labels=raw),gp(labels=raw),mlp(labels=raw)"
HEADS = ("predictor", *(f"{size} measured: tau, within 10 %" for size in SIZES))


def agreement(results: list[Table], name: str) -> str:
    """What limits tau, or what there is to compare it with."""
    first, *others = results
    objective = first.objective(name)
    limit = noise_ceiling(first, objective)
    told = []
    if limit is not None:
        once, again = two_measurements(first, first.values(objective, objective.truth))
        near = number(within_10(once, again), 2)
        told = [f"noise limits tau to {number(limit)}", f"measured again, {near} are within 10 %"]
    for other in others:
        known = set(other.architectures)
        of_both = [cell for cell in first.architectures if cell in known]
        means = [
            each.mean_over_runs(each.values(each.objective(name), objective.truth))[
                [each.index(cell) for cell in of_both]
            ]
            for each in (first, other)
        ]
        told.append(f"tau with {other.dataset}: {number(kendall_tau(*means))}")
    return f"`{name}`" + "".join(f"; {each}" for each in told) + ":"


def two_measurements(results: Table, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The first two of each architecture that has them, of shape (2, architectures)."""
    first = results.starts[:-1][np.diff(results.starts) > 1]
    return np.array([values[first], values[first + 1]], dtype=np.float64)


def main() -> None:
    parser = options_of_jobs(__doc__ or "", repeats=10)
    parser.add_argument("tables", nargs="+", help="Parquet files, or benchmarks as NAME:DATASET")
    parser.add_argument("--objectives", default=OBJECTIVES)
    parser.add_argument("--predictors", default=f"hardware,{MODELS}")
    options = parser.parse_args()
    results = [opened(each) for each in options.tables]
    for name in options.objectives.split(","):
        objective = results[0].objective(name)
        chosen, _ = choose_predictors(options.predictors, results[0], objective)
        experiment = Experiment(
            results[0], chosen, SIZES, repeats=options.repeats, objective=objective.name
        )
        board = summarise(experiment.measured(options.results, options.jobs))
        rows = board.set_index(["predictor", "train_size"])
        texts = dict.fromkeys(board["predictor"])
        print(f"{agreement(results, name)}\n")
        print(
            table(
                HEADS,
                (
                    [f"`{text}`", *(cell(rows.loc[(text, size)].squeeze()) for size in SIZES)]
                    for text in texts
                ),
            )
        )
        print()


def cell(row: pd.Series[float]) -> str:
    return f"{number(row['kendall_tau'])}, {number(row['within_10'], 2)}"


if __name__ == "__main__":
    main()
