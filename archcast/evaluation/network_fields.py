"""What a predictor is given of the networks of a table, and what made these."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Any

from archcast.benchmarks.table import Table
from archcast.core.errors import InputError

# Context fields. Networks are those of the table's space; images have to be at hand.
OF_THE_SPACE, OF_IMAGES = frozenset({"build", "noise", "networks"}), frozenset({"batch", "task"})
NETWORK_FIELDS = OF_THE_SPACE | OF_IMAGES


@lru_cache(maxsize=8)  # the train and the test context are of one minibatch
def network_field(table: Table, name: str, seed: int) -> Any:
    """One of `NETWORK_FIELDS`; `seed` is that of untrained networks and of the minibatch."""
    from archcast.networks.blueprint import Untrained
    from archcast.networks.table_networks import blueprint_of, task_of
    from archcast.zero_cost import Batch
    from archcast.zero_cost.batch import SIZE

    if name in OF_IMAGES:
        task = task_of(table)
        if task is None:  # `missing_needs` has told, unless they went since
            raise InputError(f"the images of {table.source} changed under the run; run it again")
        return task.without_test() if name == "task" else Batch.draw(task, seed=seed)
    blueprint = blueprint_of(table)
    assert blueprint is not None, "missing_needs tells"
    if name == "networks":
        return blueprint
    if name == "noise":
        return Batch.gaussian((SIZE, *blueprint.signature.shape), seed)
    return Untrained(blueprint, seed)


def missing_network_fields(table: Table, needs: Collection[str]) -> set[str]:
    """What the table lacks for those of `needs` that are of networks."""
    from archcast.networks.table_networks import blueprint_of, task_of

    missing = set()
    blueprint = blueprint_of(table) if OF_THE_SPACE & set(needs) else None
    if OF_THE_SPACE & set(needs) and blueprint is None:
        missing.add(f"networks of space {table.space.name}")
    elif "networks" in needs and blueprint and not blueprint.networks.have_supernet:
        missing.add(f"supernets of space {table.space.name}")
    elif OF_IMAGES & set(needs) and task_of(table) is None:
        missing.add("images")
    return missing


def looks_at_images(table: Table) -> bool:
    """Whether the networks of a table that has some do."""
    from archcast.networks.table_networks import blueprint_of

    blueprint = blueprint_of(table)
    return blueprint is not None and len(blueprint.signature.shape) == 3


def made_of_networks(table: Table, needs: Collection[str]) -> Any:
    """What decides the fields among `needs` that are of networks; None where there is none."""
    from archcast.networks.table_networks import blueprint_of, task_of

    if not NETWORK_FIELDS & set(needs):
        return None
    blueprint, task = blueprint_of(table), task_of(table)
    images = task.hash if task and OF_IMAGES & set(needs) else None
    return [blueprint.made_of if blueprint else None, images]
