"""The images and the skeleton that the networks of a table were trained with."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from archcast.benchmarks.table import Table
from archcast.networks.nasbench201_network import MINI, OFFICIAL, Skeleton
from archcast.tasks.images import SHIPPED, Images, load_images

_logger = logging.getLogger("archcast")

# The table's metadata that names the image set, or its file; and that tells its content.
IMAGES, IMAGES_HASH = "images", "images_hash"


@dataclass(frozen=True, eq=False)
class Task:
    """What it takes to train an architecture of a table again, or to look at it untrained."""

    images: Images
    skeleton: Skeleton

    def without_test_images(self) -> Task:
        """What may be seen before the last evaluation."""
        return replace(self, images=replace(self.images, test=self.images.test.first(0)))


@lru_cache(maxsize=4)
def task_of(table: Table) -> Task | None:
    """The task of a table that archcast's trainer made; None where its images are not at hand.

    Images of other content than those that the networks were trained on are not these, whatever
    they are called.
    """
    name = table.metadata.get(IMAGES, table.dataset)
    if table.space.name != "nasbench201" or not (name in SHIPPED or Path(name).is_file()):
        return None
    images = load_images(name)
    if table.metadata.get(IMAGES_HASH, images.hash) != images.hash:
        _logger.warning(
            "%s: images %s are not those that it was trained on; put these back", table.source, name
        )
        return None
    return Task(images, skeleton_for(images))


@lru_cache(maxsize=4)
def official_task(images: str) -> Task:
    """A user's images with the skeleton of NAS-Bench-201 itself.

    Raises:
        InputError: `images` can't be read.
    """
    loaded = load_images(images)
    skeleton = replace(OFFICIAL, in_channels=loaded.channels, classes=loaded.classes)
    return Task(loaded, skeleton)


def skeleton_for(images: Images) -> Skeleton:
    """The embedded benchmark's skeleton, fitted to the channels and classes of `images`."""
    return replace(MINI, in_channels=images.channels, classes=images.classes)
