"""`archcast costs`."""

from __future__ import annotations

from typing import Annotated

import typer

from archcast.cli.options import (
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

_SPLITS = Splits(test_size=100, repeats=4)


def costs(
    context: typer.Context,
    *,
    on: OnTable,
    predictors: Predictors = "all",
    train_sizes: TrainSizes = "10,30,100,300",
    epochs: Annotated[
        str | None,
        typer.Option(
            help="Epochs of the curves that a query pays.", show_default="1, 2, 4, ... of them"
        ),
    ] = None,
    splits: Splits = _SPLITS,
    work: Work,
    device: Where = "auto",
    format: Shown = "table",
    report: Page = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="Some predictors and fewer settings, unless others are given: in two minutes.",
        ),
    ] = False,
) -> None:
    """Find which predictor wins at which budget.

    Compares what predictors cost to initialise and to query, over labels and epochs. JSON and CSV
    are leaderboard rows, with `pareto` for those that no other beats on all counts.
    """
    from dataclasses import replace

    from archcast.report.terminal import (
        INTERVALS,
        TIED,
        leaderboard_table,
        sizes_table,
        surface_table,
    )
    from archcast.studies.costs import QUICK, doublings, summarise

    table = on.open(report)
    sizes = numbers("--train-sizes", train_sizes)
    paid = numbers_or_none("--epochs", epochs)
    experiment = splits.experiment(table, predictors, sizes, paid, device)
    if quick:
        said = {name: context.get_parameter_source(name) for name in QUICK}
        unsaid = [name for name, source in said.items() if source and source.name == "DEFAULT"]
        experiment = replace(experiment, **{name: QUICK[name] for name in unsaid})
    if experiment.epochs is None:
        experiment = replace(experiment, epochs=doublings(table))
    measured = experiment.measured(work.results, work.workers, work.retry)
    write_report(measured, table, report)
    board = summarise(measured)
    if format != "table":
        print_frame(board, format)
        return report_failed_rows(measured)
    shown = console()
    shown.print(ranked_heading(table, experiment))
    shown.print("\nBest predictor by seconds to initialise (across) and to query (down)")
    shown.print(surface_table(board, shown.width))
    shown.print("\nNot beaten in initialisation, query and tau together")
    shown.print(leaderboard_table(board[board["pareto"]], shown.width))
    if (by_labels := sizes_table(board, "train_size")) is not None:
        shown.print("\nTau by labelled architectures")
        shown.print(by_labels)
    if (by_epochs := sizes_table(board, "epochs")) is not None:
        shown.print("\nTau by epochs paid")
        shown.print(by_epochs)
    shown.print(f"\n{TIED}\n{INTERVALS}")
    return report_failed_rows(measured)
