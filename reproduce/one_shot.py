"""What one-shot searches derive on the embedded benchmark, and random search in the same seconds.

    python -m reproduce.one_shot --repeats 5 --jobs 2 --figure one-shot.png

A table in Markdown, the best mean first: what the derived cells reach when they are trained alone,
how many of their edges are skips, what the search took, and what random search has by then. Beside
stands what is published of the searches on NAS-Bench-201, CIFAR-10 (see `PUBLISHED`). `rsps` is
there by three kinds of statistics of batch norm. The figure has, by epoch of the supernet, the
regret and the skips of what each search likes most.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from archcast.benchmarks.opening import open_table
from archcast.benchmarks.table import Table
from archcast.cli.options import DEFAULT_BENCHMARK
from archcast.report.text import seconds_text
from archcast.report.views import OKABE_ITO, SKIPS, course_lines
from archcast.search.search_job import SearchRecord
from archcast.studies.regrets import incumbent_regrets
from archcast.studies.searches import SearchExperiment
from archcast.studies.speed_up import measure_searches
from reproduce.options import options_of_jobs
from reproduce.page import table

ONE_SHOT = (
    "rsps,spos,novelty-search,novelty-search(select=evolution),darts,darts(order=2),gdas,setn,enas"
)
STATISTICS = "rsps(recalibrate=0),rsps(recalibrate=batch)"  # of batch norm: as left, and of images
PUBLISHED = {  # test accuracy, as quoted by TE-NAS (Chen et al., 2021) and MathNAS (2023)
    **{"rsps": 87.66, "darts": 54.30, "darts(order=2)": 54.30, "gdas": 93.61},
    **{"setn": 87.64, "enas": 54.30},
}
RANDOM_BUDGET, RANDOM_REPEATS = 150, 200


def main() -> None:
    parser = options_of_jobs(__doc__ or "", repeats=5)
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    results = open_table(DEFAULT_BENCHMARK)
    work = options.results, options.jobs
    one_shot = SearchExperiment(
        results, f"{ONE_SHOT},{STATISTICS}", budget=1, repeats=options.repeats
    ).run(*work)
    if failed := [record.error for record in one_shot if record.failed]:
        raise SystemExit(f"{len(failed)} searches failed: {failed[0]}")
    searched = [record for record in one_shot if record.job.strategy != "random"]
    random = SearchExperiment(results, "random", budget=RANDOM_BUDGET, repeats=RANDOM_REPEATS).run(
        *work
    )
    print(of_searches(searched, random, results))
    if options.figure:
        shown = [each for each in searched if "recalibrate" not in each.job.strategy]
        draw(measure_searches(shown), results, options.figure)


def of_searches(records: list[SearchRecord], random: list[SearchRecord], results: Table) -> str:
    by_strategy: dict[str, list[SearchRecord]] = {}
    for record in records:
        by_strategy.setdefault(record.job.strategy, []).append(record)
    rows = []
    for strategy, found in by_strategy.items():
        truth = np.array([record.truth[0] for record in found])
        seconds = took(found)
        regrets = [record.best - record.truth[0] for record in found]
        skips = [skips_of(results, record.architectures[0]) for record in found]
        rows.append(
            (
                truth.mean(),
                [
                    f"`{strategy}`",
                    f"{truth.mean():.2f} ({truth.std(ddof=1):.2f})",
                    f"{np.mean(regrets):.2f}",
                    f"{np.mean(skips):.1f}",
                    seconds_text(seconds),
                    f"{np.mean([regret_at(each, seconds) for each in random]):.2f}",
                    f"{PUBLISHED[strategy]:.2f}" if strategy in PUBLISHED else "-",
                ],
            )
        )
    median = float(np.median(results.mean_over_runs(results.values(results.objective(), "test"))))
    heads = [
        *("search", "accuracy", "regret", "skips", "took", "random search: regret by then"),
        "published, CIFAR-10",
    ]
    ordered = [cells for _, cells in sorted(rows, key=lambda row: -row[0])]
    return f"{table(heads, ordered)}\n\nThe median cell has {median:.2f}."


def skips_of(results: Table, at: int) -> int:
    """How many decisions of an architecture, in its canonical form, are skips."""
    space = results.space
    choices = space.canonical(results.architectures[at]).choices
    pairs = zip(choices, space.decisions, strict=True)
    return sum(str(decision.options[int(choice)]) in SKIPS for choice, decision in pairs)


def regret_at(record: SearchRecord, seconds: float) -> float:
    """Of the incumbent after so many seconds."""
    return float(incumbent_regrets(record)[trial_by(record, seconds)])


def took(records: Sequence[SearchRecord]) -> float:
    """Seconds of a search, trainings and supernets, in the mean."""
    totals = [each.total_training_seconds + each.total_predictor_seconds for each in records]
    return float(np.mean(totals))


def trial_by(record: SearchRecord, seconds: float) -> int:
    """The last trial that ended within so many seconds, the first one if there is none by then."""
    clock = np.add(record.training_seconds, record.predictor_seconds)
    return max(int(np.searchsorted(clock, seconds, side="right")) - 1, 0)


def draw(searches: pd.DataFrame, results: Table, path: Path) -> None:
    course = course_lines(searches, results.space)
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for axes, what in zip(panels, ("regret", "skips"), strict=True):
        for colour, line in zip(OKABE_ITO, course[what], strict=False):
            axes.plot(line.x, line.y, color=colour, label=line.name)
        axes.set(xlabel="epochs of the supernet")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set(ylabel="regret (points)")
    panels[1].set(ylabel="skip connections")
    names = panels[0].get_legend_handles_labels()
    figure.legend(*names, loc="outside upper center", ncols=len(names[0]), frameon=False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
