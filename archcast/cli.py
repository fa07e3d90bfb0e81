"""The command line: parses, calls, prints."""

from __future__ import annotations

import logging
import shlex
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer.exceptions import TyperException

from archcast.core.errors import InputError
from archcast.core.registry import Registry, load

if TYPE_CHECKING:
    from archcast.benchmarks.table import Table
    from archcast.evaluation.record import Record
    from archcast.search.search_job import SearchRecord
    from archcast.studies.experiment import Experiment
    from archcast.studies.leaderboard import Row
    from archcast.studies.stopping import StopRecord

app = typer.Typer(
    name="archcast",
    help="Which performance predictor to use for neural architecture search, given your budgets.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
table_app = typer.Typer(help="Tables of measured results.", no_args_is_help=True)
app.add_typer(table_app, name="table")
benchmark_app = typer.Typer(help="Benchmarks of your own.", no_args_is_help=True)
app.add_typer(benchmark_app, name="benchmark")

DEFAULT_BENCHMARK = "nasbench201-mini"
INTERRUPTED = 130  # what a shell reports of a program ended by Ctrl-C


Format = Literal["table", "json", "csv"]
Accuracy = Literal["valid", "test"]
Device = Literal["auto", "cpu", "cuda"]
Kind = Literal["predictors", "encodings", "proxies", "benchmarks", "metrics", "strategies"]
ROOMS: dict[Kind, str] = {
    "predictors": "predictors",
    "encodings": "encodings",
    "proxies": "zero_cost",
    "benchmarks": "benchmarks",
    "metrics": "evaluation",
    "strategies": "search",
}
Source = Literal["csv", "nats-bench", "nasbench201"]

BenchmarkOption = Annotated[
    str, typer.Option(help="A benchmark's name, or the path of a table (.parquet).")
]
DatasetOption = Annotated[
    str | None, typer.Option(help="A data set of the benchmark.", show_default="its first")
]
Predictors = Annotated[
    str, typer.Option(help="Names, with parameters as in 'xgb(labels=raw)', a family, or all.")
]
TrainSizes = Annotated[str, typer.Option(help="Numbers of labelled architectures.")]
Epochs = Annotated[
    str | None,
    typer.Option(help="Epochs of the curves that a query pays.", show_default="a third of them"),
]
TestSize = Annotated[int, typer.Option(help="Number of architectures to rank.")]
Repeats = Annotated[int, typer.Option(help="Random splits.")]
Seed = Annotated[int, typer.Option(help="Seed of the splits and of the predictors.")]
Label = Annotated[
    Accuracy | None,
    typer.Option(help="What is learned from.", show_default="valid where there is one"),
]
Truth = Annotated[Accuracy, typer.Option(help="What is predicted.")]
Jobs = Annotated[int, typer.Option(min=1, help="Worker processes.")]
DeviceOption = Annotated[Device, typer.Option(help="Where networks run.")]
Results = Annotated[Path, typer.Option(help="Folder of the records.")]
Retry = Annotated[bool, typer.Option("--retry/--no-retry", help="Run failed jobs again.")]
FormatOption = Annotated[Format, typer.Option(help="What to print.")]


def _in_a_folder(path: Path | None) -> Path | None:
    """What is written after long work must have a place before it."""
    if path is not None and not path.parent.is_dir():
        raise InputError(f"{path}: no such folder; make it, or choose another")
    return path


ReportOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.html", help="Write a page with table and figures.", callback=_in_a_folder
    ),
]


@app.command("list")
def list_(kind: Annotated[Kind, typer.Argument(help="What to list.")]) -> None:
    """List what can be named: predictors, encodings, proxies, benchmarks, metrics, strategies."""
    registry: Registry[object] = load(f"archcast.{ROOMS[kind]}:registry")
    entries = [(name, registry.entry(name)) for name in registry]
    order = list(dict.fromkeys(entry.family for _, entry in entries))
    entries.sort(key=lambda named: order.index(named[1].family))
    names = max(len(name) for name, _ in entries)
    families = max(len(entry.family) for _, entry in entries)
    for name, entry in entries:
        family = f"{entry.family:{families}}  " if families else ""
        typer.echo(f"{name:{names}}  {family}{entry.summary}")


