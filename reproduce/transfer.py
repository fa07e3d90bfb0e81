"""What results of small networks are worth where few labels of large ones are there.

    python -m reproduce.transfer --repeats 10 --searches 30 --jobs 2

The source is nasbench201-mini, the targets are the data sets of NAS-Bench-201. Tables in Markdown:
Kendall's tau by labels, as in publications, where label and truth are the mean validation accuracy
of all runs, and by archcast's own protocol, in which the truth is of runs that no predictor has
seen; what is said of the best cells; and by how many trainings evolution comes near the best.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from archcast.benchmarks.nasbench201_results import DATASETS
from archcast.benchmarks.opening import open_table
from archcast.report.text import seconds_text
from archcast.search.simulation import incumbents
from archcast.studies.experiment import Experiment
from archcast.studies.leaderboard import summarise
from archcast.studies.regrets import incumbent_regrets
from archcast.studies.searches import SearchExperiment
from reproduce.options import options_of_jobs
from reproduce.page import number, table

PREDICTORS = ("transfer(gp)", "transfer(xgb)", "gp", "xgb")
SIZES = (0, 5, 10, 20, 30, 100, 400)
TOP = ("top_decile_spearman", "precision_at_10")
SEARCHED, REGRET, BUDGET = "cifar10", 0.2, 150  # points, and trainings

Boards = dict[tuple[bool, str], pd.DataFrame]  # by whether results are means of runs, and data set


def main() -> None:
    parser = options_of_jobs(__doc__ or "", repeats=10)
    parser.add_argument("--searches", type=int, default=30)
    options = parser.parse_args()
    boards: Boards = {}
    for mean in (True, False):
        for dataset in DATASETS:
            opened = open_table("nasbench201", dataset)
            experiment = Experiment(
                opened.averaged() if mean else opened,
                ",".join(PREDICTORS),
                SIZES,
                repeats=options.repeats,
            )
            measured = experiment.measured(options.results, options.jobs)
            boards[mean, dataset] = summarise(measured)
    source = boards[True, SEARCHED]["source_seconds"].max()
    for mean, told in ((True, "Means of all runs"), (False, "A drawn run, against the others")):
        print(f"{told}, tau by labels:\n")
        print(f"{by_labels(boards, mean)}\n")
    print("Means of all runs, of the best cells, top-decile rho / p@10 by labels:\n")
    print(f"{at_the_top(boards)}\n")
    print(f"The source took {seconds_text(source)}, on top.\n")
    print(f"Evolution on {SEARCHED}, a drawn run:\n")
    print(searched(options.searches, options.results, options.jobs))


def by_size(
    board: pd.DataFrame, name: str, column: str, sizes: Sequence[int] = SIZES
) -> list[float]:
    """Of a predictor, NaN where it needs labels and has none."""
    found = board[board["predictor"] == name].set_index("train_size")[column]
    return [float(found.get(size, np.nan)) for size in sizes]


def by_labels(boards: Boards, mean: bool) -> str:
    rows = []
    for dataset in DATASETS:
        for name in PREDICTORS:
            values = by_size(boards[mean, dataset], name, "kendall_tau")
            shown = ["-" if np.isnan(each) else number(each) for each in values]
            rows.append([dataset, f"`{name}`", *shown])
    return table(["cells of", "predictor", *map(str, SIZES)], rows)


def at_the_top(boards: Boards) -> str:
    rows = []
    for dataset in DATASETS:
        for name in PREDICTORS:
            of_each = [by_size(boards[True, dataset], name, column) for column in TOP]
            shown = [
                "-" if np.isnan(both).any() else " / ".join(number(each, 2) for each in both)
                for both in zip(*of_each, strict=True)
            ]
            rows.append([dataset, f"`{name}`", *shown])
    return table(["cells of", "predictor", *map(str, SIZES)], rows)


def searched(repeats: int, results: Path, jobs: int) -> str:
    """By how many trainings the median search is near the best."""
    opened = open_table("nasbench201", SEARCHED)
    experiment = SearchExperiment(
        opened, "evolution", ",".join(PREDICTORS), budget=BUDGET, repeats=repeats
    )
    trainings: dict[str, list[float]] = {}
    first: dict[str, list[float]] = {}
    for record in experiment.run(results, jobs):
        job = record.job
        title = f"`{job.strategy}`" + (f" with `{job.predictor}`" if job.predictor else "")
        regrets = incumbent_regrets(record)
        near = np.flatnonzero(regrets <= REGRET + 1e-9)
        trainings.setdefault(title, []).append(record.evaluations[near[0]] if len(near) else np.inf)
        ten = incumbents(record.epochs[:10], record.values[:10], job.objective)[-1]
        first.setdefault(title, []).append(float(regrets[ten]))
    rows = [
        [
            title,
            _shown(float(np.median(counts))),
            f"{100 * np.isfinite(counts).mean():.0f} %",
            f"{np.median(first[title]):.2f}",
        ]
        for title, counts in sorted(trainings.items(), key=lambda each: np.median(each[1]))
    ]
    heads = ["search", f"trainings to a regret of {REGRET}", "reached", "regret after ten"]
    return table(heads, rows)


def _shown(trainings: float) -> str:
    return f"{trainings:.0f}" if np.isfinite(trainings) else f"more than {BUDGET}"


if __name__ == "__main__":
    main()
