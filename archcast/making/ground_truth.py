"""The truth of architectures that a table lacks: trained as its own were, and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from pydantic import TypeAdapter, ValidationError

from archcast.benchmarks.table import Table, read_table
from archcast.core.cache import cache_folder, made_folder
from archcast.core.device import pick_device
from archcast.core.errors import InputError, check_number
from archcast.core.identity import digest
from archcast.making.recipe import RECIPES
from archcast.making.robustness import ATTACK, Attack
from archcast.making.table_training import Setting, train_runs
from archcast.networks.blueprint import networks_of
from archcast.networks.table_networks import SCALE, TASK, task_of, understood
from archcast.spaces.space import Architecture
from archcast.tasks.images import Images

T = TypeVar("T")


def ground_truth(
    table: Table,
    architectures: Sequence[Architecture],
    seeds: int = 4,
    workers: int | Executor = 1,
    device: str = "auto",
) -> pd.DataFrame:
    """Runs of architectures, a row each: those of the table, or else as many as `seeds`.

    What the table lacks is trained by its recipe on its images, at its scale, and kept in the cache
    of ground truths; a run is trained once, and what was interrupted goes on. Isomorphic
    architectures are one; the table's own runs count for all of them.

    Returns:
        The columns `architecture`, as asked for, `seed`, `trained`, which is False of the table's
        own, and all scalar columns that there are; of curves the last value. Seconds and latencies
        that are trained here are those of this machine.

    Raises:
        InputError: the space has no networks, the task is not at hand, or the table does not say
            by which recipe it was trained.
    """
    check_number("seeds", seeds, 1)
    forms = [table.space.canonical(each) for each in architectures]
    lacking = [form for form in dict.fromkeys(forms) if not _runs(table, form)]
    trained = _trained(table, lacking, seeds, workers, device) if lacking else None
    rows: list[dict[str, Any]] = []
    for asked, form in zip(architectures, forms, strict=True):
        is_new = trained is not None and form in lacking
        runs = _runs(trained if trained is not None and is_new else table, form)
        some = [run for run in runs if not is_new or run["seed"] < seeds]
        rows += ({"architecture": str(asked), "trained": is_new, **run} for run in some)
    return pd.DataFrame(rows)


def _runs(table: Table, form: Architecture) -> list[dict[str, Any]]:
    """The runs of an architecture, and of curves the last value; none where the table has none."""
    try:
        at = table.index(form)
    except KeyError:
        return []
    return [
        {name: _last(column[row]) for name, column in table.columns.items()}
        for row in range(table.starts[at], table.starts[at + 1])
    ]


def _last(value: Any) -> Any:
    """A scalar, or the last finite value of a curve."""
    if not np.ndim(value):
        return value
    known = value[~np.isnan(value)]
    return known[-1] if len(known) else np.nan


def _trained(
    table: Table,
    lacking: Sequence[Architecture],
    seeds: int,
    workers: int | Executor,
    device: str,
) -> Table:
    setting = setting_of(table, device)
    provenance = setting.provenance()
    key = digest({name: text for name, text in provenance.items() if name not in ("device", TASK)})
    out = made_folder(cache_folder("ground-truth")) / f"{key}-{setting.device}.parquet"
    train_runs([(each, seed) for each in lacking for seed in range(seeds)], setting, out, workers)
    return read_table(out)


def setting_of(table: Table, device: str) -> Setting:
    """How the runs of a table were made.

    Raises:
        InputError: the space has no networks, the task is not at hand, or the table says no
            recipe.
    """
    networks, task = networks_of(table.space), task_of(table)
    if task is None:
        raise InputError(f"{table.source}: its task is not at hand, so that nothing is trained")
    said = understood(table.metadata, networks)
    if SCALE not in said or "recipe" not in said:
        raise InputError(
            f"{table.source}: does not say scale and recipe of its networks; only tables of"
            " `archcast benchmark train` do"
        )
    return Setting(
        table.space,
        said.get(TASK, table.dataset),
        task.name,
        task.hash,
        pick_device(device),
        said[SCALE],
        _read(RECIPES, "recipe", said, table),
        _attack(said, table) if isinstance(task, Images) else None,
    )


def _attack(said: Mapping[str, str], table: Table) -> Attack:
    """Of tables from before it was recorded, ours."""
    return _read(TypeAdapter(Attack), "attack", said, table) if "attack" in said else ATTACK


def _read(kind: TypeAdapter[T], key: str, said: Mapping[str, str], table: Table) -> T:
    try:
        return kind.validate_json(said[key])
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise InputError(f"{table.source}: its {key} can't be read ({reason})") from None
