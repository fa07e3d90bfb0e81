"""`archcast supernet`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated

import typer

from archcast.cli.options import OnTables, Shown, TestSize, Where, Work, numbers
from archcast.cli.output import console, print_frame, report_failures
from archcast.core.errors import InputError

if TYPE_CHECKING:
    from archcast.evaluation.job import Job, Planned
    from archcast.predictors.weight_sharing import Recalibrate

MOST_BIASES = 12
_logger = logging.getLogger("archcast")


def supernet(
    *,
    on: OnTables,
    strategies: Annotated[
        str, typer.Option(help="How supernets train: names of predictors, or all.")
    ] = "all",
    epochs: Annotated[str, typer.Option(help="Epochs of supernet training.")] = "25,50,100",
    valid_images: Annotated[
        str, typer.Option(help="Validation images that a query measures on.")
    ] = "500",
    recalibrate: Annotated[
        str,
        typer.Option(
            help="Minibatches that batch norm's statistics are taken from anew; 0 keeps those of"
            " the supernet, and batch takes those of the validation images."
        ),
    ] = "2",
    seeds: Annotated[str, typer.Option(help="Seeds; each trains a supernet.")] = "0,1,2",
    images: Annotated[
        str | None,
        typer.Option(
            help="An .npz file to train on, with the official skeleton.",
            show_default="the benchmark's own",
        ),
    ] = None,
    biases: Annotated[
        bool, typer.Option("--biases", help="Say which options are ranked too high or too low.")
    ] = False,
    test_size: TestSize = 200,
    work: Work,
    device: Where = "auto",
    format: Shown = "table",
) -> None:
    """Ask what weight sharing is worth.

    By epochs, by seed, overall and among the best. Trained supernets are kept, and an interrupted
    training goes on where it was. On several benchmarks, or all that have networks, one after the
    other.
    """
    import numpy as np
    import pandas as pd

    from archcast.evaluation.noise import noise_ceiling
    from archcast.evaluation.record import Record, RecordStore
    from archcast.report.terminal import bias_table, supernet_table
    from archcast.report.text import number
    from archcast.studies import supernets

    trained = numbers("--seeds", seeds)
    asked = (
        *(strategies, numbers("--epochs", epochs), numbers("--valid-images", valid_images)),
        *(trained, images, test_size, device, _recalibrations(recalibrate)),
    )
    tables = on.open_all()
    planned: dict[str, list[Planned[Job]]] = {}
    left: dict[str, InputError] = {}
    for name, table in tables.items():
        try:
            planned[name] = supernets.supernet_jobs(table, *asked)
        except InputError as error:
            if on.benchmark != "all":
                raise
            left[name] = error
    if not planned:
        raise next(iter(left.values()))
    for name, reason in left.items():
        _logger.warning("left out: %s (%s)", name, reason)
    store = RecordStore(work.results, Record)
    frames, every = [], []
    for name, todo in planned.items():
        table = tables[name]
        records = supernets.run(todo, table, store, work.workers, work.retry)
        every += records
        summary = (supernets.biases if biases else supernets.summarise)(records, table)
        frames.append(summary.assign(benchmark=name) if len(tables) > 1 else summary)
        if format == "table":
            shown = console()
            limit = noise_ceiling(table)
            told = "" if limit is None else f"; noise limits tau to {number(limit, 2)}"
            if not biases and not np.isnan(by_size := summary["parameters_tau"].iloc[0]):
                told += f"; that of parameters alone is {number(by_size, 2)}"
            shown.print(
                f"{table.dataset} ({table.name}): {test_size} architectures ranked, mean of"
                f" {len(trained)} supernets{told}"
            )
            shown.print(
                bias_table(summary, MOST_BIASES) if biases else supernet_table(summary, shown.width)
            )
    if format != "table":
        print_frame(pd.concat(frames, ignore_index=True), format)
    report_failures(every)


def _recalibrations(text: str) -> list[Recalibrate]:
    found: list[Recalibrate] = []
    for part in text.split(","):
        if part.strip() == "batch":
            found.append("batch")
        else:
            found += numbers("--recalibrate", part)
    return found
