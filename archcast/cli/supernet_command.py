"""`archcast supernet`."""

from __future__ import annotations

from typing import Annotated

import typer

from archcast.cli.options import OnTable, Shown, TestSize, Where, Work, numbers
from archcast.cli.output import console, print_frame, report_failures


def supernet(
    *,
    on: OnTable,
    strategies: Annotated[
        str, typer.Option(help="How supernets train: names of predictors, or all.")
    ] = "all",
    epochs: Annotated[str, typer.Option(help="Epochs of supernet training.")] = "25,50,100",
    valid_images: Annotated[
        str, typer.Option(help="Validation images that a query measures on.")
    ] = "500",
    seeds: Annotated[str, typer.Option(help="Seeds; each trains a supernet.")] = "0,1,2",
    images: Annotated[
        str | None,
        typer.Option(
            help="An .npz file to train on, with the official skeleton.",
            show_default="the benchmark's own",
        ),
    ] = None,
    test_size: TestSize = 200,
    work: Work,
    device: Where = "auto",
    format: Shown = "table",
) -> None:
    """Ask what weight sharing is worth.

    By epochs, by seed, overall and among the best. Trained supernets are kept, and an interrupted
    training goes on where it was.
    """
    from archcast.evaluation.engine import run_job
    from archcast.evaluation.record import Record, RecordStore
    from archcast.evaluation.runner import run_jobs
    from archcast.report.terminal import supernet_table
    from archcast.studies.supernets import summarise, supernet_jobs, train_for

    table = on.open()
    trained = numbers("--seeds", seeds)
    todo = supernet_jobs(
        table,
        strategies,
        numbers("--epochs", epochs),
        numbers("--valid-images", valid_images),
        trained,
        images,
        test_size,
        device,
    )
    store = RecordStore(work.results, Record)
    train_for(todo, table, work.jobs)
    records = run_jobs(todo, table, store, run_job, work.processes, work.retry)
    summary = summarise(records)
    if format == "table":
        shown = console()
        shown.print(
            f"{table.dataset} ({table.name}): {test_size} architectures ranked, mean of"
            f" {len(trained)} supernets"
        )
        shown.print(supernet_table(summary, shown.width))
    else:
        print_frame(summary, format)
    report_failures(records)
