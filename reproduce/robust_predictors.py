"""How well accuracy under attack is predicted, beside accuracy itself, on the embedded benchmark.

    python -m reproduce.robust_predictors --repeats 3

A table in Markdown: Kendall's tau by objective. Above the predictors stands accuracy itself, as the
mean over all runs; below them what noise allows.
"""

from __future__ import annotations

import numpy as np

from archcast.benchmarks.opening import open_table
from archcast.cli.options import DEFAULT_BENCHMARK
from archcast.evaluation.metrics import kendall_tau
from archcast.evaluation.noise import noise_ceiling
from archcast.studies.experiment import Experiment
from archcast.studies.leaderboard import summarise
from reproduce.options import options_of_jobs
from reproduce.page import number, table

OBJECTIVES = ("accuracy", "fgsm_accuracy", "pgd_accuracy")
PREDICTORS = (
    "xgb,gp,bayes-lin-reg,sotl-e,params,flops,synflow,zen,nwot,swap,jacov,snip,grad-norm,fisher,"
    "l2-norm,epe-nas,zico,meco,linear-regions"
)


def main() -> None:
    options = options_of_jobs(__doc__ or "", repeats=3).parse_args()
    results = open_table(DEFAULT_BENCHMARK)
    objectives = [results.objective(name) for name in OBJECTIVES]
    means = [results.mean_over_runs(results.values(each, "test")) for each in objectives]
    rows: dict[str, list[float]] = {}
    for name in OBJECTIVES:
        experiment = Experiment(
            results, PREDICTORS, (100,), repeats=options.repeats, objective=name
        )
        board = summarise(experiment.measured(options.results, options.jobs))
        for text, tau in zip(board["predictor"], board["kendall_tau"], strict=True):
            rows.setdefault(text, []).append(tau)
    by_fgsm = sorted(rows.items(), key=lambda row: -row[1][1])
    clean = [kendall_tau(each, means[0]) for each in means]
    limits = [noise_ceiling(results, each) or np.nan for each in objectives]
    shown = [
        ["accuracy itself", "-", *map(number, clean[1:])],
        *([f"`{text}`", *map(number, taus)] for text, taus in by_fgsm),
        ["what noise allows", *map(number, limits)],
    ]
    print(table(["by", *(f"tau, `{name}`" for name in OBJECTIVES)], shown))


if __name__ == "__main__":
    main()
