"""Which conclusions of NAS-Bench-201 hold on other spaces.

    python -m reproduce.carries nasbench201-mini size-mini --figure across-spaces.png

Markdown: what each benchmark is; what is claimed, with the difference of Kendall's taus that it
stands for; Spearman's correlation of the benchmarks' boards; who wins at which budget; and all
taus, of which the figure shows some.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from archcast.benchmarks.table import Table
from archcast.evaluation.metrics import spearman
from archcast.evaluation.noise import noise_ceiling
from archcast.report.views import OKABE_ITO
from archcast.studies.costs import pareto, training_seconds, winners_over_benchmarks
from archcast.studies.experiment import Experiment
from archcast.studies.leaderboard import summarise
from archcast.studies.over_benchmarks import KEY
from reproduce.options import opened, options_of_jobs
from reproduce.page import number, table

FEW, MANY = 30, 100  # labels
RANKED = 200
SHOWN = 20  # predictors of the figure
MARKERS = "os^Dv*PX"


class Claim(NamedTuple):
    """That one predictor ranks better than another, or than the best of some."""

    text: str
    better: str
    others: tuple[str, ...]
    labels: int = MANY


CLAIMS = (
    Claim("training loss says more than validation accuracy", "sotl-e", ("early-stop-acc",)),
    Claim(
        "a third of a training says more than 100 labels",
        "sotl-e",
        ("gp", "xgb", "ngb", "var-sparse-gp"),
    ),
    Claim("labels pay on top of that", "lcsvr", ("sotl-e", "tse-e")),
    Claim("trees are as good as Gaussian processes", "xgb", ("gp",)),
    Claim("so are they with few labels", "xgb", ("gp",), FEW),
    Claim("a mean of both is better than either", "committee", ("gp", "xgb")),
    Claim("graph networks are not worth it", "gp", ("gcn", "bonas", "nn-former")),
    Claim("kin pays in a graph network", "nn-former", ("gcn",)),
    Claim("few labels beat the number of parameters", "gp", ("params",), FEW),
    Claim("no proxy beats the number of parameters", "params", ("synflow", "nwot", "jacov", "zen")),
    Claim("`synflow` is among the good proxies", "synflow", ("snip", "grasp", "fisher")),
    Claim("combining families pays", "omni", ("ngb", "sotl-e", "jacov")),
)


def main() -> None:
    parser = options_of_jobs(__doc__ or "", repeats=10)
    parser.add_argument("benchmarks", nargs="+", help="each as NAME, NAME:DATASET, or a file")
    parser.add_argument("--predictors", default="all")
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    tables = {each: opened(each) for each in options.benchmarks}
    measured = {}
    for name, results in tables.items():
        sizes = (FEW, MANY)
        ranked = min(RANKED, len(results) - MANY)
        experiment = Experiment(
            results, options.predictors, sizes, repeats=options.repeats, test_size=ranked
        )
        measured[name] = experiment.measured(options.results, options.jobs)
    boards = {name: telling(summarise(each)) for name, each in measured.items()}
    print(f"{described(tables)}\n\n{claims(measured)}\n\n{agreement(boards)}\n")
    print(f"{winners(boards, tables)}\n\n{taus(boards)}")
    if options.figure:
        draw(boards, options.figure)


def telling(board: pd.DataFrame) -> pd.DataFrame:
    """Without the tau of what is the same for all networks, as their size is in some spaces."""
    return board.assign(kendall_tau=board["kendall_tau"].where(board["kendall_tau"] != 0.0))


def described(tables: dict[str, Table]) -> str:
    heads = ["benchmark", "space", "architectures", "runs of each", "10 % to 90 %", "tau's ceiling"]
    rows = []
    for name, results in tables.items():
        objective = results.objectives[0]
        truth = results.columns[getattr(objective, objective.truth)]
        values = results.mean_over_runs(truth.reshape(len(truth), -1)[:, -1])
        low, high = np.percentile(values, (10, 90))
        digits = 1 if objective.unit == "%" else 3
        limit = noise_ceiling(results)
        runs = np.unique(np.diff(results.starts))
        rows.append(
            [
                name,
                results.space.name,
                f"{len(results):,}",
                " to ".join(map(str, dict.fromkeys((runs[0], runs[-1])))),
                f"{low:.{digits}f} to {high:.{digits}f} {objective.unit}",
                "-" if limit is None else number(limit, 2),
            ]
        )
    return table(heads, rows)


def claims(measured: dict[str, pd.DataFrame]) -> str:
    """By how much each holds, and on how many splits of all."""
    rows = []
    for claim in CLAIMS:
        others = ", ".join(f"`{each}`" for each in claim.others)
        cells = [f"{claim.text} (`{claim.better}` - {others}, {claim.labels} labels)"]
        for each in measured.values():
            by_split = each[each["train_size"].isin((0, claim.labels))].pivot_table(
                index="repeat", columns="predictor", values="kendall_tau"
            )
            by_split = by_split.loc[:, (by_split != 0.0).any()]
            there = [name for name in claim.others if name in by_split]
            if claim.better not in by_split or not there:
                cells.append("-")
                continue
            gain = by_split[claim.better] - by_split[by_split[there].mean().idxmax()]
            cells.append(f"{gain.mean():+.2f} ({(gain > 0).sum()} of {len(gain)})")
        rows.append(cells)
    return table(["claim", *measured], rows)


def agreement(boards: dict[str, pd.DataFrame]) -> str:
    """Of the taus of two benchmarks, over the rows that both have."""
    values = _values(boards)

    def between(one: str, other: str) -> float:
        first, second = values[[one, other]].dropna().to_numpy().T[[0, -1]]
        return float(spearman(first, second))

    rows = [[f"`{one}`", *(number(between(one, other), 2) for other in boards)] for one in boards]
    return table(["", *boards], rows)


def winners(boards: dict[str, pd.DataFrame], tables: dict[str, Table]) -> str:
    """The best that so many trainings pay to start with, and such a share of one for a query."""
    training = {name: training_seconds(results) for name, results in tables.items()}
    won = winners_over_benchmarks(boards, training, (0, FEW, MANY))
    rows = []
    for (trainings, share), line in zip(won.index, won.to_numpy(), strict=True):
        best = (boards[name].loc[at] for name, at in zip(won.columns, line, strict=True))
        cells = [f"`{row['predictor']}` {number(row['kendall_tau'], 2)}" for row in best]
        rows.append([f"{trainings} trainings", f"{share:.0%} of one", *cells])
    return table(["to start with", "a query", *boards], rows)


def taus(boards: dict[str, pd.DataFrame]) -> str:
    """Those that no other row of the board beats on all counts are marked by a star."""
    values = _values(boards)
    unbeaten = {
        name: set(board.loc[pareto(board), KEY].itertuples(index=False, name=None))
        for name, board in boards.items()
    }
    rows = []
    for (predictor, size), of_row in zip(values.index, values.to_numpy(), strict=True):
        shown = [
            number(tau, 2) + " *" * ((predictor, size) in unbeaten[name])
            for name, tau in zip(boards, of_row, strict=True)
        ]
        rows.append([f"`{predictor}`", str(size) if size else "-", *shown])
    return table(["predictor", "labels", *boards], rows)


def _values(boards: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Tau by predictor and labels, a column a benchmark, NaN where there is none.

    The best mean rank is first, of as many benchmarks as there are.
    """
    columns = (each.set_index(KEY)["kendall_tau"].rename(name) for name, each in boards.items())
    values = pd.concat(columns, axis=1).dropna(how="all")
    ranks = values.rank(ascending=False, pct=True).mean(axis=1)
    return values.loc[ranks.sort_values(kind="stable").index]


def draw(boards: dict[str, pd.DataFrame], path: Path) -> None:
    values = _values(boards)
    shown = values[values.index.get_level_values("train_size").isin((0, MANY))].head(SHOWN)
    figure, axes = plt.subplots(figsize=(7, 0.24 * len(shown) + 1), layout="constrained")
    places = np.arange(len(shown))
    axes.hlines(places, shown.min(axis=1), shown.max(axis=1), color="#dddddd", zorder=0)
    for at, name in enumerate(boards):
        colour = OKABE_ITO[at % len(OKABE_ITO)]
        axes.plot(shown[name], places, MARKERS[at], color=colour, label=name, markersize=5)
    axes.set_yticks(places, shown.index.get_level_values("predictor"))
    axes.set(xlabel=f"Kendall tau; of those that learn, with {MANY} labels")
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
