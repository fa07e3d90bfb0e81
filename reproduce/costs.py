"""What the shipped sweep says of all predictors: a table, a sentence, and two figures.

python -m reproduce.costs out
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from archcast.benchmarks.opening import open_table
from archcast.cli.options import DEFAULT_BENCHMARK
from archcast.evaluation.measure import measure
from archcast.report.print_figures import write_figures
from archcast.report.text import seconds_text
from archcast.report.views import surface
from archcast.studies.costs import summarise
from archcast.studies.recommendation import shipped_sweep
from reproduce.page import number, table

BUDGETS = ((10, 1), (100, 4), (300, 8))  # labels and epochs
HEADS = ("predictor", "family", "first", "second", "third", "init, query")
FIGURES = ("pareto", "surface")


def main(folder: Path) -> None:
    measured = measure(shipped_sweep())
    board = summarise(measured)
    rows = [cells(str(name), each) for name, each in board.groupby("predictor")]
    print(table(HEADS, (row for _, row in sorted(rows, key=lambda row: -row[0]))))

    optimal = board[board["pareto"]]
    print(
        f"\n{optimal['predictor'].nunique()} of {len(rows)} predictors are Pareto-optimal"
        f" somewhere, in {len(optimal)} of {len(board)} settings.\n"
    )
    map_ = surface(board)
    assert map_
    ranks: dict[str, list[str]] = {}
    for row in sorted({region.row for region in map_.regions()}):
        ranks.setdefault(f"`{board['predictor'][row]}`", []).append(str(row + 1))
    print("![The map of who wins at which budgets](costs-surface.png)\n")
    print("Where a name has no room the map has the setting's rank. Ranks of those that win:")
    print(", ".join(f"{name} {' and '.join(at)}" for name, at in ranks.items()) + ".\n")
    print("![Initialisation against query seconds, with what is Pareto-optimal](costs-pareto.png)")
    with TemporaryDirectory() as aside:
        write_figures(measured, open_table(DEFAULT_BENCHMARK), Path(aside), ["png"])
        for name in FIGURES:
            shutil.copyfile(Path(aside, f"{name}.png"), folder / f"costs-{name}.png")


def cells(name: str, rows: pd.DataFrame) -> tuple[float, list[str]]:
    """The tau by which a predictor is sorted, and its row of the table."""
    at: list[Any] = [
        rows[rows["train_size"].isin([0, labels]) & rows["epochs"].isin([0, epochs])].iloc[0]
        for labels, epochs in BUDGETS
    ]
    taus = [number(row["kendall_tau"], 2) for row in at]
    costs = [seconds_text(at[-1][f"{cost}_seconds"]) for cost in ("init", "query")]
    shown = f"`{name}` *" if rows["pareto"].any() else f"`{name}`"
    return at[-1]["kendall_tau"], [shown, str(rows["family"].iat[0]), *taus, ", ".join(costs)]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
