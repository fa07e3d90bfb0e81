"""`archcast costs`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archcast.cli.options import (
    Format,
    OnTables,
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
from archcast.core.errors import InputError

if TYPE_CHECKING:
    from archcast.studies.experiment import Experiment

_SPLITS = Splits(test_size=100, repeats=4)


def costs(
    context: typer.Context,
    *,
    on: OnTables,
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
    are leaderboard rows, with `pareto` for those that no other beats on all counts. Over several
    benchmarks, budgets are trainings.
    """
    from archcast.report.terminal import (
        INTERVALS,
        TIED,
        leaderboard_table,
        sizes_table,
        surface_table,
    )
    from archcast.studies.costs import QUICK, doublings, quick_on, summarise

    tables = on.open_all(report)
    sizes = numbers("--train-sizes", train_sizes)
    paid = numbers_or_none("--epochs", epochs)
    said = {name: context.get_parameter_source(name) for name in QUICK}
    unsaid = [name for name, source in said.items() if source and source.name == "DEFAULT"]
    experiments = {
        name: splits.experiment(table, predictors, sizes, paid or doublings(table), device)
        for name, table in tables.items()
    }
    if quick:
        for name, table in tables.items():
            faster = {each: given for each, given in quick_on(table).items() if each in unsaid}
            experiments[name] = replace(experiments[name], **faster)
    if len(tables) > 1:
        return _over_benchmarks(experiments, work, format, report)
    ((table, experiment),) = zip(tables.values(), experiments.values(), strict=True)
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


def _over_benchmarks(
    experiments: dict[str, Experiment], work: Work, format: Format, report: Path | None
) -> None:
    """Winners by budget and what is never beaten, where several benchmarks were asked for."""
    import pandas as pd

    from archcast.report.terminal import unbeaten_table, winners_table
    from archcast.report.text import counted
    from archcast.studies.costs import (
        summarise,
        training_seconds,
        unbeaten,
        winners_over_benchmarks,
    )
    from archcast.studies.experiment import measured_all

    if report is not None:
        raise InputError(f"--report {report}: a page is of one benchmark; give one")
    measured = measured_all(experiments.values(), work.results, work.workers, work.retry)
    boards = {name: summarise(each) for name, each in zip(experiments, measured, strict=True)}
    if format != "table":
        print_frame(pd.concat(boards.values(), ignore_index=True), format)
        return report_failed_rows(pd.concat(measured))
    some = next(iter(experiments.values()))
    training = {name: training_seconds(each.table) for name, each in experiments.items()}
    won = winners_over_benchmarks(boards, training, (0, *sorted(some.train_sizes)))
    shown = console()
    shown.print(f"{len(boards)} benchmarks, mean of {counted(some.repeats, 'split')} each")
    shown.print("\nBest predictor by trainings paid to start with and for a query")
    shown.print(winners_table(boards, won))
    shown.print("\nNot beaten in initialisation, query and tau together: the best tau of such rows")
    shown.print(unbeaten_table(unbeaten(boards)))
    return report_failed_rows(pd.concat(measured))
