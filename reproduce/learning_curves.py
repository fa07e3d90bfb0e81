"""Kendall tau by epochs paid, of every learning-curve predictor: a table, and a picture if asked.

    python -m reproduce.learning_curves --jobs 2 --figure learning-curves.png
    python -m reproduce.learning_curves --benchmark size-mini --jobs 2
    python -m reproduce.learning_curves --benchmark darts-rnn-mini --predictors learning-curve

`transfer(lcsvr)`, which learns from curves of another benchmark, has a row without labels too.

What the jobs gave is kept in the results folder, as by `archcast leaderboard`.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from archcast.benchmarks.opening import open_table
from archcast.cli.options import DEFAULT_BENCHMARK
from archcast.evaluation.measure import measure
from archcast.studies.experiment import Experiment
from archcast.studies.leaderboard import summarise
from reproduce.options import options_of_jobs
from reproduce.page import number, table

PREDICTORS = "learning-curve,transfer(lcsvr)"
NO_LABEL = ", no label"  # behind the name of a predictor that was given none
EPOCHS = (1, 2, 3, 4, 5, 6, 8, 10, 12)
STYLES: dict[str, tuple[str | None, str]] = {
    "early-stop-acc": ("#666666", "-"), "early-stop-loss": ("#666666", ":"),
    "lc-pfn": ("#56B4E9", "-"), "lce": ("#0072B2", "-"), "lce-m": ("#0072B2", ":"),
    "lcsvr": ("#009E73", "-"),
    "transfer(lcsvr)": ("#009E73", "--"), f"transfer(lcsvr){NO_LABEL}": ("#009E73", ":"),
    "sotl": ("#D55E00", ":"), "sotl-e": ("#D55E00", "-"),
    "tse-e": ("#CC79A7", "-"), "tse-ema": ("#E69F00", "-"),
}  # fmt: skip


def main() -> None:
    parser = options_of_jobs(__doc__ or "", repeats=10)
    parser.add_argument("--benchmark", default=DEFAULT_BENCHMARK)
    parser.add_argument("--predictors", default=PREDICTORS)
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    results = open_table(options.benchmark)
    epochs = tuple(each for each in EPOCHS if each <= results.epochs.max())
    experiment = Experiment(results, options.predictors, (0, 100), epochs, repeats=options.repeats)
    board = summarise(measure(experiment.run(options.results, options.jobs)))
    board.loc[board["train_size"] == 0, "predictor"] += NO_LABEL
    board = board.sort_values(["predictor", "epochs"])
    rows = []
    for name, each in board.groupby("predictor"):
        last = each.iloc[-1]
        # Without the seconds of training, which are those of the benchmark.
        query = last["query_seconds"] - last["evidence_seconds"]
        taus = [number(tau, 2) for tau in each["kendall_tau"]]
        costs = [f"{last['fit_seconds']:.2f} s", f"{1000 * query:.1f} ms"]
        predictor = str(name).removesuffix(NO_LABEL)
        rows.append([f"`{predictor}`{str(name)[len(predictor) :]}", *taus, *costs])
    print(table([options.benchmark, *map(str, epochs), "fit", "a query"], rows))
    if options.figure:
        draw(board, options.figure)


def draw(board: pd.DataFrame, path: Path) -> None:
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for name, rows in board.groupby("predictor"):
        colour, line = STYLES.get(str(name), (None, "-"))
        axes.plot(rows["epochs"], rows["kendall_tau"], line, color=colour, label=name)
        bounds = rows["kendall_tau_low"], rows["kendall_tau_high"]
        axes.fill_between(rows["epochs"], *bounds, color=colour, alpha=0.12, linewidth=0)
    axes.set(xlabel="epochs paid for each query", ylabel="Kendall tau", ylim=(0, 0.95))
    axes.set_xticks(sorted(set(board["epochs"])))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    axes.legend(frameon=False, ncols=2, loc="lower right")
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
