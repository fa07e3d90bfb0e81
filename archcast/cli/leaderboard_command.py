"""`archcast leaderboard`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from archcast.cli.options import (
    Build,
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

    from archcast.benchmarks.table import Table
    from archcast.studies.experiment import Experiment


def leaderboard(
    *,
    on: OnTables,
    predictors: Predictors = "all",
    train_sizes: TrainSizes = "100",
    epochs: Epochs = None,
    known: Known = None,
    splits: Splits,
    live: Annotated[
        bool, typer.Option("--live", help="Train what predictors are told apart by, and keep it.")
    ] = False,
    space: Annotated[
        str | None,
        typer.Option(
            help="With --live, of the architectures: a name, or decisions as JSON.",
            show_default="nasbench201",
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            help="With --live, what networks learn: the path of images (.npz) or of a text (.txt).",
            show_default="what ships and they take",
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(help="With --live, seconds of training, of one thread.", show_default="600"),
    ] = None,
    build: Build = None,
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
    sizes = numbers("--train-sizes", train_sizes)
    if live:
        if on != OnTables():
            raise InputError("--live: trains a table; leave --benchmark and its like out")
        table = _trained(space, task, seconds, build, work, device, report)
        tables = {table.name: table}
        sizes, splits = _within(len(table), sizes, splits)
    else:
        given = {"--space": space, "--task": task, "--seconds": seconds, "--build": build}
        if named := next((name for name, value in given.items() if value is not None), None):
            raise InputError(f"{named}: is of what is trained; add --live")
        tables = on.open_all(report)
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


def _trained(
    space: str | None,
    task: str | None,
    seconds: float | None,
    build: str | None,
    work: Work,
    device: str,
    report: Path | None,
) -> Table:
    """A table of random architectures, made or gone on with."""
    from archcast.core.files import check_target
    from archcast.studies.front_door import SAMPLED, SAMPLED_SECONDS, train_sample

    if report is not None:
        check_target(report, *([task] if task else []))
    paid = SAMPLED_SECONDS if seconds is None else seconds
    return train_sample(
        space or SAMPLED, task, paid, build=build, device=device, results=work.results,
        workers=work.workers,
    )  # fmt: skip


def _within(
    architectures: int, sizes: tuple[int, ...], splits: Splits
) -> tuple[tuple[int, ...], Splits]:
    """The sizes asked for, as far as there are architectures: half of them at most are ranked."""
    ranked = min(splits.test_size, architectures // 2)
    left = architectures - ranked
    return tuple(dict.fromkeys(min(size, left) for size in sizes)), replace(
        splits, test_size=ranked
    )


def _over_benchmarks(
    experiments: dict[str, Experiment], work: Work, by: str, format: Format, report: Path | None
) -> None:
    """A board of mean ranks, where several benchmarks were asked for."""
    import pandas as pd

    from archcast.report.terminal import over_benchmarks_table
    from archcast.report.text import counted
    from archcast.studies.experiment import measured_all
    from archcast.studies.leaderboard import summarise
    from archcast.studies.over_benchmarks import check_experiments, over_benchmarks

    if report is not None:
        raise InputError(f"--report {report}: a page is of one benchmark; give one")
    check_experiments(experiments.values())
    measured = measured_all(experiments.values(), work.results, work.workers, work.retry)
    boards = {name: summarise(each, by) for name, each in zip(experiments, measured, strict=True)}
    board = over_benchmarks(boards, by)
    if format == "table":
        shown = console()
        some = next(iter(experiments.values()))
        shown.print(
            f"{len(boards)} benchmarks: {by}, mean of {counted(some.repeats, 'split')} each"
        )
        shown.print(over_benchmarks_table(board, list(boards), shown.width, by))
        shown.print(
            f"= within {board.attrs['critical_difference']:.1f} ranks of the best, which is chance"
            " with 95 % confidence"
        )
    else:
        print_frame(board, format)
    report_failed_rows(pd.concat(measured))
