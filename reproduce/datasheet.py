"""The numbers and the picture of the datasheet of a benchmark that was trained here.

    python -m reproduce.datasheet nasbench201-mini --figure nasbench201-mini.png
    python -m reproduce.datasheet nasbench201-mini --with cifar10.parquet

`--with` compares with the CIFAR-10 results of NAS-Bench-201, and says nothing else.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

from archcast.benchmarks.objective import MeasuredOn
from archcast.benchmarks.opening import open_table
from archcast.benchmarks.table import Table
from archcast.evaluation.metrics import kendall_tau, spearman
from archcast.evaluation.noise import noise_ceiling
from reproduce.page import number, table

SHOWN_EPOCHS = (1, 2, 3, 5, 7)  # and the last
CHANCE = 10.5
Floats = NDArray[np.float64]


def top_tenth(values: Floats) -> NDArray[np.bool_]:
    return values >= np.quantile(values, 0.9)


def facts(results: Table) -> dict[str, str]:
    """What is in the table, how its main objective is spread, and how noisy that is."""
    objective = results.objective()
    what = f"test {objective.name}"
    test = scores(results, "test")
    seconds = results.columns["epoch_seconds"].astype(float) * results.epochs
    twice = np.diff(results.starts) > 1
    first, second = results.starts[:-1][twice], results.starts[:-1][twice] + 1
    one, two = test[first], test[second]
    found = {
        "runs": f"{len(test):,}, of {len(results):,} architectures",
        "processor time in training": (
            f"{seconds.sum() / 3600:.1f} hours, {seconds.mean():.1f} seconds a run"
            f" (largest {seconds.max():.1f})"
        ),
    }
    for name, share in (("worst", 0), ("10 %", 10), ("median", 50), ("90 %", 90), ("best", 100)):
        value = objective.signed(np.percentile(test, share))
        digits = 2 if objective.unit == "%" else 3
        found[f"{what} of a run, {name}"] = f"{value:.{digits}f} {objective.unit}"
    learned = results.mean_over_runs(test) > CHANCE
    if objective.name == "accuracy":
        found["architectures that stay at chance"] = f"{(~learned).sum()}"
    found["Kendall tau of two runs of an architecture"] = number(kendall_tau(one, two))
    found["Spearman's correlation of these"] = number(spearman(one, two))
    tops = [(one[top], two[top]) for top in map(top_tenth, (one, two))]
    found["Kendall tau of these, in the best tenth by one of them"] = number(
        mean_of(kendall_tau, tops), 2
    )
    for part in ("test", "validation"):
        labels = scores(results, "test" if part == "test" else "valid")
        pairs = [(labels[rows], truth) for rows, truth in run_and_others(results)]
        tops = [(values[top], truth[top]) for values, truth in pairs for top in [top_tenth(truth)]]
        told = f"of a run's {part} {objective.name} with the mean {what} of the others"
        found[f"Kendall tau {told}"] = number(mean_of(kendall_tau, pairs))
        found[f"Spearman's correlation {told}, in the best tenth by it"] = number(
            mean_of(spearman, tops), 2
        )
    limit = noise_ceiling(results)
    assert limit is not None
    found["noise ceiling of tau"] = number(limit, 2)
    mean = (one + two) / 2
    some = mean > CHANCE if objective.name == "accuracy" else np.full(len(mean), True)
    middle, tenth = np.quantile(mean[some], (0.5, 0.1))
    unit = "points" if objective.unit == "%" else objective.unit
    for name, chosen in (
        ("", some), (", the better half", mean > middle),
        (", the worst tenth above chance" if not some.all() else ", the worst tenth",
         (mean < tenth) & some),
    ):  # fmt: skip
        deviation = np.sqrt(np.mean((one - two)[chosen] ** 2) / 2)
        found[f"deviation over seeds{name}"] = (
            f"{deviation:.{1 if unit == 'points' else 3}f} {unit}"
        )
    return found | halves(results, test) | robust(results)


def scores(results: Table, part: MeasuredOn) -> Floats:
    """Values of the main objective (runs,) at the end of training, higher is better."""
    objective = results.objective()
    values = objective.signed(results.values(objective, part).astype(float))
    return np.asarray(values).reshape(len(values), -1)[:, -1]


def halves(results: Table, test: Floats) -> dict[str, str]:
    """How far the means of half of the runs agree with those of the others, of four or more."""
    runs = np.diff(results.starts).min()
    if runs < 4:
        return {}
    half = runs // 2
    one, two = (
        np.mean([test[results.starts[:-1] + run] for run in some], axis=0)
        for some in (range(half), range(half, 2 * half))
    )
    return {
        f"Kendall tau of the means of {half} and {half} other runs": number(kendall_tau(one, two))
    }


def robust(results: Table) -> dict[str, str]:
    """What is left of accuracy on attacked images, and how far the last two runs agree on it."""
    found: dict[str, str] = {}
    if "fgsm_accuracy" not in results.columns:
        return found
    test = scores(results, "test")
    last = results.starts[1:] - 1
    for name in ("fgsm_accuracy", "pgd_accuracy"):
        values = results.columns[name].astype(float)
        pairs = values[[last - 1, last]]
        one, two = pairs[:, np.isfinite(pairs).all(axis=0)]
        left = np.nanmedian(results.mean_over_runs(values / test))
        found[f"`{name}` over test accuracy, of the median architecture"] = number(left, 2)
        found[f"Kendall tau of two runs of an architecture, by `{name}`"] = number(
            kendall_tau(one, two)
        )
    return found


def run_and_others(results: Table) -> Iterator[tuple[NDArray[np.int64], Floats]]:
    """The rows of runs and what these are held against, the mean accuracy of their other runs.

    Of all first runs, of all second ones, ..., without architectures that have no others.
    """
    test = scores(results, "test")
    runs = np.diff(results.starts)
    for run in range(runs.max()):
        some = runs > max(run, 1)
        rows = results.starts[:-1] + np.minimum(run, runs - 1)
        yield rows[some], results.mean_of_others(test, rows)[some]


def early(results: Table) -> list[list[str]]:
    """Kendall tau of what is known of a run by some epochs with the mean accuracy of the others."""
    objective = results.objective()
    quantities = {
        f"validation {objective.name}": objective.signed(
            results.columns[f"valid_{objective.name}"]
        ),
        "training loss": -results.columns["train_loss"],
    }
    return [
        [
            name,
            *(number(_tau_after(results, values, epochs), 2) for epochs in shown_epochs(results)),
        ]
        for name, values in quantities.items()
    ]


def shown_epochs(results: Table) -> list[int]:
    last = int(results.epochs.max())
    return [*(epochs for epochs in SHOWN_EPOCHS if epochs < last), last]


def _tau_after(results: Table, values: Floats, epochs: int) -> float:
    known = values[:, epochs - 1]
    return mean_of(kendall_tau, [(truth, known[rows]) for rows, truth in run_and_others(results)])


def mean_of(
    metric: Callable[[Floats, Floats], float], pairs: Sequence[tuple[Floats, Floats]]
) -> float:
    return sum(metric(*pair) for pair in pairs) / len(pairs)


def compared(results: Table, cifar10: Table) -> str:
    """How the table agrees with CIFAR-10."""
    theirs = cifar10.mean_over_runs(cifar10.columns["test_accuracy"])
    shared = theirs[[cifar10.index(each) for each in results.architectures]]
    ours = results.mean_over_runs(results.columns["test_accuracy"].astype(float))
    top = top_tenth(shared)
    return (
        f"With the 200-epoch CIFAR-10 accuracies of NAS-Bench-201, over all cells: Kendall tau"
        f" {number(kendall_tau(shared, ours), 2)}; within the best\ntenth of CIFAR-10,"
        f" {number(kendall_tau(shared[top], ours[top]), 2)}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("table", help="a Parquet file, or the name of a benchmark")
    parser.add_argument("--with", dest="cifar10", help="a Parquet file")
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    results = open_table(options.table)
    if options.cifar10:
        print(compared(results, open_table(options.cifar10)))
        return
    print(table(["what", "how much"], ([name, value] for name, value in facts(results).items())))
    name = results.objective().name
    print(f"\nKendall tau of what is known of one run after some epochs with the mean test {name}")
    print("of the architecture's other runs:\n")
    print(table(["epochs", *map(str, shown_epochs(results))], early(results)))
    if options.figure:
        draw(results, options.figure)


def draw(results: Table, path: Path) -> None:
    objective = results.objective()
    test, unit = objective.signed(scores(results, "test")), objective.unit
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    left.hist(test, bins=60, color="#0072B2")
    named = objective.name if unit == objective.name else f"{objective.name} ({unit})"
    left.set(xlabel=f"test {named}", ylabel="runs", title=objective.name.capitalize())
    curves = results.columns[f"valid_{objective.name}"]
    epochs = np.arange(1, curves.shape[1] + 1)
    for low, high, colour in ((5, 95, "#cfe3f2"), (25, 75, "#7fb4d9")):
        bounds = np.nanpercentile(curves, [low, high], axis=0)
        right.fill_between(epochs, *bounds, color=colour, label=f"{low} to {high} %")
    right.plot(epochs, np.nanmedian(curves, axis=0), color="#0072B2", label="median")
    right.set(
        xlabel="epoch", ylabel=f"validation {objective.name} ({unit})", title="Learning curves"
    )
    right.legend(frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