@app.command()
def leaderboard(
    benchmark: BenchmarkOption = DEFAULT_BENCHMARK,
    dataset: DatasetOption = None,
    predictors: Predictors = "all",
    train_sizes: TrainSizes = "100",
    epochs: Epochs = None,
    test_size: TestSize = 200,
    repeats: Repeats = 10,
    seed: Seed = 0,
    label: Label = None,
    truth: Truth = "test",
    jobs: Jobs = 1,
    device: DeviceOption = "auto",
    results: Results = Path("results"),
    retry: Retry = True,
    format: FormatOption = "table",
    report: ReportOption = None,
) -> None:
    """Rank predictors by how well they rank architectures, and show what they cost.

    Finished jobs are kept in the results folder and never run twice.
    """
    from rich.console import Console

    from archcast.benchmarks.opening import open_table
    from archcast.evaluation.noise import noise_ceiling
    from archcast.report.terminal import INTERVALS, TIED, leaderboard_table
    from archcast.studies.experiment import Experiment
    from archcast.studies.leaderboard import leaderboard as rank

    table = open_table(benchmark, dataset)
    experiment = Experiment(
        table=table,
        predictors=predictors,
        train_sizes=_numbers("--train-sizes", train_sizes),
        epochs=_numbers("--epochs", epochs) if epochs is not None else None,
        test_size=test_size,
        repeats=repeats,
        seed=seed,
        label=label,
        truth=truth,
        device=device,
    )
    records = experiment.run(results, jobs, retry)
    _write_report(records, table, report)
    rows = rank(records)
    if format == "table":
        console = Console()
        console.print(_heading(table, experiment))
        console.print(leaderboard_table(rows, console.width))
        if any(row["tied_with_best"] for row in rows[1:]):
            console.print(TIED)
        if any(row["kendall_tau_low"] is not None for row in rows):
            console.print(INTERVALS)
        if (ceiling := noise_ceiling(table, part=truth)) is not None:
            console.print(
                f"noise of training limits tau to about {ceiling:.2f}, except for learning curves"
            )
    else:
        _print_rows(rows, format)
    _report_failures(records)


@app.command()
def costs(
    benchmark: BenchmarkOption = DEFAULT_BENCHMARK,
    dataset: DatasetOption = None,
    predictors: Predictors = "all",
    train_sizes: TrainSizes = "10,30,100,300",
    epochs: Annotated[
        str | None,
        typer.Option(
            help="Epochs of the curves that a query pays.", show_default="1, 2, 4, ... of them"
        ),
    ] = None,
    test_size: TestSize = 100,
    repeats: Repeats = 4,
    seed: Seed = 0,
    label: Label = None,
    truth: Truth = "test",
    jobs: Jobs = 1,
    device: DeviceOption = "auto",
    results: Results = Path("results"),
    retry: Retry = True,
    format: FormatOption = "table",
    report: ReportOption = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Some predictors, fewer settings: in two minutes.")
    ] = False,
) -> None:
    """Compare what predictors cost to initialise and to query, and find who wins at which budget.

    JSON and CSV are leaderboard rows, with `pareto` for those that no other beats on all counts.
    """
    from dataclasses import replace

    from rich.console import Console

    from archcast.benchmarks.opening import open_table
    from archcast.report.terminal import (
        INTERVALS,
        TIED,
        leaderboard_table,
        sizes_table,
        surface_table,
    )
    from archcast.studies.costs import QUICK, doublings, pareto
    from archcast.studies.experiment import Experiment
    from archcast.studies.leaderboard import leaderboard as rank

    table = open_table(benchmark, dataset)
    experiment = Experiment(
        table=table,
        predictors=predictors,
        train_sizes=_numbers("--train-sizes", train_sizes),
        epochs=_numbers("--epochs", epochs) if epochs is not None else None,
        test_size=test_size,
        repeats=repeats,
        seed=seed,
        label=label,
        truth=truth,
        device=device,
    )
    if quick:
        experiment = replace(experiment, **QUICK)
    if experiment.epochs is None:
        experiment = replace(experiment, epochs=doublings(table))
    records = experiment.run(results, jobs, retry)
    _write_report(records, table, report)
    rows = rank(records)
    rows = [row | {"pareto": best} for row, best in zip(rows, pareto(rows), strict=True)]
    if format != "table":
        _print_rows(rows, format)
        return _report_failures(records)
    console = Console()
    console.print(_heading(table, experiment))
    console.print("\nBest predictor by seconds to initialise (across) and to query (down)")
    console.print(surface_table(rows, console.width))
    console.print("\nNot beaten in initialisation, query and tau together")
    console.print(leaderboard_table([row for row in rows if row["pareto"]], console.width))
    console.print("\nTau by labelled architectures")
    console.print(sizes_table(rows, "train_size"))
    console.print("\nTau by epochs paid")
    console.print(sizes_table(rows, "epochs"))
    console.print(f"\n{TIED}\n{INTERVALS}")
    return _report_failures(records)


