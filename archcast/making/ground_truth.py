"""The truth of architectures that a table lacks: trained as its own were, and kept."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from filelock import FileLock
from pydantic import TypeAdapter, ValidationError

from archcast.benchmarks.table import Table
from archcast.core.cache import cache_folder, made, made_folder
from archcast.core.device import pick_device
from archcast.core.errors import InputError, check_number, short, told
from archcast.core.files import read_whole, replacing
from archcast.core.identity import digest
from archcast.core.progress import track
from archcast.core.workers import run_each
from archcast.making.journal import table_of_rows
from archcast.making.recipe import RECIPES
from archcast.making.robustness import ATTACK, Attack, Robustness
from archcast.making.table_training import Setting, train_one
from archcast.making.trainer import Run
from archcast.networks.blueprint import networks_of
from archcast.networks.flops import count_flops
from archcast.networks.own_networks import OwnNetworks
from archcast.networks.table_networks import (
    BUILD,
    BUILD_HASH,
    SCALE,
    TASK,
    task_of,
    understood,
)
from archcast.spaces.space import Architecture
from archcast.tasks.images import Images
from archcast.tasks.loading import load_task
from archcast.tasks.task import Data

T = TypeVar("T")
Asked = tuple[Architecture, int]  # an architecture and a seed
_logger = logging.getLogger("archcast")


def ground_truth(
    table: Table,
    architectures: Sequence[Architecture],
    seeds: int = 4,
    workers: int | Executor = 1,
    device: str = "auto",
    build: str | None = None,
) -> pd.DataFrame:
    """Runs of architectures, a row each: those of the table, or else as many as `seeds`.

    What the table lacks is trained by its recipe on its images, at its scale, and kept in the cache
    of ground truths; a run is trained once, and what was interrupted goes on. Isomorphic
    architectures are one: where the table lacks one, the runs of another count for it. `build` is
    the function that built the table's networks, if they were none of ours.

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
    named = dict(zip(forms, architectures, strict=True))
    lacking = [form for form, asked in named.items() if not _runs(table, asked)]
    trained = None
    if lacking:
        runs = [(form, seed) for form in lacking for seed in range(seeds)]
        trained = Beyond.of(table, device, build).trained(runs, workers, "training")
    rows: list[dict[str, Any]] = []
    for asked, form in zip(architectures, forms, strict=True):
        is_new = trained is not None and form in lacking
        found = _runs(trained, form) if trained and is_new else _runs(table, asked)
        rows += ({"architecture": str(asked), "trained": is_new, **run} for run in found)
    return pd.DataFrame(rows)


def _runs(table: Table, architecture: Architecture) -> list[dict[str, Any]]:
    """The runs of an architecture, and of curves the last value; none where the table has none."""
    try:
        at = table.index(architecture)
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


