"""The numbers and the picture of docs/nasbench201-mini.md.

    python tools/datasheet.py archcast/benchmarks/shipped/nasbench201-mini.parquet [CIFAR10.parquet]

The second table, if given, holds CIFAR-10 results of NAS-Bench-201 to compare with.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

from archcast.benchmarks.table import Table, read_table
from archcast.evaluation.metrics import kendall_tau, spearman

PICTURE = Path(__file__).parent.parent / "docs/nasbench201-mini.png"
SHOWN_EPOCHS = (1, 2, 3, 5, 7, 12)


def top_tenth(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    return values >= np.quantile(values, 0.9)


def main(table: Table, cifar10: Table | None) -> None:
    test = table.columns["test_accuracy"].astype(float)
    seconds = table.columns["epoch_seconds"].astype(float) * table.epochs
    print(f"{len(table):,} architectures, {len(test):,} runs, {seconds.sum() / 3600:.1f} h")
    print(f"training seconds of a run: mean {seconds.mean():.2f}, largest {seconds.max():.2f}")
    quantiles = np.percentile(test, [0, 10, 50, 90, 100])
    print("test accuracy, least / 10 % / median / 90 % / best:", quantiles.round(2))

    twice = np.diff(table.starts) > 1
    first, second = table.starts[:-1][twice], table.starts[:-1][twice] + 1
    if twice.any():
        within = [
            kendall_tau(test[first][top], test[second][top])
            for top in (top_tenth(test[first]), top_tenth(test[second]))
        ]
        print(f"two seeds of {twice.sum():,} architectures:")
        print(f"  tau {kendall_tau(test[first], test[second]):.3f}")
        print(f"  rho {spearman(test[first], test[second]):.3f}")
        print(f"  tau within the top 10 % by one of them {np.mean(within):.3f}")
        print("epoch: tau of validation accuracy, of training loss, with the other seed's test")
        for epoch in SHOWN_EPOCHS:
            valid = table.columns["valid_accuracy"][first, epoch - 1]
            loss = table.columns["train_loss"][first, epoch - 1]
            taus = kendall_tau(test[second], valid), kendall_tau(test[second], -loss)
            print(f"  {epoch}: {taus[0]:.2f} {taus[1]:.2f}")
    if cifar10:
        theirs = cifar10.mean_over_runs(cifar10.columns["test_accuracy"])
        shared = theirs[[cifar10.index(a) for a in table.architectures]]
        ours = table.mean_over_runs(test)
        print(f"tau with CIFAR-10: {kendall_tau(shared, ours):.3f}")
        top = top_tenth(shared)
        print(f"  within its top 10 %: {kendall_tau(shared[top], ours[top]):.3f}")
    draw(table, test)


def draw(table: Table, test: NDArray[np.float64]) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    left.hist(test, bins=60, color="#0072B2")
    left.set(xlabel="test accuracy (%)", ylabel="runs", title="Accuracy")
    curves = table.columns["valid_accuracy"]
    epochs = np.arange(1, curves.shape[1] + 1)
    for low, high, colour in ((5, 95, "#cfe3f2"), (25, 75, "#7fb4d9")):
        bounds = np.nanpercentile(curves, [low, high], axis=0)
        right.fill_between(epochs, *bounds, color=colour, label=f"{low} to {high} %")
    right.plot(epochs, np.nanmedian(curves, axis=0), color="#0072B2", label="median")
    right.set(xlabel="epoch", ylabel="validation accuracy (%)", title="Learning curves")
    right.legend(frameon=False, loc="lower right")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(PICTURE, dpi=150)
    print(PICTURE)


if __name__ == "__main__":
    tables = [read_table(Path(argument)) for argument in sys.argv[1:]]
    main(tables[0], tables[1] if len(tables) > 1 else None)