@app.command()
def recommend(
    init: Annotated[float, typer.Option(help="Seconds to spend before the first query.")],
    query: Annotated[float, typer.Option(help="Seconds to spend on each query.")],
    benchmark: BenchmarkOption = DEFAULT_BENCHMARK,
    dataset: DatasetOption = None,
    results: Results = Path("results"),
    format: FormatOption = "table",
) -> None:
    """Say which predictor to use within a budget, and which do no worse.

    From the records in the results folder, as `costs` and `leaderboard` leave them; without any, on
    the embedded benchmark, from a sweep that comes with archcast.
    """
    from rich.console import Console

    from archcast.benchmarks.opening import open_table
    from archcast.report.terminal import INTERVALS, TIED, leaderboard_table, recommendation
    from archcast.studies.recommendation import cheapest
    from archcast.studies.recommendation import recommend as choose

    if min(init, query) < 0:
        raise InputError("--init and --query: give seconds, 0 or more")
    table = open_table(benchmark, dataset)
    records = _known_records(table, results)
    if not records:
        raise InputError(
            f"{results}: no records of {benchmark}; run `archcast costs --benchmark {benchmark}`"
            " first"
        )
    rows = choose(records, init, query)
    if format != "table":
        return _print_rows(rows, format)
    console = Console()
    console.print(recommendation(rows, cheapest(records), init, query))
    others = [row for row in rows[1:] if row["tied_with_best"]]
    if others:
        console.print("\nIt, and what may be the best too:")
        console.print(leaderboard_table([rows[0], *others], console.width))
        console.print(f"{TIED}\n{INTERVALS}")
    return None


@app.command()
def combine(
    predictors: Annotated[
        list[str],
        typer.Argument(help="One that learns from vectors, or none, and others that do not learn."),
    ],
    head: Annotated[
        str | None, typer.Option(help="What learns.", show_default="the one given, or ngb")
    ] = None,
    benchmark: BenchmarkOption = DEFAULT_BENCHMARK,
    dataset: DatasetOption = None,
    train_size: Annotated[int, typer.Option(min=1, help="Labelled architectures.")] = 100,
    epochs: Epochs = None,
    test_size: TestSize = 200,
    repeats: Repeats = 10,
    seed: Seed = 0,
    label: Label = None,
    truth: Truth = "test",
    jobs: Jobs = 1,
    device: DeviceOption = "auto",
    results: Results = Path("results"),
    retry: Retry = True,
    format: FormatOption = "table",
) -> None:
    """Combine predictors of any families into one, and show what each part adds.

    The head learns from the encoding and from the scores of the parts: `combine xgb sotl-e jacov`.
    """
    from rich.console import Console

    from archcast.benchmarks.opening import open_table
    from archcast.report.terminal import COLUMNS, ablation_table
    from archcast.studies.ablation import ablation, variants
    from archcast.studies.experiment import Experiment

    table = open_table(benchmark, dataset)
    found = variants(predictors, head)
    experiment = Experiment(
        table=table,
        predictors=list(found.values()),
        train_sizes=(train_size,),
        epochs=_numbers("--epochs", epochs) if epochs is not None else None,
        test_size=test_size,
        repeats=repeats,
        seed=seed,
        label=label,
        truth=truth,
        device=device,
    )
    records = experiment.run(results, jobs, retry)
    rows = ablation(records, found)
    if format == "table":
        console = Console()
        console.print(_heading(table, experiment))
        console.print(ablation_table(rows))
        console.print(COLUMNS)
    else:
        _print_rows(rows, format)
    _report_failures(records)


