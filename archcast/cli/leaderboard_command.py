"""`archcast leaderboard`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from archcast.cli.options import (
    By,
    Epochs,
    Known,
    OnTable,
    Page,
    Predictors,
    Shown,
    Splits,
    TrainSizes,
    Where,
    Work,
    numbers,
    numbers_or_none,
)
from archcast.cli.output import (
    console,
    print_frame,
    ranked_heading,
    report_failed_rows,
    write_report,
)

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console, RenderableType


def leaderboard(
    *,
    on: OnTable,
    predictors: Predictors = "all",
    train_sizes: TrainSizes = "100",
    epochs: Epochs = None,
    known: Known = None,
    splits: Splits,
    work: Work,
    device: Where = "auto",
    by: By = "kendall-tau",
    format: Shown = "table",
    report: Page = None,
) -> None:
    """Rank predictors by how well they rank architectures.

    Beside that stands what they cost. Finished jobs are kept in the results folder and never run
    twice.
    """
    from archcast.core.spec import split_specs
    from archcast.evaluation import registry as metrics
    from archcast.report.terminal import INTERVALS, TIED, filling_table, leaderboard_table
    from archcast.report.views import ceiling_note
    from archcast.studies.leaderboard import summarise

    metrics.get(by)  # a wrong name is said before anything is run
    table = on.open(report)
    sizes = numbers("--train-sizes", train_sizes)
    paid = numbers_or_none("--epochs", epochs)
    experiment = splits.experiment(table, predictors, sizes, paid, device)
    if known is not None:
        experiment = replace(experiment, known=tuple(split_specs(known)))

    def view(measured: pd.DataFrame, shown: Console) -> RenderableType | None:
        return filling_table(summarise(measured, by), shown.width, shown.height, by)

    watched = format == "table" and console().is_terminal
    measured = experiment.measured(
        work.results, work.processes, work.retry, view if watched else None
    )
    write_report(measured, table, report, by=by)
    board = summarise(measured, by)
    if format == "table":
        shown = console()
        shown.print(ranked_heading(table, experiment))
        shown.print(leaderboard_table(board, shown.width, by))
        if board["tied_with_best"][1:].any():
            shown.print(TIED)
        if board["kendall_tau_low"].notna().any():
            shown.print(INTERVALS)
        if (note := ceiling_note(measured, table)) is not None:
            shown.print(note)
    else:
        print_frame(board, format)
    report_failed_rows(measured)
