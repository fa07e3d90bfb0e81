"""`archcast stop`."""

from __future__ import annotations

from typing import Annotated

import typer

from archcast.cli.options import OnTable, Shown, Work, chances
from archcast.cli.output import console, print_frame, report_failures


def stop(
    *,
    on: OnTable,
    predictor: Annotated[
        str, typer.Option(help="Predictors of learning curves with deviations.")
    ] = "lcsvr",
    threshold: Annotated[
        str, typer.Option(help="Chances of a new best below which training stops.")
    ] = "0.05",
    train_size: Annotated[
        int, typer.Option(min=1, help="Architectures trained before, to learn from.")
    ] = 100,
    architectures: Annotated[int, typer.Option(min=2, help="Architectures to search.")] = 100,
    repeats: Annotated[int, typer.Option(min=1, help="Random searches.")] = 50,
    seed: Annotated[int, typer.Option(help="Seed of the searches and of the predictors.")] = 0,
    work: Work,
    format: Shown = "table",
) -> None:
    """Stop hopeless training early: what is saved, what is lost.

    It does so in a random search. Successive halving and Hyperband search the same architectures
    with as many epochs.
    """
    from archcast.evaluation.record import RecordStore
    from archcast.evaluation.runner import run_jobs
    from archcast.report.terminal import COLUMNS, stop_table
    from archcast.studies.stopping import StopRecord, run_stop_job, stop_jobs, summarise

    thresholds = chances("--threshold", threshold)
    table = on.open()
    todo = stop_jobs(table, predictor, train_size, architectures, repeats, seed)
    store = RecordStore(work.results / "stop", StopRecord)
    records = run_jobs(todo, table, store, run_stop_job, work.workers, work.retry)
    summary = summarise(records, thresholds)
    if format == "table":
        shown = console()
        more = f"; {train_size} more to learn from" if summary["train_size"].any() else ""
        shown.print(
            f"{table.dataset} ({table.name}): searches of {architectures} architectures, mean of"
            f" {repeats}{more}"
        )
        shown.print(stop_table(summary, shown.width))
        shown.print(COLUMNS)
    else:
        print_frame(summary, format)
    report_failures(records)
