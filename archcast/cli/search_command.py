"""`archcast search`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archcast.cli.options import (
    Build,
    Label,
    Objective,
    OnTable,
    Page,
    Shown,
    Where,
    Work,
    names,
)
from archcast.cli.output import console, known_measures, print_frame, report_failures, write_report
from archcast.core.errors import InputError, short
from archcast.core.files import check_target
from archcast.core.spec import split_specs

if TYPE_CHECKING:
    from archcast.benchmarks.table import Table

SPACE = "nasbench201"
MOST_FOUND = 40  # lines of what was found
BEGUN = 2  # architectures of a table that a live search begins with


def search(
    *,
    on: OnTable,
    strategy: Annotated[
        str, typer.Option(help="Names, with parameters as in 'evolution(batch=10)', or all.")
    ] = "evolution",
    predictor: Annotated[
        str | None, typer.Option(help="Predictors that guide; names, a family, or all.")
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Guide by every predictor, and rank them.")
    ] = False,
    budget: Annotated[
        int | None,
        typer.Option(
            help="Whole trainings that a search may pay.",
            show_default="150, or any in --seconds or --wall",
        ),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Seconds of training that it may pay.", show_default="any")
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option(help="Random searches.", show_default="20, or 1 with --live"),
    ] = None,
    target: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Regret to reach, in the objective's unit.",
            show_default="where random search ends",
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Epochs of the curves that a query pays.", show_default="a third of them"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the searches and of the predictors.")] = 0,
    objective: Objective = None,
    objectives: Annotated[
        str | None,
        typer.Option(
            help="Several in place of one, as in 'accuracy,latency_cpu': a front is searched for."
        ),
    ] = None,
    limit: Annotated[
        str | None,
        typer.Option(
            help="The worst values that will do, as in 'latency_cpu=2.5,parameters=50000'."
        ),
    ] = None,
    label: Label = None,
    judge: Annotated[
        str | None,
        typer.Option(
            help="A data set of the benchmark that judges what is found.", show_default="its own"
        ),
    ] = None,
    live: Annotated[
        bool,
        typer.Option("--live", help="Search the whole space: train what the table lacks."),
    ] = False,
    at_once: Annotated[
        int, typer.Option(min=1, help="With --live, trainings at a time in each search.")
    ] = 1,
    wall: Annotated[
        float | None,
        typer.Option(
            help="With --live, seconds by the clock that a search may take.", show_default="any"
        ),
    ] = None,
    stop: Annotated[
        str | None,
        typer.Option(
            help="A predictor of learning curves that stops hopeless training, as lcsvr.",
            show_default="none",
        ),
    ] = None,
    threshold: Annotated[
        float, typer.Option(help="Chance of a new best below which --stop does.")
    ] = 0.05,
    task: Annotated[
        str | None,
        typer.Option(
            help="With --live, search on this in place of a table: the path of images (.npz) or of"
            " a text (.txt).",
            show_default="what the table was trained on",
        ),
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(
            help="Of the networks that a --task is searched in; a name, or decisions as JSON.",
            show_default="nasbench201",
        ),
    ] = None,
    build: Build = None,
    found: Annotated[
        Path | None,
        typer.Option(help="Write all architectures that searches return to this file (.csv)."),
    ] = None,
    work: Work,
    device: Where = "auto",
    format: Shown = "table",
    report: Page = None,
) -> None:
    """Search with and without a predictor.

    Shows what each search finds, and how much sooner.

    A search trains architectures one after another, and sees their validation values. Its regret
    is judged on test values, its time is what training took, and what the predictor takes. Random
    search, and the strategy without predictor, come along for comparison.
    """
    from archcast.benchmarks.opening import open_table
    from archcast.evaluation.kept_measures import measured_of
    from archcast.evaluation.measure import measure
    from archcast.report.terminal import COLUMNS, agreement_text, finds_text, search_table
    from archcast.report.views import budget_of, points_of
    from archcast.search.strategy_text import to_strategy
    from archcast.studies import leaderboard
    from archcast.studies.finds import finds, write_finds
    from archcast.studies.judging import Judge
    from archcast.studies.searches import SearchExperiment
    from archcast.studies.speed_up import agreement, measure_searches, summarise

    if live and judge is not None:
        raise InputError("--judge: knows only what is in its table; leave it or --live out")
    if task is None:
        if space is not None:
            raise InputError("--space: is of the networks for a --task; give one")
        table = on.open(report, found)
    else:
        if not live:
            raise InputError("--task: what is not in a table has to be trained; add --live")
        if on != OnTable():
            raise InputError("--task: stands in place of a table; leave --benchmark and its like")
        for given in split_specs(strategy) if strategy != "all" else []:
            to_strategy(given)
        table = _begun(task, space or SPACE, work, device, (report, found), build)
    experiment = SearchExperiment(
        table=table,
        strategies=strategy,
        predictors=predictor or ("all" if compare else None),
        budget=budget,
        seconds=seconds,
        repeats=repeats,
        epochs=epochs,
        objective=objective,
        objectives=names(objectives) if objectives else None,
        limits=_limits(limit),
        label=label,
        seed=seed,
        device=device,
        live=live,
        at_once=at_once,
        wall=wall,
        stop=stop,
        threshold=threshold,
        build=build,
    )
    other = (
        None if judge is None else Judge(table, open_table(on.benchmark, judge), experiment.goal)
    )
    records = experiment.run(work.results, work.workers, work.retry)
    if other is not None:
        records = other.judged(records)
    measured = measure([])
    if compare:
        measured = known_measures(table, work.results, experiment.goal.name)
    elif report is not None:
        measured = leaderboard.comparable(measured_of(work.results, table.hash))
    returned = finds(records, table)
    if found is not None:
        write_finds(returned, found)
    searches = measure_searches(records)
    write_report(measured, table, report, searches, target)
    summary = summarise(searches, target)
    if format == "table":
        shown = console()
        shown.print(
            f"{table.dataset} ({table.name}){f', judged on {judge}' if judge else ''}"
            f"{', live' if live else ''}:{f' {objectives},' if objectives else ''}"
            f"{f' within {limit},' if limit else ''}"
            f" {budget_of(summary)}, {_each(experiment.times)};"
            f" target: a regret of {summary['target'].iloc[0]:.4g} {points_of(summary)}".rstrip()
        )
        shown.print(search_table(summary, shown.width))
        shown.print(COLUMNS)
        if experiment.times == 1 and 0 < len(returned) <= MOST_FOUND:
            shown.print(finds_text(returned), soft_wrap=True)
        if compare:
            shown.print(agreement_text(agreement(summary, leaderboard.summarise(measured))))
    else:
        print_frame(summary, format)
    report_failures(records)


def _each(times: int) -> str:
    return "one search of each kind" if times == 1 else f"median of {times} searches"


def _limits(text: str | None) -> dict[str, float]:
    """From `latency_cpu=2.5,parameters=50000`."""
    found: dict[str, float] = {}
    for part in text.split(",") if text is not None else []:
        name, _, value = map(str.strip, part.partition("="))
        if name in found:
            raise InputError(f"--limit: {short(name)} has two; give one")
        try:
            found[name] = float(value)
        except ValueError:
            raise InputError(
                f"--limit {short(part)}: give an objective and a number, as in latency_cpu=2.5"
            ) from None
    return found


def _begun(
    task: str,
    space: str,
    work: Work,
    device: str,
    outputs: tuple[Path | None, ...],
    build: str | None,
) -> Table:
    """A table of a few random architectures trained on a task, to go on from."""
    from archcast.benchmarks.opening import open_table
    from archcast.making.table_training import Setting, train_table
    from archcast.spaces.declared import declared_space

    for path in filter(None, outputs):
        check_target(path, task)
    chosen = declared_space(space)
    out = work.results / Setting.mini(chosen, task, device, build).file
    train_table(chosen, task, [0], out, work.workers, device, BEGUN, build)
    return open_table(str(out))