@app.command()
def report(
    benchmark: BenchmarkOption = DEFAULT_BENCHMARK,
    dataset: DatasetOption = None,
    results: Results = Path("results"),
    out: Annotated[
        Path, typer.Option(metavar="FILE.html", help="The page to write.", callback=_in_a_folder)
    ] = Path("report.html"),
    figures: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for figures as PDF, SVG and PNG, for papers."),
    ] = None,
) -> None:
    """Write a page with leaderboard, costs, searches and figures, from the results folder.

    It shows what `leaderboard`, `costs` and `search` left there. It is one file that loads nothing
    from elsewhere.
    """
    from archcast.benchmarks.opening import open_table
    from archcast.evaluation.record import Record, stored_records
    from archcast.search.search_job import SearchRecord
    from archcast.studies.leaderboard import comparable
    from archcast.studies.speed_up import comparable_searches

    table = open_table(benchmark, dataset)
    known = stored_records(results, Record, table.hash)
    searched = stored_records(results / "search", SearchRecord, table.hash)
    if not known and not searched:
        raise InputError(
            f"{results}: no records of {table.dataset} ({benchmark}); run `archcast leaderboard`"
            " or `archcast search` first, or choose another folder by --results"
        )
    records, searches = comparable(known), comparable_searches(searched)
    if len(records) < len(known):
        _say(
            f"left out: {len(known) - len(records)} records of another test size, label, truth or"
            " seed than most"
        )
    if len(searches) < len(searched):
        _say(
            f"left out: {len(searched) - len(searches)} searches of another budget, label or seed"
            " than most"
        )
    _write_report(records, table, out, searches)
    if figures is not None:
        from archcast.report.print_figures import write_figures

        written = write_figures(records, table, figures, ("pdf", "svg", "png"), searches)
        _say(f"wrote {len(written)} files to {figures}")


@app.command()
def stop(
    benchmark: BenchmarkOption = DEFAULT_BENCHMARK,
    dataset: DatasetOption = None,
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
    jobs: Jobs = 1,
    results: Results = Path("results"),
    retry: Retry = True,
    format: FormatOption = "table",
) -> None:
    """Stop hopeless training early in a random search: what is saved, and what is lost.

    Successive halving and Hyperband search the same architectures with as many epochs.
    """
    from rich.console import Console

    from archcast.benchmarks.opening import open_table
    from archcast.evaluation.record import RecordStore
    from archcast.evaluation.runner import run_jobs
    from archcast.report.terminal import COLUMNS, stop_table
    from archcast.studies.stopping import StopRecord, run_stop_job, stop_jobs, stop_rows

    thresholds = _chances("--threshold", threshold)
    table = open_table(benchmark, dataset)
    todo = stop_jobs(table, predictor, train_size, architectures, repeats, seed)
    store = RecordStore(results / "stop", StopRecord)
    records = run_jobs(todo, table, store, run_stop_job, jobs, retry)
    rows = stop_rows(records, thresholds)
    if format == "table":
        console = Console()
        learned = any(row["train_size"] for row in rows)
        more = f"; {train_size} more to learn from" if learned else ""
        console.print(
            f"{table.dataset} ({table.name}): searches of {architectures} architectures, mean of"
            f" {repeats}{more}"
        )
        console.print(stop_table(rows, console.width))
        console.print(COLUMNS)
    else:
        _print_rows(rows, format)
    _report_failures(records)


