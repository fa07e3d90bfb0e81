"""`archcast leaderboard`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from archcast.cli.options import (
    By,
    Epochs,
    Format,
    Known,
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
    from pathlib import Path

    import pandas as pd
    from rich.console import Console, RenderableType

    from archcast.studies.experiment import Experiment


def leaderboard(
    *,
    on: OnTables,
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

    Beside that stands what they cost; over several benchmarks, their mean ranks. Finished jobs are
    kept in the results folder and never run twice.
    """
    from archcast.core.spec import split_specs
    from archcast.evaluation import registry as metrics
    from archcast.report.terminal import INTERVALS, TIED, filling_table, leaderboard_table
    from archcast.report.views import ceiling_note
    from archcast.studies.leaderboard import summarise

    metrics.get(by)  # a wrong name is said before anything is run
    tables = on.open_all(report)
    sizes = numbers("--train-sizes", train_sizes)
    paid = numbers_or_none("--epochs", epochs)
    seen = tuple(split_specs(known)) if known is not None else ()
    experiments = {
        name: replace(splits.experiment(table, predictors, sizes, paid, device), known=seen)
        for name, table in tables.items()
    }
    if len(tables) > 1:
        _over_benchmarks(experiments, work, by, format, report)
        return
    ((table, experiment),) = zip(tables.values(), experiments.values(), strict=True)

    def view(measured: pd.DataFrame, shown: Console) -> RenderableType | None:
        return filling_table(summarise(measured, by), shown.width, shown.height, by)

    watched = format == "table" and console().is_terminal
    measured = experiment.measured(
        work.results, work.workers, work.retry, view if watched else None
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


def _over_benchmarks(
    experiments: dict[str, Experiment], work: Work, by: str, format: Format, report: Path | None
) -> None:
    """A board of mean ranks, where several benchmarks were asked for."""
    import pandas as pd

    from archcast.report.terminal import over_benchmarks_table
    from archcast.studies.experiment import measured_all
    from archcast.studies.leaderboard import summarise
    from archcast.studies.over_benchmarks import over_benchmarks

    if report is not None:
        raise InputError(f"--report {report}: a page is of one benchmark; give one")
    for each in experiments.values():
        if len(each.epochs or ()) > 1:
            raise InputError("--epochs: several benchmarks are compared at one number; give one")
    measured = measured_all(experiments.values(), work.results, work.workers, work.retry)
    boards = {name: summarise(each, by) for name, each in zip(experiments, measured, strict=True)}
    board = over_benchmarks(boards, by)
    if format == "table":
        shown = console()
        some = next(iter(experiments.values()))
        shown.print(f"{len(boards)} benchmarks: {by}, mean of {some.repeats} splits each")
        shown.print(over_benchmarks_table(board, list(boards), shown.width, by))
        shown.print(
            f"= within {board.attrs['critical_difference']:.1f} ranks of the best, which is chance"
            " with 95 % confidence"
        )
    else:
        print_frame(board, format)
    report_failed_rows(pd.concat(measured))
