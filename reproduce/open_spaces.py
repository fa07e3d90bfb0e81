"""One-shot searches of spaces that no table holds, whose answers are trained.

    python -m reproduce.open_spaces darts-mini --repeats 3 --jobs 2

A table in Markdown for each benchmark: what is derived, trained by other seeds as the benchmark's
own networks were, means over searches and deviations in brackets; what it took; and what random
search has by then, which trains as many networks as it has seconds for. All runs are kept in the
cache of ground truths.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archcast.benchmarks.table import Table
from archcast.making.ground_truth import ground_truth
from archcast.report.text import seconds_text
from archcast.search.live import SEEDS
from archcast.search.search_job import SearchRecord
from archcast.search.simulation import incumbents
from archcast.studies.searches import SearchExperiment
from reproduce.one_shot import took, trial_by
from reproduce.options import opened, options_of_jobs
from reproduce.page import table
from reproduce.robust_search import spread

SEARCHES = ("rsps", "novelty-search", "darts")
ON_IMAGES = ("e2rnas", "e2rnas(combine=sum)")
DIGITS = {"accuracy": 2, "bits": 3, "fgsm_accuracy": 2, "parameters": 0}
BESIDE = ("fgsm_accuracy", "parameters")


def main() -> None:
    parser = options_of_jobs(__doc__ or "", repeats=3)
    parser.add_argument("tables", nargs="+")
    options = parser.parse_args()
    for name in options.tables:
        results = opened(name)
        known = {
            column: results.mean_over_runs(results.columns[column])
            for column in BESIDE
            if column in results.columns
        }
        texts = SEARCHES + (ON_IMAGES if "fgsm_accuracy" in known else ())
        how = options.repeats, options.results, options.jobs
        found = {text: searched(results, text, None, *how) for text in texts}
        longest = max(map(took, found.values()))
        found["random"] = searched(results, "random", longest, *how)
        objective = results.objective()
        rows = []
        for text, records in found.items():
            judged = answers(results, records, options.jobs)
            cells = [spread(judged[column], DIGITS[column]) for column in (objective.name, *known)]
            trained, seconds = np.mean([len(each.values) for each in records]), took(records)
            by_then = [truth_by(each, seconds) for each in found["random"]]
            random = spread(np.array(by_then), DIGITS[objective.name])
            rows.append([f"`{text}`", *cells, f"{trained:.0f}", seconds_text(seconds), random])
        known = {objective.name: results.mean_over_runs(results.values(objective, "test")), **known}
        median = [f"{np.median(each):.{DIGITS[at]}f}" for at, each in known.items()]
        rows.append(["none: the median of each", *median, "", "", ""])
        heads = ["search", *known, "networks trained", "took", "random search by then"]
        print(f"{name}, {objective.unit}:\n\n{table(heads, rows)}\n")


def searched(
    results: Table, text: str, seconds: float | None, repeats: int, folder: Path, jobs: int
) -> list[SearchRecord]:
    """Searches of one kind, for as many seconds, or without for one answer."""
    experiment = SearchExperiment(
        results, text, budget=None if seconds else 1, repeats=repeats, seconds=seconds, live=True
    )
    records = [each for each in experiment.run(folder, jobs) if each.job.strategy == text]
    if failed := [record.error for record in records if record.failed]:
        raise SystemExit(f"{text}: {len(failed)} searches failed: {failed[0]}")
    return records


def truth_by(record: SearchRecord, seconds: float) -> float:
    """Of what a search would return after so many seconds."""
    best = incumbents(record.epochs, record.values, record.job.objective)
    return record.truth[best[trial_by(record, seconds)]]


def answers(
    results: Table, records: Sequence[SearchRecord], jobs: int
) -> dict[str, NDArray[np.float64]]:
    """What the searches return, trained; by the objective with seeds that no search has seen."""
    best = [incumbents(each.epochs, each.values, each.job.objective)[-1] for each in records]
    here = [str(each) for each in results.architectures]
    cells = [
        results.space.parse([*here, *record.beyond][record.architectures[at]])
        for record, at in zip(records, best, strict=True)
    ]
    runs = [ground_truth(results, [cell], SEEDS, jobs, "cpu") for cell in cells]
    judged = {
        column: np.array([each[column].mean() for each in runs])
        for column in BESIDE
        if column in runs[0]
    }
    truth = [record.truth[at] for record, at in zip(records, best, strict=True)]
    return {results.objective().name: np.array(truth), **judged}


if __name__ == "__main__":
    main()