@app.command()
def search(
    benchmark: BenchmarkOption = DEFAULT_BENCHMARK,
    dataset: DatasetOption = None,
    strategy: Annotated[
        str, typer.Option(help="Names, with parameters as in 'evolution(batch=10)', or all.")
    ] = "evolution",
    predictor: Annotated[
        str | None, typer.Option(help="Predictors that guide; names, a family, or all.")
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Guide by every predictor, and rank them.")
    ] = False,
    budget: Annotated[int, typer.Option(help="Whole trainings that a search may pay.")] = 150,
    repeats: Annotated[int, typer.Option(help="Random searches.")] = 20,
    target: Annotated[
        float | None,
        typer.Option(
            min=0, help="Regret to reach, in points.", show_default="where random search ends"
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Epochs of the curves that a query pays.", show_default="a third of them"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the searches and of the predictors.")] = 0,
    label: Label = None,
    jobs: Jobs = 1,
    device: DeviceOption = "auto",
    results: Results = Path("results"),
    retry: Retry = True,
    format: FormatOption = "table",
    report: ReportOption = None,
) -> None:
    """Search with and without a predictor: what it finds, and how much sooner.

    A search trains architectures one after another, and sees their validation accuracy. Its regret
    is judged on test accuracy, its time is what training took, and what the predictor takes. Random
    search, and the strategy without predictor, come along for comparison.
    """
    from rich.console import Console

    from archcast.benchmarks.opening import open_table
    from archcast.evaluation.record import Record, stored_records
    from archcast.report.terminal import COLUMNS, agreement_text, search_table
    from archcast.studies.leaderboard import comparable
    from archcast.studies.leaderboard import leaderboard as rank
    from archcast.studies.searches import SearchExperiment
    from archcast.studies.speed_up import agreement, search_rows

    table = open_table(benchmark, dataset)
    experiment = SearchExperiment(
        table=table,
        strategies=strategy,
        predictors=predictor or ("all" if compare else None),
        budget=budget,
        repeats=repeats,
        epochs=epochs,
        label=label,
        seed=seed,
        device=device,
    )
    records = experiment.run(results, jobs, retry)
    known: list[Record] = []
    if compare:
        known = _known_records(table, results)
    elif report is not None:
        known = comparable(stored_records(results, Record, table.hash))
    _write_report(known, table, report, records, target)
    rows = search_rows(records, target)
    if format == "table":
        console = Console()
        console.print(
            f"{table.dataset} ({table.name}): {budget} evaluations, median of {repeats} searches;"
            f" target: a regret of {rows[0]['target']:.2f} points"
        )
        console.print(search_table(rows, console.width))
        console.print(COLUMNS)
        if compare:
            console.print(agreement_text(agreement(rows, rank(known))))
    else:
        _print_rows(rows, format)
    _report_failures(records)


