"""Whether predictors rank better that learn the order of labels in place of labels.

    python -m reproduce.losses nasbench201:cifar100 nasbench101-mini --repeats 10 --jobs 2

A table in Markdown for each benchmark: Kendall's tau, Spearman's correlation within the best tenth
of the architectures, and the share of the ten that are ranked best among the true ten, by 30 and by
100 labels.
"""

from __future__ import annotations

import pandas as pd

from archcast.studies.experiment import Experiment
from archcast.studies.leaderboard import summarise
from reproduce.options import opened, options_of_jobs
from reproduce.page import number, table

PREDICTORS = (
    "mlp,mlp(loss=pairwise),mlp(loss=listwise),mlp(loss=top),bananas,bananas(loss=listwise),"
    "gcn,gcn(loss=pairwise),gcn(loss=listwise),gcn(loss=top),xgb,xgb(loss=pairwise),"
    "xgb(loss=top),lgb,lgb(loss=listwise),lgb(loss=top)"
)
SIZES = (30, 100)
COLUMNS = {"tau": "kendall_tau", "top-decile rho": "top_decile_spearman", "p@10": "precision_at_10"}


def main() -> None:
    parser = options_of_jobs(__doc__ or "", repeats=10)
    parser.add_argument("benchmarks", nargs="+", help="each as NAME, NAME:DATASET, or a file")
    parser.add_argument("--predictors", default=PREDICTORS)
    options = parser.parse_args()
    for given in options.benchmarks:
        experiment = Experiment(opened(given), options.predictors, SIZES, repeats=options.repeats)
        board = summarise(experiment.measured(options.results, options.jobs))
        print(f"\n{of_board(given, board)}")


def of_board(name: str, board: pd.DataFrame) -> str:
    """A row a predictor, those that differ in their loss below one another."""
    values = board.set_index(["predictor", "train_size"])
    rows = [
        [
            f"`{predictor}`",
            *(
                number(float(values.loc[(predictor, size), column]), 3 if head == "tau" else 2)
                for head, column in COLUMNS.items()
                for size in SIZES
            ),
        ]
        for predictor in sorted(set(board["predictor"]))
    ]
    return table([name, *(f"{head}, {size} labels" for head in COLUMNS for size in SIZES)], rows)


if __name__ == "__main__":
    main()
