"""How well few and many labels rank NAS-Bench-201's cells, and whether small networks foretell it.

    python -m reproduce.predictors_nasbench201 --repeats 10 --jobs 2

A table in Markdown for each data set: Kendall's tau of each model-based predictor by labels, and
with 100 labels what it says of the best cells. Below stand, by labels, the predictors that rank
best on each data set and on nasbench201-mini, and Spearman's correlation of the boards' taus.
"""

from __future__ import annotations

import pandas as pd

from archcast.benchmarks.nasbench201_results import DATASETS
from archcast.benchmarks.opening import open_table
from archcast.benchmarks.table import Table
from archcast.cli.options import DEFAULT_BENCHMARK
from archcast.evaluation.metrics import spearman
from archcast.evaluation.noise import noise_ceiling
from archcast.studies.experiment import Experiment
from archcast.studies.leaderboard import summarise
from reproduce.options import options_of_jobs
from reproduce.page import number, table

SIZES = (10, 30, 100, 400)
AT_THE_TOP = 100  # labels
BEST = 3
TOP = ("top_decile_spearman", "precision_at_10", "regret_at_10")


def main() -> None:
    parser = options_of_jobs(__doc__ or "", repeats=10)
    parser.add_argument("--predictors", default="model-based")
    options = parser.parse_args()
    opened = {each: open_table("nasbench201", each) for each in DATASETS}
    opened[DEFAULT_BENCHMARK] = open_table(DEFAULT_BENCHMARK)
    boards = {}
    for name, results in opened.items():
        experiment = Experiment(results, options.predictors, SIZES, repeats=options.repeats)
        boards[name] = summarise(experiment.measured(options.results, options.jobs))
    for name in DATASETS:
        print(f"{limit(opened[name])}\n\n{of_predictors(boards[name])}\n")
    print(f"The {BEST} that rank best, by labels:\n\n{winners(boards)}\n")
    print(f"Spearman's correlation of the taus of predictors:\n\n{agreement(boards)}")


def limit(results: Table) -> str:
    ceiling = noise_ceiling(results)
    told = "" if ceiling is None else f" (noise limits tau to {number(ceiling)})"
    return f"{results.dataset}{told}:"


def of_predictors(board: pd.DataFrame) -> str:
    """The best with most labels first."""
    taus = by_size(board)
    at_top = board[board["train_size"] == AT_THE_TOP].set_index("predictor")
    heads = [
        *("predictor", *(f"tau, {size} labels" for size in SIZES)),
        *(f"{what}, {AT_THE_TOP}" for what in ("top-decile rho", "p@10", "regret@10")),
    ]
    rows = []
    for name in taus[SIZES[-1]].sort_values(ascending=False).index:
        rho, precision, regret = at_top.loc[name, list(TOP)]
        shown = [number(rho, 2), number(precision, 2), f"{regret:.2f}"]
        rows.append([f"`{name}`", *map(number, taus.loc[name].to_numpy()), *shown])
    return table(heads, rows)


def by_size(board: pd.DataFrame) -> pd.DataFrame:
    """Tau, a row a predictor and a column a number of labels."""
    return board.pivot(index="predictor", columns="train_size", values="kendall_tau")[list(SIZES)]


def winners(boards: dict[str, pd.DataFrame]) -> str:
    rows = []
    for name, board in boards.items():
        taus = by_size(board)
        best = (taus[size].nlargest(BEST) for size in SIZES)
        rows.append([name, *(", ".join(f"`{each}`" for each in few.index) for few in best)])
    return table(["cells of", *(f"{size} labels" for size in SIZES)], rows)


def agreement(boards: dict[str, pd.DataFrame]) -> str:
    """Each board beside that of the embedded benchmark, and beside the next one."""
    taus = {name: by_size(board) for name, board in boards.items()}
    pairs = [(DEFAULT_BENCHMARK, each) for each in DATASETS]
    pairs += [("cifar10", "cifar100"), ("cifar100", "imagenet16-120")]
    rows = []
    for one, other in pairs:
        both = [taus[each].sort_index()[list(SIZES)].to_numpy().T for each in (one, other)]
        alike = (number(spearman(*of_size), 2) for of_size in zip(*both, strict=True))
        rows.append([f"{one}, {other}", *alike])
    return table(["boards", *(f"{size} labels" for size in SIZES)], rows)


if __name__ == "__main__":
    main()