@app.command()
def supernet(
    benchmark: BenchmarkOption = DEFAULT_BENCHMARK,
    dataset: DatasetOption = None,
    strategies: Annotated[
        str, typer.Option(help="How supernets train: names of predictors, or all.")
    ] = "all",
    epochs: Annotated[str, typer.Option(help="Epochs of supernet training.")] = "25,50,100",
    valid_images: Annotated[
        str, typer.Option(help="Validation images that a query measures on.")
    ] = "1000",
    seeds: Annotated[str, typer.Option(help="Seeds; each trains a supernet.")] = "0,1,2",
    images: Annotated[
        str | None,
        typer.Option(
            help="An .npz file to train on, with the official skeleton.",
            show_default="the benchmark's own",
        ),
    ] = None,
    test_size: TestSize = 200,
    jobs: Jobs = 1,
    device: DeviceOption = "auto",
    results: Results = Path("results"),
    retry: Retry = True,
    format: FormatOption = "table",
) -> None:
    """Ask what weight sharing is worth: by epochs, by seed, overall and among the best.

    Trained supernets are kept, and an interrupted training goes on where it was.
    """
    from rich.console import Console

    from archcast.benchmarks.opening import open_table
    from archcast.evaluation.engine import run_job
    from archcast.evaluation.record import Record, RecordStore
    from archcast.evaluation.runner import run_jobs
    from archcast.report.terminal import supernet_table
    from archcast.studies.supernets import supernet_jobs, supernet_rows, train_for

    table = open_table(benchmark, dataset)
    seeds_ = _numbers("--seeds", seeds)
    todo = supernet_jobs(
        table,
        strategies,
        _numbers("--epochs", epochs),
        _numbers("--valid-images", valid_images),
        seeds_,
        images,
        test_size,
        device,
    )
    store = RecordStore(results, Record)
    train_for(todo, table, jobs)
    records = run_jobs(todo, table, store, run_job, jobs, retry)
    rows = supernet_rows(records)
    if format == "table":
        console = Console()
        console.print(
            f"{table.dataset} ({table.name}): {test_size} architectures ranked, mean of"
            f" {len(seeds_)} supernets"
        )
        console.print(supernet_table(rows, console.width))
    else:
        _print_rows(rows, format)
    _report_failures(records)


@table_app.command()
def info(
    table: Annotated[str, typer.Argument(help="A benchmark's name or a file.")],
    dataset: Annotated[str | None, typer.Option(help="A data set of the benchmark.")] = None,
) -> None:
    """Say what a table holds."""
    from archcast.benchmarks.opening import open_table
    from archcast.report.terminal import table_info

    typer.echo(table_info(open_table(table, dataset)))


@table_app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A file, or a NATS-Bench folder.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The Parquet file to write.")],
    dataset: Annotated[str, typer.Option(help="The name of the data set trained on.")],
    source_format: Annotated[
        Source, typer.Option("--from", help="What IN is.", show_default=True)
    ] = "csv",
    space: Annotated[
        str,
        typer.Option(help="The search space of a CSV file: a name, choices, dag, or JSON."),
    ] = "nasbench201",
    column: Annotated[
        list[str] | None,
        typer.Option(help="OURS=THEIRS: a column that a CSV file calls otherwise. Repeatable."),
    ] = None,
    curve: Annotated[
        list[str] | None,
        typer.Option(help="OURS=PREFIX: a curve in columns PREFIX1, PREFIX2, ... Repeatable."),
    ] = None,
    objective: Annotated[
        list[str] | None,
        typer.Option(
            help="What is measured, as 'loss(direction=min, valid=COLUMN, test=COLUMN)'."
            " Repeatable, the main one first.",
            show_default="accuracy",
        ),
    ] = None,
    decision: Annotated[
        str, typer.Option(help="Of --space choices, the columns that are decisions.")
    ] = "",
    range_: Annotated[
        str, typer.Option("--range", help="Those of them that are ranges of numbers.")
    ] = "",
    hp: Annotated[str, typer.Option(help="Epochs of the official runs: 12 or 200.")] = "200",
) -> None:
    """Make a table from a CSV file or from official NAS-Bench-201 files."""
    from archcast.benchmarks.csv_table import convert_csv
    from archcast.benchmarks.nasbench201_pth import convert_nasbench201
    from archcast.benchmarks.nats_bench import convert_nats_bench
    from archcast.benchmarks.objective import made_objective
    from archcast.core.spec import parse_spec, split_specs

    match source_format:
        case "csv":
            table = convert_csv(
                source,
                space,
                dataset,
                column or [],
                curve or [],
                [made_objective(*parse_spec(text)) for text in objective or []],
                split_specs(decision),
                split_specs(range_),
            )
        case "nats-bench":
            table = convert_nats_bench(source, dataset, hp)
        case "nasbench201":
            table = convert_nasbench201(source, dataset, hp)
    table.write(target)
    typer.echo(f"{target}: {len(table)} architectures; use it by --benchmark {target}")


