"""`archcast table`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from archcast.cli.output import say, show

Source = Literal["csv", "nats-bench", "nasbench201", "nasbench101"]


def info(
    table: Annotated[str, typer.Argument(help="A benchmark's name or a file.")],
    dataset: Annotated[str | None, typer.Option(help="A data set of the benchmark.")] = None,
) -> None:
    """Say what a table holds."""
    from archcast.benchmarks.opening import open_table
    from archcast.report.terminal import table_info

    show(table_info(open_table(table, dataset)))


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
    hp: Annotated[
        str | None,
        typer.Option(
            help="Epochs of the official runs: 12 or 200, or 4, 12, 36 or 108.", show_default="most"
        ),
    ] = None,
) -> None:
    """Make a table from a CSV file or from official NAS-Bench files."""
    from archcast.benchmarks.csv_table import convert_csv
    from archcast.benchmarks.nasbench101_tfrecord import convert_nasbench101
    from archcast.benchmarks.nasbench201_pth import convert_nasbench201
    from archcast.benchmarks.nats_bench import convert_nats_bench
    from archcast.benchmarks.objective import made_objective
    from archcast.core.errors import InputError
    from archcast.core.files import check_target
    from archcast.core.spec import parse_spec, split_specs

    if not dataset.strip():
        raise InputError("--dataset: is empty; say what networks were trained on")
    if hp is not None and source_format == "csv":
        raise InputError("--hp: is of official runs; leave it out, or say what IN is by --from")
    check_target(target, source)
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
            table = convert_nats_bench(source, dataset, hp or "200")
        case "nasbench201":
            table = convert_nasbench201(source, dataset, hp or "200")
        case "nasbench101":
            table = convert_nasbench101(source, dataset, hp or "108")
    table.write(target)
    show(f"{target}: {len(table)} architectures; use it by --benchmark {target}")


def verify(file: Annotated[Path, typer.Argument(help="A Parquet file.")]) -> None:
    """Check a file against the table format."""
    from archcast.benchmarks.table import read_table

    table = read_table(file)
    for remark in table.remarks():
        say(remark)
    show(f"{file}: {len(table)} architectures of {table.space.name}, no fault found")
