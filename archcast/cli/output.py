"""What commands print: results on standard output, all else on standard error."""

from __future__ import annotations

import logging
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

import typer

from archcast.core.errors import printable

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from archcast.benchmarks.table import Table
    from archcast.evaluation.record import Record
    from archcast.search.search_job import SearchRecord
    from archcast.studies.experiment import Experiment
    from archcast.studies.stopping import StopRecord


_shown: TextIO | None = None  # standard output, within `by_itself`


def by_itself(command: Callable[..., None]) -> Callable[..., None]:
    """A command on whose standard output is what it shows, and nothing else.

    What others write there goes to standard error: plugins, libraries in C, worker processes.
    """

    @wraps(command)
    def run(*args: Any, **options: Any) -> None:
        global _shown
        output, _shown, aside = sys.stdout, sys.stdout, None
        with suppress(AttributeError, OSError):  # it may be closed, or no file
            aside = os.dup(output.fileno())
            _shown = os.fdopen(os.dup(aside), "w", encoding=output.encoding, errors=output.errors)
            os.dup2(sys.stderr.fileno(), output.fileno())
        sys.stdout = sys.stderr
        try:
            command(*args, **options)
            if _shown:
                _shown.flush()
        finally:
            if aside is not None:
                os.dup2(aside, output.fileno())
                os.close(aside)
            sys.stdout, _shown = output, None

    return run


def show(text: str) -> None:
    """Lines on standard output."""
    print(printable(text), file=_shown or sys.stdout)


def say(message: str) -> None:
    """A line on standard error."""
    typer.echo(printable(f"archcast: {message}"), err=True)


def console() -> Console:
    """Of standard output."""
    from archcast.core.plain_console import PlainConsole

    return PlainConsole(file=_shown or sys.stdout)


class Told(logging.Handler):
    """The log on standard error as it is now: above a bar, where there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            typer.echo(self.format(record), err=True)
        except Exception:
            self.handleError(record)


class OneLine(logging.Formatter):
    """A message of the log as a line, whatever names are in it."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(" ".join(super().format(record).split()))


def print_frame(frame: pd.DataFrame, format: Literal["json", "csv"]) -> None:
    """A frame for programs."""
    from archcast.report.terminal import to_csv, to_json

    show(to_json(frame) if format == "json" else to_csv(frame))


def ranked_heading(table: Table, experiment: Experiment) -> str:
    """What the rows of a leaderboard are of."""
    from archcast.report.text import counted

    return (
        f"{table.dataset} ({table.name}): {experiment.test_size} architectures ranked,"
        f" mean of {counted(experiment.repeats, 'split')}"
    )


def write_report(
    measured: pd.DataFrame,
    table: Table,
    path: Path | None,
    searches: pd.DataFrame | None = None,
    target: float | None = None,
    by: str = "kendall-tau",
) -> None:
    """Write a page, if one is asked for; see `write_page`."""
    if path is None:
        return
    from archcast.report.page import write_page

    command = shlex.join(["archcast", *sys.argv[1:]])
    write_page(measured, table, path, command, searches, target, by)
    say(f"wrote {path}")


def known_measures(table: Table, results: Path, objective: str) -> pd.DataFrame:
    """Those of the results folder, or else of the shipped sweep; the latter is said."""
    from archcast.studies import recommendation

    measured, shipped = recommendation.known_measures(table, results, objective)
    if len(measured) and shipped:
        say(f"no records in {results}: using the sweep that comes with archcast")
    return measured


def report_failures(records: Sequence[Record | StopRecord | SearchRecord]) -> None:
    """Name what failed, and end with exit code 1 if something did."""
    failed = [record for record in records if record.failed]
    _end_with(
        [f"{each.job.title}, repeat {each.job.repeat}: {each.error}" for each in failed],
        len(records),
    )


def report_failed_rows(measured: pd.DataFrame) -> None:
    """As `report_failures`."""
    failed = measured[measured["error"].notna()]
    _end_with(
        [
            f"{row.predictor}, {row.train_size} labels, repeat {row.repeat}: {row.error}"
            for row in failed.itertuples()
        ],
        len(measured),
    )


def _end_with(failed: Sequence[str], of: int) -> None:
    for each in failed:
        say(f"failed: {each}")
    if failed:
        say(f"{len(failed)} of {of} jobs failed; the rest is shown")
        raise typer.Exit(1)
