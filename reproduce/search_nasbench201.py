"""Searches on NAS-Bench-201 itself, each data set's judged by all three, on the clock of trainings.

    python -m reproduce.search_nasbench201 --repeats 500 --jobs 2

NAS-Bench-201 (Dong & Yang, 2020) gives a search 12,000 seconds on CIFAR-10, and trains for 12
epochs at a time. Here all trainings have 200, and a search gets as many seconds as buy as many of
these; on other data sets as many as there are more training images. Guided searches are a tenth as
many as the others.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
import pandas as pd

from archcast.benchmarks.nasbench201_results import DATASETS
from archcast.benchmarks.opening import open_table
from archcast.benchmarks.table import Table
from archcast.report.text import seconds_text
from archcast.search.search_job import SearchRecord
from archcast.studies.judging import Judge
from archcast.studies.searches import SearchExperiment
from archcast.studies.speed_up import measure_searches, summarise
from reproduce.options import options_of_jobs
from reproduce.page import number, table

ALONE, GUIDES = "random,local-search,evolution,reinforce", "xgb,gp,params"
SECONDS = 12_000 * 200 / 12  # on CIFAR-10
FEWER = 10
TARGET = 0.5  # points of regret


def main() -> None:
    parser = options_of_jobs(__doc__ or "", repeats=500)
    options = parser.parse_args()
    tables = {dataset: open_table("nasbench201", dataset) for dataset in DATASETS}
    images = {dataset: each.train_images for dataset, each in DATASETS.items()}
    for dataset, results in tables.items():
        seconds = SECONDS * images[dataset] / images["cifar10"]
        records = []
        for strategies, guides, repeats in (
            (ALONE, None, options.repeats),
            ("evolution", GUIDES, max(2, options.repeats // FEWER)),
        ):
            experiment = SearchExperiment(
                results, strategies, guides, repeats=repeats, seconds=seconds
            )
            records += experiment.run(options.results, options.jobs)
        print(f"\nFound on {dataset} in {seconds_text(seconds)} of training:\n")
        print(of_searches(records, results, tables))


def of_searches(records: list[SearchRecord], results: Table, tables: dict[str, Table]) -> str:
    """What searches on one table found, in Markdown."""
    goal = records[0].job.goal
    unique = {record.job.key(record.table): record for record in records}
    own = measure_searches(unique.values())
    judged = {
        dataset: measure_searches(Judge(results, judge, goal).judged(unique.values()))
        for dataset, judge in tables.items()
        if judge is not results
    }
    summary = summarise(own, TARGET)
    rows = []
    for row in summary.to_dict("records"):
        cells = [name_of(row), f"{row['evaluations']:.0f}", f"{row['repeats']}"]
        for dataset in tables:
            frame = judged.get(dataset, own)
            values = accuracies(frame, row["strategy"], row["predictor"] or "")
            cells.append(f"{values.mean():.2f} ({values.std(ddof=1):.2f})")
        cells += [
            seconds_text(row["seconds_to_target"]),
            f"{100 * row['reached']:.0f} %",
            seconds_text(row["predictor_seconds"]),
        ]
        rows.append(cells)
    heads = [
        *("search", "trainings", "searches", *tables),
        *(f"to {number(TARGET, 1)} points", "reached", "predictor takes"),
    ]
    return table(heads, rows)


def name_of(row: Mapping[Hashable, object]) -> str:
    guided = f" with `{row['predictor']}`" if row["predictor"] else ""
    return f"`{row['strategy']}`{guided}"


def accuracies(searches: pd.DataFrame, strategy: str, predictor: str) -> np.ndarray:
    """Of what each search of a kind returns."""
    at = (searches["strategy"] == strategy) & (searches["predictor"] == predictor)
    kept = searches[at & searches["error"].isna()]
    return np.array(
        [best - regrets[-1] for best, regrets in zip(kept["best"], kept["regrets"], strict=True)]
    )


if __name__ == "__main__":
    main()
