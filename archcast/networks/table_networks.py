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
from archcast.tasks.images import SHIPPED, Images, load_images
from archcast.tasks.task import Signature

_logger = logging.getLogger("archcast")

# Keys of a table's metadata: the image set, or its file; its content; the scale of the networks;
# and where the images are not at hand, the shape of one, as JSON, and how many classes.
IMAGES, IMAGES_HASH, SCALE, SHAPE, CLASSES = "images", "images_hash", "scale", "shape", "classes"


@lru_cache(maxsize=4)
def task_of(table: Table) -> Images | None:
    """The images that the networks of a table were trained on; None where they are not at hand.

    Images of other content than those that the networks were trained on are not these, whatever
    they are called.
    """
    name = table.metadata.get(IMAGES, table.dataset)
    if not (name in SHIPPED or is_file(Path(name))):
        return None
    images = load_images(name)
    if table.metadata.get(IMAGES_HASH, images.hash) != images.hash:
        _logger.warning(
            "%s: images %s are not those that it was trained on; put these back", table.source, name
        )
        return None
    table.metadata[IMAGES_HASH] = images.hash  # for processes that the table travels to
    return images


@lru_cache(maxsize=4)
def blueprint_of(table: Table) -> Blueprint | None:
    """How the networks of a table are built; None where its space has none.

    A table that does not say its scale holds results of official networks.

    Raises:
        InputError: the space has no networks of the scale that the table names.
    """
    if table.space.name not in registry:
        return None
    networks, task = networks_of(table.space), task_of(table)
    scale = networks.scale(understood(table.metadata, networks).get(SCALE, OFFICIAL))
    return Blueprint(networks, scale, task.signature if task else _published(table, networks))


def understood(metadata: Mapping[str, str], networks: Networks[Any]) -> dict[str, str]:
    """The metadata of a table as they are written today.

    Before, `recipe` listed the fields of the scale too, and values were listed as text, as in
    `channels 8, cells 1, epochs 12`.
    """
    now = dict(metadata)
    recipe: dict[str, Any] = {}
    for key in ("recipe", "attack"):
        if key in now and not now[key].startswith("{"):
            listed = dict(map(_value, now[key].split(", ")))
            now[key] = json.dumps(listed)
            recipe = listed if key == "recipe" else recipe
    for name, scale in networks.scales.items():
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
    """That of the data set of the table, whose images are not at hand."""
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