@table_app.command()
def verify(file: Annotated[Path, typer.Argument(help="A Parquet file.")]) -> None:
    """Check a file against table format v1."""
    from archcast.benchmarks.table import read_table

    table = read_table(file)
    for remark in table.remarks():
        _say(remark)
    typer.echo(f"{file}: {len(table)} architectures of {table.space.name}, no fault found")


@benchmark_app.command()
def train(
    out: Annotated[Path, typer.Option(help="The table to write, or to go on with.")],
    space: Annotated[str, typer.Option(help="The search space.")] = "nasbench201",
    images: Annotated[
        str, typer.Option(help="A shipped image set, or the path of an .npz file.")
    ] = "fashion-mnist-14",
    seeds: Annotated[str, typer.Option(help="Seeds; each trains all architectures once.")] = "0",
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Train this many, drawn at random.", show_default="all"),
    ] = None,
    jobs: Jobs = 1,
    device: DeviceOption = "auto",
) -> None:
    """Train every architecture of a space that is not isomorphic to another, into a table.

    Each finished run is kept at once; the same command goes on where it was interrupted.
    """
    from archcast.making.table_training import train_table
    from archcast.spaces import registry as spaces

    table = train_table(
        spaces.get(space), images, _numbers("--seeds", seeds), out, jobs, device, limit
    )
    typer.echo(f"{out}: {len(table)} architectures; use it by --benchmark {out}")


def _heading(table: Table, experiment: Experiment) -> str:
    return (
        f"{table.dataset} ({table.name}): {experiment.test_size} architectures ranked,"
        f" mean of {experiment.repeats} splits"
    )


def _known_records(table: Table, results: Path) -> list[Record]:
    from archcast.studies.recommendation import known_records

    records, shipped = known_records(table, results)
    if records and shipped:
        _say(f"no records in {results}: using the sweep that comes with archcast")
    return records


def _write_report(
    records: Sequence[Record],
    table: Table,
    path: Path | None,
    searches: Sequence[SearchRecord] = (),
    target: float | None = None,
) -> None:
    if path is None:
        return
    from archcast.report.page import write_page

    command = shlex.join(["archcast", *sys.argv[1:]])
    write_page(records, table, path, command, searches, target)
    _say(f"wrote {path}")


def _print_rows(rows: Sequence[Row], format: Literal["json", "csv"]) -> None:
    from archcast.report.terminal import to_csv, to_json

    typer.echo(to_json(rows) if format == "json" else to_csv(rows))


def _report_failures(records: Sequence[Record | StopRecord | SearchRecord]) -> None:
    failed = [record for record in records if record.failed]
    for record in failed:
        _say(f"failed: {record.job.title}, repeat {record.job.repeat}: {record.error}")
    if failed:
        _say(f"{len(failed)} of {len(records)} jobs failed; the rest is shown")
        raise typer.Exit(1)


def _chances(option: str, text: str) -> tuple[float, ...]:
    try:
        chances = tuple(dict.fromkeys(float(part) for part in text.split(",")))
    except ValueError:
        chances = ()
    if not chances or not all(0.0 <= chance <= 1.0 for chance in chances):
        raise InputError(f"{option} {text}: give chances from 0 to 1 such as 0.01,0.05")
    return chances


def _numbers(option: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        raise InputError(f"{option} {text}: give whole numbers such as 10,100") from None


def _say(message: str) -> None:
    typer.echo(f"archcast: {message}", err=True)


def main() -> None:
    """Run the command line; an error is one line on standard error."""
    logging.basicConfig(format="archcast: %(message)s")
    warnings.simplefilter("ignore")  # of libraries about themselves; ours are logged
    try:
        code = app(standalone_mode=False)
    except (InputError, TyperException) as error:
        told = error.format_message() if isinstance(error, TyperException) else str(error)
        _say(" ".join(told.split()))
        code = 2
    if code == INTERRUPTED:
        _say("interrupted; what is finished is kept, and the same command goes on from there")
    sys.exit(code)


if __name__ == "__main__":
    main()
