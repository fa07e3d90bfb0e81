"""Kendall tau by epochs paid, of every learning-curve predictor: a table and a picture.

    python reproduce/learning_curves.py --jobs 2

What the jobs gave is kept in the results folder, as by `archcast leaderboard`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib.pyplot as plt

from archcast.benchmarks.opening import open_table
from archcast.cli import DEFAULT_BENCHMARK
from archcast.studies.experiment import Experiment
from archcast.studies.leaderboard import Row, leaderboard

PICTURE = Path(__file__).parent.parent / "docs/learning-curves.png"
STYLES = {
    "early-stop-acc": ("#666666", "-"), "early-stop-loss": ("#666666", ":"),
    "lce": ("#0072B2", "-"), "lce-m": ("#0072B2", ":"), "lcsvr": ("#009E73", "-"),
    "sotl": ("#D55E00", ":"), "sotl-e": ("#D55E00", "-"),
    "tse-e": ("#CC79A7", "-"), "tse-ema": ("#E69F00", "-"),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--benchmark", default=DEFAULT_BENCHMARK)
    parser.add_argument("--predictors", default="learning-curve")
    parser.add_argument("--epochs", default="1,2,3,4,5,6,8,10,12")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--results", type=Path, default=Path("results"))
    options = parser.parse_args()
    table = open_table(options.benchmark)
    epochs = tuple(int(epoch) for epoch in options.epochs.split(","))
    experiment = Experiment(table, options.predictors, epochs=epochs, repeats=options.repeats)
    rows = leaderboard(experiment.run(options.results, options.jobs))
    by_predictor: dict[str, dict[int, Row]] = {}
    for row in sorted(rows, key=lambda row: row["predictor"]):
        by_predictor.setdefault(row["predictor"], {})[row["epochs"]] = row
    print("| predictor |" + "".join(f" {epoch} |" for epoch in epochs) + " fit | a query |")
    print("| --- |" + " --- |" * (len(epochs) + 2))
    for name, found in by_predictor.items():
        taus = "".join(f" {found[epoch]['kendall_tau']:.3f} |" for epoch in epochs)
        last = found[max(epochs)]
        # Without the seconds of training, which are those of the benchmark.
        query = last["query_seconds"] - last["evidence_seconds"]
        print(f"| `{name}` |{taus} {last['fit_seconds']:.2f} s | {1000 * query:.2f} ms |")
    draw(by_predictor, epochs)


def draw(by_predictor: dict[str, dict[int, Row]], epochs: tuple[int, ...]) -> None:
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for name, found in by_predictor.items():
        colour, line = STYLES.get(name, (None, "-"))
        rows = [found[epoch] for epoch in epochs]
        axes.plot(epochs, [row["kendall_tau"] for row in rows], line, color=colour, label=name)
        low, high = ([row[f"kendall_tau_{end}"] for row in rows] for end in ("low", "high"))
        axes.fill_between(epochs, low, high, color=colour, alpha=0.12, linewidth=0)
    axes.set(xlabel="epochs paid for each query", ylabel="Kendall tau", ylim=(0, 0.95))
    axes.set_xticks(epochs)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    axes.legend(frameon=False, ncols=2, loc="lower right")
    figure.savefig(PICTURE, dpi=150)
    print(PICTURE)


if __name__ == "__main__":
    main()
