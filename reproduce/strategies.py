"""What strategies without a predictor return, by the simulated seconds that they took.

python -m reproduce.strategies --repeats 500 --jobs 2
"""

from __future__ import annotations

import numpy as np

from archcast.benchmarks.opening import open_table
from archcast.cli.options import DEFAULT_BENCHMARK
from archcast.search.search_job import SearchRecord
from archcast.studies.regrets import incumbent_regrets
from archcast.studies.searches import SearchExperiment
from reproduce.options import options_of_jobs
from reproduce.page import table

STRATEGIES = "random,local-search,evolution,reinforce,hyperband,bohb"
SECONDS = (100, 200, 300)


def found(record: SearchRecord) -> list[float]:
    """Test accuracy of the incumbent at each of `SECONDS`, and its validation accuracy at last."""
    clock = np.add(record.training_seconds, record.predictor_seconds)
    at = np.searchsorted(clock, SECONDS, side="right") - 1
    told = max(zip(record.epochs, record.values, strict=True))[1]
    return [*(record.best - incumbent_regrets(record)[at]), told]


def main() -> None:
    parser = options_of_jobs(__doc__ or "", repeats=500)
    options = parser.parse_args()
    experiment = SearchExperiment(
        open_table(DEFAULT_BENCHMARK), STRATEGIES, repeats=options.repeats
    )
    by_strategy: dict[str, list[list[float]]] = {}
    for record in experiment.run(options.results, options.jobs):
        by_strategy.setdefault(record.job.strategy, []).append(found(record))
    means = {name: np.mean(rows, axis=0) for name, rows in by_strategy.items()}
    ranked = sorted(means.items(), key=lambda each: -each[1][len(SECONDS) - 1])
    heads = ["strategy", *(f"{seconds} s" for seconds in SECONDS), "best validation accuracy"]
    print(table(heads, ([f"`{name}`", *(f"{x:.2f}" for x in row)] for name, row in ranked)))


if __name__ == "__main__":
    main()
