"""Which benchmark a predictor learns from beside the table that it is asked about."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import Any

from archcast.benchmarks import registry as benchmarks
from archcast.benchmarks.objective import Objective
from archcast.benchmarks.opening import open_named, open_table
from archcast.benchmarks.table import Table
from archcast.core.errors import InputError
from archcast.predictors.predictor import Tags


def source_of(table: Table, name: str | None) -> Table:
    """Another benchmark of the table's space: by name, else the first that there is.

    It has another data set: on its own, results would be the very ones that are predicted.

    Raises:
        InputError: there is none, or the named one is of another space or of the same data set.
    """
    if name is None:
        return _first(table)
    found = open_named(name)
    if found.space != table.space:
        raise InputError(
            f"source {name} is of space {found.space.name}, and {table.source} of"
            f" {table.space.name}; name another"
        )
    if _plain(found.dataset) == _plain(table.dataset):
        raise InputError(
            f"source {name} has the data set that is predicted, {table.dataset}; name another"
        )
    return found


def _plain(dataset: str) -> str:
    """A name in small letters and digits; NAS-Bench-201 has CIFAR-10 under a second one."""
    plain = "".join(filter(str.isalnum, dataset.lower()))
    return {"cifar10valid": "cifar10"}.get(plain, plain)


@lru_cache(maxsize=16)
def _first(table: Table) -> Table:
    for name in benchmarks:
        with suppress(InputError):  # whose package is not there
            if _plain(table.dataset) in map(_plain, benchmarks.get(name).datasets):
                continue
            found = open_table(name)
            if found.space == table.space:
                return found
    raise InputError(
        f"{table.source}: no other benchmark of space {table.space.name} comes with archcast; name"
        " one by source=NAME:DATASET, or a file by source=FILE.parquet"
    )


def source_objective(source: Table, table: Table, objective: Objective) -> Objective:
    """What a source has of an objective: its own of that name, or its main one for the main one.

    Raises:
        InputError: it has none.
    """
    if objective == table.objective() and objective.name not in _names(source):
        return source.objective()
    return source.objective(objective.name)


def _names(table: Table) -> set[str]:
    return {each.name for each in table.objectives}


def made_of_source(table: Table, tags: Tags) -> Any:
    """What decides the source; nothing where none is needed.

    Of a file that is its objectives too, as what they are may be declared anew.
    """
    if "source" not in tags.needs:
        return []
    source = source_of(table, tags.source)
    declared = [] if source.name in benchmarks else [repr(each) for each in source.objectives]
    return [source.hash, *declared]
