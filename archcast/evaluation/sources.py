"""Which benchmark a predictor learns from beside the table that it is asked about."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import Any

from archcast.benchmarks import registry as benchmarks
from archcast.benchmarks.objective import Objective
from archcast.benchmarks.opening import open_table
from archcast.benchmarks.table import Table
from archcast.core.errors import InputError
from archcast.predictors.predictor import Tags


def source_of(table: Table, name: str | None, by_curves: bool = False) -> Table:
    """Another benchmark of the table's space: by name, else the first that there is.

    It has another data set: on its own, results would be the very ones that are predicted. One that
    teaches by its curves may be of another space, and is where no benchmark of the table's has any.

    Raises:
        InputError: there is none, or the named one is of another space, of the same data set, or
            has another objective.
    """
    if name is None:
        return _first(table, by_curves)
    found = open_table(name)
    if found.space != table.space and not by_curves:
        raise InputError(
            f"source {name} is of space {found.space.name}, and {table.source} of"
            f" {table.space.name}; name another"
        )
    if found.space == table.space and _plain(found.dataset) == _plain(table.dataset):
        raise InputError(
            f"source {name} has the data set that is predicted, {table.dataset}; name another"
        )
    if by_curves and not _teaches(found, table):
        raise InputError(f"source {name} has no curves to {_main(table)}; name another")
    return found


def _plain(dataset: str) -> str:
    """A name in small letters and digits; NAS-Bench-201 has CIFAR-10 under a second one."""
    plain = "".join(filter(str.isalnum, dataset.lower()))
    return {"cifar10valid": "cifar10"}.get(plain, plain)


@lru_cache(maxsize=16)
def _first(table: Table, by_curves: bool) -> Table:
    for here in (True, False) if by_curves else (True,):
        for name in benchmarks:
            with suppress(InputError):  # whose package is not there
                if here and _plain(table.dataset) in map(_plain, benchmarks.get(name).datasets):
                    continue
                found = open_table(name)
                of_space = found.space == table.space
                if of_space == here and (not by_curves or _teaches(found, table)):
                    return found
    lacking = f"with curves to {_main(table)}" if by_curves else f"of space {table.space.name}"
    raise InputError(
        f"{table.source}: no other benchmark {lacking} comes with archcast; name"
        " one by source=NAME:DATASET, or a file by source=FILE.parquet"
    )


def _teaches(source: Table, table: Table) -> bool:
    """Whether curves of a source lead to what those of the table do."""
    return source.epochs.max() > 1 and _main(table) in _names(source)


def _main(table: Table) -> str:
    return table.objective().name


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
    source = source_of(table, tags.source, tags.taught_by_curves)
    declared = [] if source.name in benchmarks else [repr(each) for each in source.objectives]
    return [source.hash, *declared]
