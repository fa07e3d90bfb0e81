"""The numbers of the datasheet of nasbench201.

python -m reproduce.datasheet_nasbench201
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from archcast.benchmarks.nasbench201_results import DATASETS
from archcast.benchmarks.opening import open_table
from archcast.benchmarks.table import Table
from archcast.evaluation.engine import draw_runs
from archcast.evaluation.metrics import kendall_tau, spearman
from archcast.evaluation.noise import noise_ceiling
from archcast.predictors import registry as predictors
from archcast.predictors.predictor import Context
from reproduce.page import number, table

Floats = NDArray[np.float64]
PREDICTOR, LABELS, TESTED, REPEATS = "xgb", (100, 400), 1_000, 10
CHANCE = 15  # more than any cell of CIFAR-10 reaches whose output depends on no image


def facts(results: Table) -> dict[str, str]:
    """What is known on one data set, and how noisy it is."""
    accuracy = results.columns["valid_accuracy"].astype(float)
    mean = results.mean_over_runs(accuracy)
    seconds, latency = (first(results, name) for name in ("train_seconds", "latency_gpu"))
    one, two = first(results, "valid_accuracy"), accuracy[results.starts[:-1] + 1]
    limit = noise_ceiling(results)
    assert limit is not None
    found = {
        f"validation accuracy of a run, {name}": f"{np.percentile(accuracy, share):.2f} %"
        for name, share in (("least", 0), ("10 %", 10), ("median", 50), ("90 %", 90), ("best", 100))
    }
    best = int(mean.argmax())
    found["best mean of a cell's runs"] = f"{mean[best]:.3f} %"
    found["its operations"] = "".join(map(str, results.architectures[best].choices))
    found["Kendall tau of two runs of a cell"] = number(kendall_tau(one, two))
    found["Spearman's correlation of these"] = number(spearman(one, two))
    tops = [each >= np.quantile(each, 0.9) for each in (one, two)]
    taus = [kendall_tau(one[top], two[top]) for top in tops]
    found["Kendall tau of these, in the best tenth by one of them"] = number(
        float(np.mean(taus)), 2
    )
    found["noise ceiling of tau"] = number(limit)
    found["deviation over seeds, better half of the cells"] = (
        f"{np.sqrt(np.mean((one - two)[mean > np.median(mean)] ** 2) / 2):.2f} points"
    )
    found["seconds of a training, mean (least to most)"] = (
        f"{seconds.mean():,.0f} ({seconds.min():,.0f} to {seconds.max():,.0f})"
    )
    found["GPU years of all runs"] = f"{results.columns['train_seconds'].sum() / 3.1536e7:.1f}"
    found["latency, median (least to most)"] = (
        f"{np.median(latency):.1f} ms ({latency.min():.1f} to {latency.max():.1f})"
    )
    parameters = results.columns["parameters"]
    found["parameters"] = f"{parameters.min():,} to {parameters.max():,}"
    return found


def first(results: Table, column: str) -> Floats:
    """That of the first run of each cell."""
    values: Floats = results.columns[column][results.starts[:-1]].astype(float)
    return values


def between(tables: dict[str, Table]) -> list[list[str]]:
    """Kendall tau of two data sets, over all cells, which stand in one order."""
    rows = []
    for one, other in combinations(tables, 2):
        pair = tables[one], tables[other]
        means = [each.mean_over_runs(each.columns["valid_accuracy"]) for each in pair]
        top = means[0] >= np.quantile(means[0], 0.9)
        taus = [
            kendall_tau(*means),
            kendall_tau(means[0][top], means[1][top]),
            kendall_tau(*(first(each, "latency_gpu") for each in pair)),
        ]
        rows.append([f"{one}, {other}", *(number(tau, 2) for tau in taus)])
    return rows


def classes(results: Table) -> NDArray[np.int64]:
    """The number of each cell's isomorphism class."""
    kinds = [results.space.canonical(each).choices for each in results.architectures]
    number_of = {kind: i for i, kind in enumerate(dict.fromkeys(kinds))}
    return np.array([number_of[kind] for kind in kinds])


def sharing(tables: Sequence[Table], kind: NDArray[np.int64]) -> int:
    """How many cells have a run that an isomorphic cell has too: equal on all data sets.

    Those without a path to the output, which stay at chance whatever the seed, do not count.
    """
    starts = tables[0].starts
    owner = np.repeat(np.arange(len(kind)), np.diff(starts))
    accuracies = [each.columns["valid_accuracy"] for each in tables]
    _, run = np.unique(np.column_stack([kind[owner], *accuracies]), axis=0, return_inverse=True)
    alive = accuracies[0] > CHANCE
    pairs = {*zip(run[alive].tolist(), owner[alive].tolist(), strict=True)}
    cells_of = Counter(run for run, _ in pairs)
    return len({cell for run, cell in pairs if cells_of[run] > 1})


def copies(results: Table, kind: NDArray[np.int64]) -> list[list[str]]:
    """What it is worth to a predictor that isomorphic cells are among the labelled ones."""
    values = results.columns["valid_accuracy"]
    rows = []
    for labels in LABELS:
        found = []
        for repeat in range(REPEATS):
            rng = np.random.default_rng(repeat)
            order, run = rng.permutation(len(results)), draw_runs(results, rng, values)
            test, others = order[:TESTED], order[TESTED:]
            apart = others[~np.isin(kind[others], kind[test])]
            truth = results.mean_of_others(values, run)[test]
            taus = [
                _tau(results, values, run, train[:labels], test, truth) for train in (others, apart)
            ]
            found.append([np.isin(kind[test], kind[others[:labels]]).mean(), *taus])
        share, drawn, clean = np.mean(found, axis=0)
        rows.append([str(labels), f"{100 * share:.0f} %", number(drawn), number(clean)])
    return rows


def _tau(
    results: Table,
    values: NDArray[np.float32],
    run: NDArray[np.int64],
    train: NDArray[np.int64],
    test: NDArray[np.int64],
    truth: Floats,
) -> float:
    known, asked = ([results.architectures[i] for i in at] for at in (train, test))
    predictor = predictors.get(PREDICTOR)()
    predictor.fit(known, values[run[train]], Context())
    return kendall_tau(truth, predictor.query(asked, Context()))


def main() -> None:
    tables = {dataset: open_table("nasbench201", dataset) for dataset in DATASETS}
    found = {dataset: facts(results) for dataset, results in tables.items()}
    whats = found["cifar10"]
    print(
        table(
            ["what", *tables], ([what, *(each[what] for each in found.values())] for what in whats)
        )
    )
    print("\nKendall tau of two data sets, over all cells:\n")
    print(table(["", "accuracy", "accuracy, best tenth of the first", "latency"], between(tables)))
    some, kind = tables["cifar10"], classes(tables["cifar10"])
    alike = sharing([*tables.values()], kind)
    print(
        f"\nThe cells are {kind.max() + 1:,} up to isomorphism. {alike:,} have a run that an"
        f" isomorphic cell has too.\nTau of `{PREDICTOR}` on {TESTED:,} cells of CIFAR-10, mean of"
        f" {REPEATS} splits, and where no labelled cell\nis isomorphic to a tested one:\n"
    )
    heads = ("labels", "tested cells with a labelled copy", "tau", "tau without copies")
    print(table(heads, copies(some, kind)))


if __name__ == "__main__":
    main()
