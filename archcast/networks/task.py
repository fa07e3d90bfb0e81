"""The images and the skeleton that the networks of a table were trained with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from archcast.networks.nasbench201 import MINI, Skeleton
from archcast.tables.images import SHIPPED, Images, load_images
from archcast.tables.table import Table

IMAGES = "images"  # the table's metadata that names the image set, or its file


@dataclass(frozen=True, eq=False)
class Task:
    """What it takes to train an architecture of a table again, or to look at it untrained."""

    images: Images
    skeleton: Skeleton


@lru_cache(maxsize=4)
def task_of(table: Table) -> Task | None:
    """The task of a table that archcast's trainer made; None where its images are not at hand."""
    name = table.metadata.get(IMAGES, table.dataset)
    if table.space.name != "nasbench201" or not (name in SHIPPED or Path(name).is_file()):
        return None
    images = load_images(name)
    return Task(images, skeleton_for(images))


def skeleton_for(images: Images) -> Skeleton:
    """The embedded benchmark's skeleton, fitted to the channels and classes of `images`."""
    return replace(MINI, in_channels=images.channels, classes=images.classes)
