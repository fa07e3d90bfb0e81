"""What predictors bring a search, beside how well they rank.

    python -m reproduce.guides --repeats 40 --jobs 2

Evolution of at most a hundred trainings on NAS-Bench-201, guided by each predictor and by none. A
table in Markdown for each data set: tau with a hundred labels, drawn at random; the median regret
of what searches return; how many come within .3 points of the best; and how many times fewer
trainings are expected until then than without a predictor.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from archcast.benchmarks.opening import open_table
from archcast.benchmarks.table import Table
from archcast.studies.experiment import Experiment
from archcast.studies.leaderboard import summarise as ranked
from archcast.studies.searches import SearchExperiment
from archcast.studies.speed_up import measure_searches, summarise
from reproduce.options import options_of_jobs
from reproduce.page import number, table

DATASETS = ("cifar100", "imagenet16-120")
LABELS = 100
BUDGET = 100  # trainings
TARGET = 0.3  # points of regret
SPLITS = 10


def main() -> None:
    parser = options_of_jobs(__doc__ or "", repeats=40)
    parser.add_argument("--predictors", default="model-based")
    parser.add_argument("--strategies", default="evolution")
    options = parser.parse_args()
    for dataset in DATASETS:
        results = open_table("nasbench201", dataset)
        experiment = Experiment(results, options.predictors, (LABELS,), repeats=SPLITS)
        board = ranked(experiment.measured(options.results, options.jobs))
        searches = SearchExperiment(
            results, options.strategies, options.predictors, budget=BUDGET, repeats=options.repeats
        )
        found = summarise(measure_searches(searches.run(options.results, options.jobs)), TARGET)
        print(f"\n{of_dataset(results, found, board)}")


def of_dataset(results: Table, found: pd.DataFrame, board: pd.DataFrame) -> str:
    """The fewest expected trainings first."""
    taus = board.set_index("predictor")["kendall_tau"]
    rows = []
    for row in found.sort_values("evaluations_to_target").to_dict("records"):
        guide = row["predictor"]
        tau = number(float(taus[guide])) if guide else "-"
        title = f"`{row['strategy']}`" + (f" with `{guide}`" if guide else "")
        expected = row["evaluations_to_target"]
        gain = row["over_unguided_evaluations"]
        rows.append(
            [
                title,
                tau,
                f"{row['regret']:.2f}",
                f"{100 * row['reached']:.0f} %",
                f"{expected:.0f}" if np.isfinite(expected) else "-",
                f"{gain:.1f}" if guide and gain is not None and np.isfinite(gain) else "-",
            ]
        )
    heads = [
        *(f"{results.dataset}", f"tau, {LABELS} labels", f"regret after {BUDGET}"),
        *(f"within {number(TARGET, 1)}", "trainings until then", "x unguided"),
    ]
    return table(heads, rows)


if __name__ == "__main__":
    main()
