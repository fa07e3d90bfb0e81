"""Searches for fronts: what of the hypervolume they miss, by the trainings that they paid.

    python -m reproduce.several_objectives --repeats 50 --jobs 2 --figure several-objectives.png

A table in Markdown for each benchmark and its objectives: the regret after some trainings, medians
over the searches with intervals that hold in all rows of a column, how far the best there is lies
from what they return at last, or within a limit how much of what they return breaks it, and how
many times fewer trainings than random search they need for what its median search ends with.
Speed-ups count trainings, not seconds. A figure shows the fronts of two objectives.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from archcast.evaluation.statistics import median_interval
from archcast.report.text import speed_up_text
from archcast.report.views import OKABE_ITO, front_lines
from archcast.search.search_job import SearchRecord
from archcast.studies.searches import SearchExperiment
from archcast.studies.speed_up import SEARCH, measure_searches, summarise
from reproduce.options import opened, options_of_jobs
from reproduce.page import number, table
from reproduce.search_nasbench201 import name_of

STRATEGIES, GUIDE = (
    "random,evolution,evolution(combine=chebyshev),bayesian,bayesian(acquisition=ei),"
    "bayesian(combine=chebyshev),nsga2,tpe",
    "gp",
)
GOALS: tuple[tuple[str, tuple[str, ...], dict[str, float]], ...] = (  # objectives, and limits
    ("nasbench201:cifar10", ("accuracy", "latency_gpu"), {}),
    ("nasbench201-mini", ("accuracy", "latency_cpu"), {}),
    ("nasbench201-mini", ("accuracy", "flops"), {}),
    ("nasbench201-mini", ("accuracy", "pgd_accuracy"), {}),
    ("nasbench201-mini", ("accuracy", "latency_cpu", "pgd_accuracy"), {}),
    ("nasbench201:cifar10", ("accuracy",), {"latency_gpu": 14.0}),  # ms; a quarter are faster
    ("nasbench201-mini", ("accuracy",), {"latency_cpu": 0.4}),
)
DRAWN = ("random", "evolution", "bayesian", "nsga2")
AFTER = (25, 50, 100, 150)  # whole trainings
WHOLE = 10  # searches that train all there is


def main() -> None:
    parser = options_of_jobs(__doc__ or "", repeats=50)
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    pairs = []
    for name, objectives, limits in GOALS:
        goal: dict[str, Any] = {"limits": limits}
        goal["objectives"] = objectives if len(objectives) > 1 else None
        results = opened(name)
        experiment = SearchExperiment(
            results, STRATEGIES, GUIDE, AFTER[-1], options.repeats, **goal
        )
        every = SearchExperiment(results, "random", None, len(results), WHOLE, **goal)
        searches, whole = (
            measured(each.run(options.results, options.jobs)) for each in (experiment, every)
        )
        asked = " and ".join(f"`{each}`" for each in objectives)
        within = f" within {searches['limits'].iloc[0]}" if limits else ""
        print(f"{asked}{within}, {name}:\n")
        print(of_searches(searches, whole), end="\n\n")
        if len(objectives) == 2:
            pairs.append(searches)
    if options.figure:
        draw(pairs, options.figure)


def measured(records: list[SearchRecord]) -> pd.DataFrame:
    if failed := [record.error for record in records if record.failed]:
        raise SystemExit(f"{len(failed)} searches failed: {failed[0]}")
    return measure_searches(records)


def of_searches(searches: pd.DataFrame, whole: pd.DataFrame) -> str:
    """What searches for one front found, in Markdown; and at last, what who trains all has."""
    summary = summarise(searches)
    groups = dict(list(searches.groupby(SEARCH, sort=False)))
    rows = []
    for row in summary.to_dict("records"):
        runs = groups[row["strategy"], row["predictor"] or "", row["epochs"], row["stop"] or ""]
        cells = [
            name_of(row),
            *(spread(after(runs, trainings), len(groups)) for trainings in AFTER),
        ]
        rows.append([*cells, last_of(row), speed_up_of(row)])
    [row] = summarise(whole).to_dict("records")
    ends = [float(regrets[-1]) for regrets in whole["regrets"]]
    gaps = [""] * (len(AFTER) - 1)
    rows.append(["all: what noise allows", *gaps, spread(ends, 1), last_of(row), ""])
    last = "broken" if searches["limits"].iloc[0] else "distance"
    heads = ["search", *(f"after {trainings}" for trainings in AFTER), last, "x random"]
    return table(heads, rows)


def last_of(row: dict[Any, Any]) -> str:
    return f"{100 * row['broken']:.0f} %" if row["limits"] else number(row["distance"])


def after(runs: pd.DataFrame, trainings: int) -> list[float]:
    """The regret of each search once it has paid for so many."""
    pairs = zip(runs["evaluations"], runs["regrets"], strict=True)
    return [float(regrets[np.searchsorted(paid, trainings + 1e-9) - 1]) for paid, regrets in pairs]


def spread(values: list[float], of: int) -> str:
    """The median, and its interval as one of so many."""
    low, high = median_interval(values, of)
    return f"{np.median(values):.2f} ({low:.2f}-{high:.2f})"


def speed_up_of(row: dict[Any, Any]) -> str:
    return "" if row["strategy"] == "random" else speed_up_text(row, "speed_up_evaluations")


def draw(frames: list[pd.DataFrame], path: Path) -> None:
    """Of each kind the front of the search whose regret is the median, a panel a goal."""
    figure, panels = plt.subplots(2, 2, figsize=(9, 6.4), layout="constrained")
    for axes, searches in zip(panels.flat, frames, strict=True):
        add_fronts(axes, searches[searches["strategy"].isin(DRAWN)])
        first = searches.iloc[0]
        axes.set_title(f"{first['benchmark']}, {first['dataset']}", fontsize=9)
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    figure.savefig(path, dpi=150)


def add_fronts(axes: Axes, searches: pd.DataFrame) -> None:
    (*found, best), (up, across) = front_lines(searches)
    axes.plot(best.x, best.y, "o-", color="grey", markersize=2, linewidth=1, label=best.name)
    for colour, line in zip(OKABE_ITO, found, strict=False):
        axes.plot(line.x, line.y, "o", color=colour, markersize=4, alpha=0.8, label=line.name)
    axes.set(xlabel=across, ylabel=up)
    axes.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    main()
