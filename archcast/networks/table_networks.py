"""The networks of a table: their task, and how they are built."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from archcast.benchmarks.table import Table
from archcast.core.errors import InputError
from archcast.core.files import is_file
from archcast.core.json_text import read_json
from archcast.networks import registry
from archcast.networks.blueprint import Blueprint, networks_of
from archcast.networks.networks import OFFICIAL, Networks
from archcast.tasks.loading import SHIPPED, load_task
from archcast.tasks.task import Signature, Task

_logger = logging.getLogger("archcast")

# Keys of a table's metadata: the task, or its file; its content; the scale of the networks; and
# where the task is not at hand, the shape of an example, as JSON, and how many classes.
TASK, TASK_HASH, SCALE, SHAPE, CLASSES = "task", "task_hash", "scale", "shape", "classes"
MADE_OF = "made_of"  # which versions of networks, space and training
BUILD, BUILD_HASH = "build", "build_hash"  # of networks of somebody's own: function and content
_BEFORE = {"images": TASK, "images_hash": TASK_HASH}  # what two of them were called


@lru_cache(maxsize=4)
def task_of(table: Table) -> Task | None:
    """What the networks of a table learned; None where it is not at hand.

    A task of other content than what the networks were trained on is not this, whatever it is
    called.
    """
    said = renamed(table.metadata)
    name = said.get(TASK, table.dataset)
    if not (name in SHIPPED or is_file(Path(name))):
        return None
    task = load_task(name)
    if said.get(TASK_HASH, task.hash) != task.hash:
        _logger.warning(
            "%s: task %s is not what it was trained on; put that back", table.source, name
        )
        return None
    table.metadata[TASK_HASH] = task.hash  # for processes that the table travels to
    return task


def renamed(metadata: Mapping[str, str]) -> dict[str, str]:
    """The metadata of a table by the keys of today."""
    return {_BEFORE.get(key, key): value for key, value in metadata.items()}


@lru_cache(maxsize=4)
def blueprint_of(table: Table) -> Blueprint | None:
    """How the networks of a table are built; None where its space has none, or they are others.

    A table that does not say its scale holds results of official networks.

    Raises:
        InputError: the space has no networks of the scale that the table names.
    """
    if table.space.name not in registry or BUILD in table.metadata:
        return None
    networks, task = networks_of(table.space), task_of(table)
    scale = networks.scale(understood(table.metadata, networks).get(SCALE, OFFICIAL))
    return Blueprint(networks, scale, task.signature if task else _published(table, networks))


def understood(metadata: Mapping[str, str], networks: Networks[Any] | None) -> dict[str, str]:
    """The metadata of a table as they are written today.

    Before, `recipe` listed the fields of the scale too, and values were listed as text, as in
    `channels 8, cells 1, epochs 12`.
    """
    now = renamed(metadata)
    recipe: dict[str, Any] = {}
    for key in ("recipe", "attack"):
        if key in now and not now[key].startswith("{"):
            listed = dict(map(_value, now[key].split(", ")))
            now[key] = json.dumps(listed)
            recipe = listed if key == "recipe" else recipe
    for name, scale in networks.scales.items() if networks else ():
        fields = asdict(scale)
        if fields.items() <= recipe.items():
            around = (*fields, "in_channels", "classes")
            rest = {key: value for key, value in recipe.items() if key not in around}
            return {**now, SCALE: name, "recipe": json.dumps(rest)}
    return now


def _value(text: str) -> tuple[str, Any]:
    key, _, value = text.partition(" ")
    try:
        return key, read_json(value)
    except InputError:
        return key, value


def _published(table: Table, networks: Networks[Any]) -> Signature:
    """That of the data set of the table, whose task is not at hand."""
    known = networks.signatures
    found = known.get(table.dataset.lower(), next(iter(known.values())))
    try:
        shape = read_json(table.metadata.get(SHAPE, json.dumps(found.shape)))
        classes = int(table.metadata.get(CLASSES, found.classes))
        return Signature(tuple(map(int, shape)), classes)
    except (ValueError, TypeError):
        raise InputError(
            f"{table.source}: metadata {SHAPE} and {CLASSES} are no shape and number; write them"
            f" like {json.dumps(found.shape)} and {found.classes}"
        ) from None
