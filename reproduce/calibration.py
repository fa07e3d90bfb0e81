"""Are standard deviations as large as errors: shares of held-out labels in 90 % intervals.

    python reproduce/calibration.py nasbench201.parquet
    python reproduce/calibration.py nasbench-graph --dataset arxiv --predictors gp,ngb

Labels are raw accuracies; splits as in `model_based.py`.
"""

from __future__ import annotations

import numpy as np
from model_based import divide, options_of
from scipy.stats import norm
from threadpoolctl import threadpool_limits

from archcast.benchmarks.opening import open_table
from archcast.benchmarks.table import Table
from archcast.core.spec import split_specs
from archcast.predictors import registry as predictors
from archcast.predictors.predictor_text import configured

DEVIATIONS = norm.ppf(0.95)  # to either side of the mean: 90 % of a normal distribution


def share_within(name: str, table: Table, n: int, seed: int) -> float:
    """The share of held-out labels in the central 90 % interval around their scores."""
    labels = table.mean_over_runs(table.values(table.objective(), "test"))
    test, train, _ = divide(table, n, seed)
    predictor = configured(predictors.get(name)(labels="raw"), seed, "cpu")
    predictor.fit([table.architectures[i] for i in train], labels[train])
    scores, std = predictor.query([table.architectures[i] for i in test], return_std=True)
    return float((np.abs(scores - labels[test]) < DEVIATIONS * std).mean())


def main() -> None:
    probabilistic = [
        name
        for name in predictors
        if predictors.entry(name).family == "model-based"
        and predictors.get(name).tags.probabilistic
        and not predictors.get(name).tags.needs
    ]
    options = options_of(__doc__, probabilistic).parse_args()
    table = open_table(options.table, options.dataset)
    sizes = [int(size) for size in options.train_sizes.split(",")]
    print(f"{table.source}: in 90 % intervals, mean of {options.repeats} splits; n={sizes}")
    for name in split_specs(options.predictors):
        shares = (
            np.mean([share_within(name, table, n, seed) for seed in range(options.repeats)])
            for n in sizes
        )
        print(f"{name:16}", *(f"{share:8.1%}" for share in shares), flush=True)


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
