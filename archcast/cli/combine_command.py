"""`archcast combine`."""

from __future__ import annotations

from typing import Annotated

import typer

from archcast.cli.options import Epochs, OnTable, Shown, Splits, Where, Work, numbers_or_none
from archcast.cli.output import console, print_frame, ranked_heading, report_failed_rows


def combine(
    *,
    predictors: Annotated[
        list[str],
        typer.Argument(help="One that learns from vectors, or none, and others that do not learn."),
    ],
    head: Annotated[
        str | None, typer.Option(help="What learns.", show_default="the one given, or ngb")
    ] = None,
    on: OnTable,
    train_size: Annotated[int, typer.Option(min=1, help="Labelled architectures.")] = 100,
    epochs: Epochs = None,
    splits: Splits,
    work: Work,
    device: Where = "auto",
    format: Shown = "table",
) -> None:
    """Combine predictors of any families: what each part adds.

    The head learns from the encoding and from the scores of the parts: `combine xgb sotl-e jacov`.
    """
    from archcast.report.terminal import COLUMNS, ablation_table
    from archcast.studies.ablation import summarise, variants

    table = on.open()
    found = variants(predictors, head)
    paid = numbers_or_none("--epochs", epochs)
    experiment = splits.experiment(table, list(found.values()), (train_size,), paid, device)
    experiment.check_one_number("variants")
    measured = experiment.measured(work.results, work.workers, work.retry)
    summary = summarise(measured, found)
    if format == "table":
        shown = console()
        shown.print(ranked_heading(table, experiment))
        shown.print(ablation_table(summary))
        shown.print(COLUMNS)
    else:
        print_frame(summary, format)
    report_failed_rows(measured)
