"""Are standard deviations as large as errors: shares of held-out labels in 90 % intervals.

    python -m reproduce.calibration nasbench201.parquet
    python -m reproduce.calibration nasbench201-mini nasbench-graph:arxiv --predictors gp,ngb

Labels are raw accuracies; splits as in `model_based.py`.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from archcast.benchmarks.table import Table
from archcast.core.spec import split_specs
from archcast.core.workers import one_thread
from archcast.predictors import registry as predictors
from archcast.predictors.predictor_text import configured
from reproduce.model_based import divide, head_of, options_of
from reproduce.options import opened
from reproduce.page import table

DEVIATIONS = norm.ppf(0.95)  # to either side of the mean: 90 % of a normal distribution


def share_within(name: str, results: Table, n: int, seed: int) -> float:
    """The share of held-out labels in the central 90 % interval around their scores."""
    labels = results.mean_over_runs(results.values(results.objective(), "test"))
    test, train, _ = divide(results, n, seed)
    predictor = configured(predictors.get(name)(labels="raw"), seed, "cpu")
    predictor.fit([results.architectures[i] for i in train], labels[train])
    scores, std = predictor.query([results.architectures[i] for i in test], return_std=True)
    return float((np.abs(scores - labels[test]) < DEVIATIONS * std).mean())


def main() -> None:
    probabilistic = [
        name
        for name in predictors
        if predictors.entry(name).family == "model-based"
        and predictors.get(name).tags.probabilistic
        and not predictors.get(name).tags.needs
    ]
    options = options_of(__doc__ or "", probabilistic).parse_args()
    tables = [opened(each) for each in options.tables]
    sizes = [int(size) for size in options.train_sizes.split(",")]

    def percent(name: str, results: Table, n: int) -> str:
        shares = [share_within(name, results, n, seed) for seed in range(options.repeats)]
        return f"{100 * np.mean(shares):.0f}"

    rows = [
        [f"`{name}`", *(" / ".join(percent(name, each, n) for n in sizes) for each in tables)]
        for name in split_specs(options.predictors)
    ]
    print(table(["predictor", *map(head_of, options.tables)], rows))


if __name__ == "__main__":
    with one_thread():
        main()
