"""`archcast recommend`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archcast.cli.options import OnTable, Results, Shown
from archcast.cli.output import console, known_measures, print_frame
from archcast.core.errors import InputError


def recommend(
    *,
    init: Annotated[float, typer.Option(help="Seconds to spend before the first query.")],
    query: Annotated[float, typer.Option(help="Seconds to spend on each query.")],
    on: OnTable,
    results: Results = Path("results"),
    format: Shown = "table",
) -> None:
    """Say which predictor to use within a budget.

    And which may be as good. From the records in the results folder, as `costs` and `leaderboard`
    leave them; without any, from sweeps that come with archcast: of nasbench201-mini and
    nasbench201.
    """
    from archcast.report.terminal import INTERVALS, TIED, leaderboard_table, recommendation_text
    from archcast.studies.recommendation import cheapest, summarise

    if not (init >= 0 and query >= 0):
        raise InputError("--init and --query: give seconds, 0 or more")
    table = on.open()
    objective = table.objective().name
    measured = known_measures(table, results, objective)
    if measured.empty:
        asked = f"--benchmark {on.benchmark}"
        asked += f" --dataset {on.dataset}" if on.dataset else ""
        asked += f" --runs {on.runs}" if on.runs != "drawn" else ""
        raise InputError(f"{results}: no records of its {objective}; run `archcast costs {asked}`")
    payable = summarise(measured, init, query)
    if format != "table":
        return print_frame(payable, format)
    shown = console()
    shown.print(recommendation_text(payable, cheapest(measured), init, query))
    best = payable["tied_with_best"].fillna(False)
    if best[1:].any():
        best[:1] = True
        shown.print("\nIt, and what may be the best too:")
        shown.print(leaderboard_table(payable[best], shown.width))
        shown.print(f"{TIED}\n{INTERVALS}")
    return None
