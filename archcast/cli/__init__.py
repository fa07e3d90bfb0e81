"""The command line: a file a command; each parses, calls, prints."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import warnings
from typing import Annotated

import typer
from typer.exceptions import TyperException

import archcast
from archcast.cli.benchmark_command import train
from archcast.cli.combine_command import combine
from archcast.cli.costs_command import costs
from archcast.cli.leaderboard_command import leaderboard
from archcast.cli.list_command import list_names
from archcast.cli.options import with_groups
from archcast.cli.output import OneLine, Told, by_itself, say
from archcast.cli.pareto_command import pareto
from archcast.cli.recommend_command import recommend
from archcast.cli.report_command import report
from archcast.cli.search_command import search
from archcast.cli.stop_command import stop
from archcast.cli.supernet_command import supernet
from archcast.cli.table_command import convert, info, verify
from archcast.core.errors import InputError, told
from archcast.core.registry import plugin_behind

STANDARD_OUTPUT = 1
GRACE = 8  # seconds from the signal to the end, whatever is going on
INTERRUPTED = 130  # what a shell reports of a program ended by Ctrl-C
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # with what is finished kept

app = typer.Typer(
    name="archcast",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # boxes around help would take longer to load than all else
)
table_app = typer.Typer(help="Tables of measured results.", no_args_is_help=True)
benchmark_app = typer.Typer(help="Benchmarks of your own.", no_args_is_help=True)


def _version(asked: bool) -> None:
    if asked:
        print(f"archcast {archcast.__version__}")
        raise typer.Exit


@app.callback()
def whole(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print it, and exit."),
    ] = False,
) -> None:
    """Which performance predictor to use for neural architecture search, given your budgets."""


app.command("list")(by_itself(list_names))
for command in (leaderboard, costs, recommend, combine, pareto, report, stop, search, supernet):
    app.command()(by_itself(with_groups(command)))
app.add_typer(table_app, name="table")
table_app.command()(by_itself(info))
table_app.command()(by_itself(convert))
table_app.command()(by_itself(verify))
app.add_typer(benchmark_app, name="benchmark")
benchmark_app.command()(by_itself(train))


def main() -> None:
    """Run the command line; an error is one line on standard error."""
    gc.set_threshold(50_000, 20, 20)  # thousands of records are no garbage, and no reason to look
    told_by = Told()
    told_by.setFormatter(OneLine("archcast: %(message)s"))
    logging.basicConfig(handlers=[told_by])
    warnings.simplefilter("ignore")  # of libraries about themselves; ours are logged
    os.environ.setdefault("PYTHONWARNINGS", "ignore")  # also in the processes that they begin
    received: list[int] = []

    def end(number: int, _: object) -> None:
        received.append(number)
        signal.alarm(GRACE)  # where a library takes the exception for one of its own
        raise KeyboardInterrupt

    before = {each: signal.getsignal(each) for each in ENDING}
    for each, handler in before.items():
        if handler is not signal.SIG_IGN:  # as `nohup` has it
            signal.signal(each, end)
    try:
        code = app(standalone_mode=False)
        if sys.stdout:
            sys.stdout.flush()
    except Exception as error:
        code = INTERRUPTED if received else _failed(error)  # libraries turn one into the other
    except KeyboardInterrupt:  # in code that the command line's library does not call
        code = INTERRUPTED
    finally:
        for each in ENDING:
            signal.signal(each, before[each])
    if code == INTERRUPTED:
        say("interrupted; what is finished is kept, and the same command goes on from there")
        code = 128 + received[0] if received else code
    sys.exit(code)


def _failed(error: Exception) -> int:
    """The exit code, after a line of what is the user's to mend; all else is raised again."""
    if isinstance(error, InputError | TyperException):
        line = error.format_message() if isinstance(error, TyperException) else str(error)
        if line.startswith("Usage:"):  # nothing was asked for
            print(line, file=sys.stderr)
            return 2
    elif isinstance(error, _job_lost()):
        say(" ".join(str(error).split()))
        return 1
    elif where := plugin_behind(error):
        line = f"{where}: {told(error)}; mend or uninstall its package"
    elif isinstance(error, OSError):
        return _without_output(error)
    else:
        raise error
    say(" ".join(line.split()))
    return 2


def _job_lost() -> type[Exception]:
    from archcast.core.workers import JobLost

    return JobLost


def _without_output(error: OSError) -> int:
    """The exit code where nobody reads what is printed, or there is no room for it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), STANDARD_OUTPUT)  # for what is not flushed yet
    if isinstance(error, BrokenPipeError):
        return 1
    say(f"can't go on ({told(error)}); what is finished is kept")
    return 2
