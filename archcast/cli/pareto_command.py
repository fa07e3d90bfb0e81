"""`archcast pareto`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from archcast.cli.options import (
    Epochs,
    OnTable,
    Predictors,
    Shown,
    Splits,
    Where,
    Work,
    names,
    numbers_or_none,
)
from archcast.cli.output import console, print_frame, ranked_heading, report_failed_rows
from archcast.core.errors import InputError


def pareto(
    *,
    objectives: Annotated[str, typer.Argument(help="Two or more, by name: accuracy,latency_cpu.")],
    on: OnTable,
    predictors: Predictors = "xgb,additive",
    train_size: Annotated[int, typer.Option(min=1, help="Labelled architectures.")] = 100,
    epochs: Epochs = None,
    splits: Splits,
    work: Work,
    device: Where = "auto",
    format: Shown = "table",
) -> None:
    """Ask how good predicted Pareto fronts are.

    Each objective is predicted by each of the predictors, and all their pairs are shown.
    """
    import pandas as pd

    from archcast.report.terminal import pareto_table
    from archcast.studies.experiment import measured_all
    from archcast.studies.fronts import chosen_objectives, summarise

    table = on.open()
    if splits.objective is not None:
        raise InputError(
            f"--objective {splits.objective}: name all objectives, as accuracy,latency_a"
        )
    paid = numbers_or_none("--epochs", epochs)
    experiment = splits.experiment(table, predictors, (train_size,), paid, device)
    experiment.check_one_number("fronts")
    chosen = chosen_objectives(table, names(objectives))
    experiments = [replace(experiment, objective=each.name) for each in chosen]
    measured = measured_all(experiments, work.results, work.workers, work.retry)
    summary = summarise(measured, chosen)
    if format == "table":
        shown = console()
        shown.print(ranked_heading(table, experiment))
        shown.print(pareto_table(summary, [each.name for each in chosen]))
    else:
        print_frame(summary, format)
    report_failed_rows(pd.concat(measured))
