"""What E2RNAS derives on the embedded benchmark, beside DARTS and beside a sum of its objectives.

    python -m reproduce.robust_search --repeats 5 --epochs 30

A table in Markdown: means of what the derived cells reach when they are trained alone, deviations
over the searches in brackets, and what the searches took.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archcast.benchmarks.opening import open_table
from archcast.cli.options import DEFAULT_BENCHMARK
from archcast.report.text import seconds_text
from archcast.studies.searches import SearchExperiment
from reproduce.one_shot import took
from reproduce.options import options_of_jobs
from reproduce.page import table

SEARCHES = {"darts": "", "e2rnas": "", "e2rnas(combine=sum)": "combine=sum, "}
DIGITS = {"accuracy": 2, "fgsm_accuracy": 2, "pgd_accuracy": 2, "parameters": 0}


def main() -> None:
    parser = options_of_jobs(__doc__ or "", repeats=5)
    parser.add_argument("--epochs", type=int, default=30, help="of a supernet")
    options = parser.parse_args()
    results = open_table(DEFAULT_BENCHMARK)
    known = {
        name: results.mean_over_runs(results.values(results.objective(name), "test"))
        for name in DIGITS
    }
    rows = []
    for text, given in SEARCHES.items():
        strategy = f"{text.partition('(')[0]}({given}epochs={options.epochs})"
        experiment = SearchExperiment(results, strategy, budget=1, repeats=options.repeats)
        records = experiment.run(options.results, options.jobs)
        if failed := [record.error for record in records if record.failed]:
            raise SystemExit(f"{len(failed)} searches failed: {failed[0]}")
        searched = [record for record in records if record.job.strategy != "random"]
        cells = [record.architectures[0] for record in searched]
        found = [spread(known[name][cells], digits) for name, digits in DIGITS.items()]
        rows.append([f"`{text}`", *found, seconds_text(took(searched))])
    median = [f"{np.median(known[name]):.{digits}f}" for name, digits in DIGITS.items()]
    heads = ["search", *(f"`{name}`" for name in DIGITS), "took"]
    print(table(heads, [*rows, ["none: the median of each", *median, ""]]))


def spread(values: NDArray[np.float64], digits: int) -> str:
    return f"{values.mean():.{digits}f} ({values.std(ddof=1):.{digits}f})"


if __name__ == "__main__":
    main()
