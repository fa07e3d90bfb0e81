"""`archcast benchmark`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archcast.cli.options import Build, Jobs, OnCluster, Where, numbers, workers_of
from archcast.cli.output import show


def train(
    out: Annotated[Path, typer.Option(help="The table to write, or to go on with.")],
    space: Annotated[
        str, typer.Option(help="The search space: a name, or decisions as JSON.")
    ] = "nasbench201",
    task: Annotated[
        str | None,
        typer.Option(
            help="What networks learn: fashion-mnist-14, genesis, or the path of images (.npz) or"
            " of a text (.txt).",
            show_default="what ships and the space's networks take",
        ),
    ] = None,
    seeds: Annotated[str, typer.Option(help="Seeds; each trains all architectures once.")] = "0",
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Train this many, drawn at random.", show_default="all"),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Of a training.", show_default="12 on images, 6 on a text"),
    ] = None,
    jobs: Jobs = 1,
    cluster: OnCluster = None,
    build: Build = None,
    device: Where = "auto",
) -> None:
    """Train the architectures of a space, into a table.

    Of those that are isomorphic, one. Of a space with more than 100,000 only as many as --limit
    says.

    Each finished run is kept at once; the same command goes on where it was interrupted.
    """
    from archcast.making.table_training import train_table
    from archcast.spaces.declared import declared_space

    workers = workers_of(jobs, cluster)
    which = declared_space(space), task, numbers("--seeds", seeds), out
    table = train_table(*which, workers, device, limit, build, epochs)
    show(f"{out}: {len(table)} architectures; use it by --benchmark {out}")
