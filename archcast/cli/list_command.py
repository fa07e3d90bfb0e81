"""`archcast list`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from archcast.cli.output import show
from archcast.core.registry import Registry, load

Kind = Literal[
    "predictors", "encodings", "proxies", "benchmarks", "metrics", "strategies", "spaces"
]
ROOMS: dict[Kind, str] = {
    "predictors": "predictors",
    "encodings": "encodings",
    "proxies": "zero_cost",
    "benchmarks": "benchmarks",
    "spaces": "spaces",
    "metrics": "evaluation",
    "strategies": "search",
}


def list_names(kind: Annotated[Kind, typer.Argument(help="What to list.")]) -> None:
    """List what can be named in other commands."""
    registry: Registry[object] = load(f"archcast.{ROOMS[kind]}:registry")
    entries = [(name, registry.entry(name)) for name in registry]
    order = list(dict.fromkeys(entry.family for _, entry in entries))
    entries.sort(key=lambda named: order.index(named[1].family))
    names = max(len(name) for name, _ in entries)
    families = max(len(entry.family) for _, entry in entries)
    for name, entry in entries:
        family = f"{entry.family:{families}}  " if families else ""
        show(f"{name:{names}}  {family}{entry.summary}")