@dataclass(frozen=True, slots=True)
class Beyond:
    """Runs beyond a table: trained as its own were, each once in all processes, and kept."""

    setting: Setting
    name: str  # of the folder in the cache of ground truths

    @classmethod
    def of(cls, table: Table, device: str, build: str | None = None) -> Beyond:
        """Of a table; `build` is the function that built its networks, if they were none of ours.

        Raises:
            InputError: as `setting_of`, or the cache can't be written to.
        """
        setting = setting_of(table, device, build)
        told_apart = {k: v for k, v in setting.provenance().items() if k not in ("device", TASK)}
        name = f"{digest(told_apart)}-{setting.device}"
        found = cls(setting, name)
        made_folder(found.folder)
        return found

    @property
    def folder(self) -> Path:
        """Where runs are kept, of the machine that asks."""
        return cache_folder("ground-truth") / self.name

    def trained(
        self, runs: Sequence[Asked], workers: int | Executor = 1, shown: str | None = None
    ) -> Table:
        """A table of canonical architectures and seeds, which are trained unless they are kept.

        Progress is `shown` by that name, if it has one.
        """
        rows = run_each(self.row, runs, workers)
        found = [*(track(rows, len(runs), shown) if shown else rows)]
        return self.table(found)

    def table(self, rows: Sequence[dict[str, Any]]) -> Table:
        """A table of rows as `row` gives them."""
        return table_of_rows(rows, self.setting.provenance(), str(self.folder))

    @property
    def columns(self) -> set[str]:
        """What a run tells, besides the architecture and the seed."""
        attacked = Robustness(0.0, 0.0) if self.setting.attack else None
        measure = _first(self.setting.task, self.setting.content).measure
        return {*Run(attacked=attacked).columns(measure, self.setting.device)}

    def parameters(self, architecture: Architecture) -> int:
        """Of a network, which is not trained for them."""
        return sum(each.numel() for each in self.setting.network(architecture).parameters())

    def flops(self, architecture: Architecture) -> int:
        """The same."""
        inputs = _first(self.setting.task, self.setting.content).inputs
        return count_flops(self.setting.network(architecture), inputs)

    def row(
        self, run: Asked, goes_on: Callable[[dict[str, Any]], bool] | None = None
    ) -> dict[str, Any]:
        """One run, as a row of a table; it is stopped where it does not go on; see `train_one`.

        What was stopped is not kept, and what is kept of another is not taken for it.
        """
        path = self._path(run)
        made_folder(self.folder)
        with FileLock(path.with_suffix(".lock")):
            kept = self._kept(path)
            if kept is not None and (goes_on is None or all(map(goes_on, self._course(kept)))):
                made(path)  # who asks may lack it
                return kept
            row = train_one(run, self.setting, goes_on)
            if kept is None and not self.is_stopped(row):
                with replacing(path, "set ARCHCAST_CACHE") as aside:
                    aside.write_text(json.dumps(row))
                made(path)
        return row

    def lost(self, run: Asked) -> dict[str, Any]:
        """A row in place of a run that no process survived: as of one that diverged at once.

        What it costs is not known.
        """
        examples = _first(self.setting.task, self.setting.content)
        attacked = Robustness(examples.chance, examples.chance) if self.setting.attack else None
        guessing = Run(test_score=examples.chance, attacked=attacked, diverged=True)
        columns = guessing.columns(examples.measure, self.setting.device)
        return {**columns, "architecture": str(run[0]), "seed": run[1]}

    def _path(self, run: Asked) -> Path:
        return self.folder / f"{digest([str(run[0]), run[1]])}.json"

    def kept(self, run: Asked) -> dict[str, Any] | None:
        """A run that was trained before; None if it was not."""
        return self._kept(self._path(run))

    def is_stopped(self, row: dict[str, Any]) -> bool:
        """Whether a run ended early, without having diverged."""
        return not row["diverged"] and len(row["train_loss"]) < self.setting.recipe.epochs

    def _course(self, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """A run as it was after each epoch but the last of all."""
        for epochs in range(1, min(len(row["train_loss"]) + 1, self.setting.recipe.epochs)):
            cut = {name: each[:epochs] for name, each in row.items() if isinstance(each, list)}
            yield row | cut

    def rows(self) -> list[dict[str, Any]]:
        """All that is kept."""
        return [row for path in sorted(self.folder.glob("*.json")) if (row := self._kept(path))]

    def _kept(self, path: Path) -> dict[str, Any] | None:
        try:
            row: dict[str, Any] = json.loads(read_whole(path))
            table = table_of_rows([row], self.setting.provenance(), str(path))
            named = digest([str(table.architectures[0]), int(table.columns["seed"][0])])
            if named != path.stem:
                raise ValueError("of another run")
            if lacks := self.columns - table.columns.keys():
                raise ValueError(f"without {', '.join(sorted(lacks))}")
        except FileNotFoundError:
            return None
        except Exception as error:  # a broken file fails in any of ten ways
            _logger.warning("%s: ignoring a file that is no run (%s)", path, told(error))
            return None
        return row


@lru_cache(maxsize=2)
def _first(task: str, content: str) -> Data:
    """The first training example."""
    return load_task(task).data("cpu")["train"].first(1)


def setting_of(table: Table, device: str, build: str | None = None) -> Setting:
    """How the runs of a table were made.

    Nothing is imported because a table says so: who knows the function `build` names it.

    Raises:
        InputError: the space has no networks, or the table is of others than those of `build`; the
            task is not at hand, or the table says no recipe.
    """
    own = _own_networks(table, build)
    networks, task = None if own else networks_of(table.space), task_of(table)
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
        own,
    )


def _own_networks(table: Table, build: str | None) -> OwnNetworks | None:
    said = table.metadata.get(BUILD)
    if said != build:
        mend = f"give --build {short(said)}, if that is yours" if said else "leave --build out"
        named = build or f"space {table.space.name}"
        raise InputError(f"{table.source}: was not trained on networks of {named}; {mend}")
    if build is None:
        return None
    own = OwnNetworks.named(build)
    if own.content != table.metadata.get(BUILD_HASH):
        raise InputError(
            f"{table.source}: was trained on another version of {build}; train a new table"
        )
    return own


def _attack(said: Mapping[str, str], table: Table) -> Attack:
    """Of tables from before it was recorded, ours."""
    return _read(TypeAdapter(Attack), "attack", said, table) if "attack" in said else ATTACK


def _read(kind: TypeAdapter[T], key: str, said: Mapping[str, str], table: Table) -> T:
    try:
        return kind.validate_json(said[key])
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise InputError(f"{table.source}: its {key} can't be read ({reason})") from None
