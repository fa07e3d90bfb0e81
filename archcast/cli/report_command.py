"""`archcast report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archcast.cli.options import By, OnTable, PageOut, Results
from archcast.cli.output import say, write_report
from archcast.core.errors import InputError


def report(
    *,
    on: OnTable,
    results: Results = Path("results"),
    by: By = "kendall-tau",
    out: PageOut = Path("report.html"),
    figures: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for figures as PDF, SVG and PNG, for papers."),
    ] = None,
) -> None:
    """Write a page with tables and figures of the results.

    It shows what `leaderboard`, `costs` and `search` left there. It is one file that loads nothing
    from elsewhere.
    """
    from archcast.evaluation import registry as metrics
    from archcast.evaluation.kept_measures import measured_of
    from archcast.evaluation.record import stored_records
    from archcast.search.search_job import SearchRecord
    from archcast.studies.leaderboard import comparable
    from archcast.studies.speed_up import comparable_searches, measure_searches

    metrics.get(by)
    table = on.open(out)
    known = measured_of(results, table.hash)
    searched = stored_records(results / "search", SearchRecord, table.hash)
    if known.empty and not searched:
        raise InputError(
            f"{results}: no records of {table.dataset} ({on.benchmark}); run `archcast leaderboard`"
            " or `archcast search` first, or choose another folder by --results"
        )
    measured, compared = comparable(known), comparable_searches(searched)
    if len(measured) < len(known):
        say(
            f"left out: {len(known) - len(measured)} records of another test size, objective,"
            " label, truth or seed than most"
        )
    if len(compared) < len(searched):
        say(
            f"left out: {len(searched) - len(compared)} searches of another budget, objective,"
            " limit, label or seed than most, or live where these are not"
        )
    searches = measure_searches(compared)
    write_report(measured, table, out, searches, by=by)
    if figures is not None:
        from archcast.report.print_figures import write_figures

        written = write_figures(measured, table, figures, ("pdf", "svg", "png"), searches)
        say(f"wrote {len(written)} files to {figures}")
