"""Make a benchmark: train the architectures of a space, or some, resumably, into one table."""

from __future__ import annotations

import json
import logging
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import nn

from archcast.benchmarks.table import Table, read_table
from archcast.core.device import pick_device
from archcast.core.errors import InputError, check_number, foreign
from archcast.core.files import check_target
from archcast.core.identity import digest, made_of
from archcast.core.progress import track
from archcast.core.registry import Entry
from archcast.core.workers import JobLost, run_each
from archcast.making.journal import Journal
from archcast.making.recipe import RECIPE, TEXT_RECIPE, AnyRecipe
from archcast.making.robustness import ATTACK, Attack
from archcast.making.trainer import Run, train
from archcast.networks.blueprint import Blueprint, networks_of
from archcast.networks.networks import MINI
from archcast.networks.own_networks import OwnNetworks
from archcast.networks.table_networks import (
    BUILD,
    BUILD_HASH,
    MADE_OF,
    SCALE,
    TASK,
    TASK_HASH,
)
from archcast.spaces.space import Architecture, Space
from archcast.tasks.images import Images
from archcast.tasks.loading import SHIPPED, load_task
from archcast.tasks.task import Data, Signature, Task

IDLE = 10_000  # draws without anything new, after which there is nothing
_logger = logging.getLogger("archcast")

OWN = "own"  # the scale of networks of somebody's own
TRAINER = Entry("archcast.making.trainer:train", "trains one network")
ENUMERATED = 100_000  # architectures: of larger spaces some are drawn


@dataclass(frozen=True, slots=True)
class Setting:
    """All that decides the runs of a table but the architectures and the seeds."""

    space: Space
    task: str  # one that ships, or the path of a file
    dataset: str  # what it is called
    content: str  # its hash
    device: str
    scale: str
    recipe: AnyRecipe
    attack: Attack | None  # of images
    own: OwnNetworks | None = None  # in place of the space's

    @classmethod
    def mini(
        cls,
        space: Space,
        task: str | None,
        device: str,
        build: str | None = None,
        epochs: int | None = None,
    ) -> Self:
        """As benchmarks are made: small networks, trained in seconds.

        Args:
            space: that has networks, or any with `build`.
            task: None for the one that ships for such networks.
            device: `auto`, `cpu` or `cuda`.
            build: a function of an architecture, as `module:function`, that builds the networks.
            epochs: of a training; None for those of the recipe.

        Raises:
            InputError: `task` can't be read, or is nothing for networks of the space, or there is
                no such function.
        """
        own = OwnNetworks.named(build) if build else None
        if task is not None and task not in SHIPPED:
            task = str(Path(task).resolve())  # workers may run in other folders
        task = task or next(each for each in SHIPPED if own or _fits(space, load_task(each)))
        loaded, where = load_task(task), pick_device(device)
        if not (own or _fits(space, loaded)):
            raise InputError(
                f"networks of {space.name} can't learn {loaded.name}; choose another --task"
            )
        known = (space, task, loaded.name, loaded.hash, where, OWN if own else MINI)
        recipe, attack = (RECIPE, ATTACK) if isinstance(loaded, Images) else (TEXT_RECIPE, None)
        return cls(*known, replace(recipe, epochs=epochs or recipe.epochs), attack, own)

    def network(self, architecture: Architecture) -> nn.Module:
        """The network of an architecture, with new weights."""
        if self.own:
            return self.own.network(architecture)
        made, signature = networks_of(architecture.space), _signature(self.task, self.content)
        return Blueprint(made, made.scale(self.scale), signature).network(architecture)

    @property
    def file(self) -> str:
        """The name of a table of such runs, which those of other settings do not have."""
        named = self.space.declaration == self.space.name and not self.own
        others = (
            ""
            if named
            else f"-{digest([self.space.declaration, self.own and self.own.content])[:6]}"
        )
        return f"{self.space.name}-{self.dataset}-{self.content[:6]}{others}.parquet"

    def provenance(self) -> dict[str, str]:
        """As the metadata of a table say it."""
        machine = platform.processor() or platform.machine()
        on_gpu = self.device == "cuda"
        name = torch.cuda.get_device_name() if on_gpu else f"{machine}, one thread"
        shipped = self.task in SHIPPED
        return {
            "space": self.space.declaration,
            "dataset": self.dataset,
            SCALE: self.scale,
            **({BUILD: self.own.target, BUILD_HASH: self.own.content} if self.own else {}),
            "recipe": json.dumps(asdict(self.recipe)),
            MADE_OF: digest(
                made_of([None if self.own else networks_of(self.space), self.space, TRAINER])
            ),
            **({"attack": json.dumps(asdict(self.attack))} if self.attack else {}),
            TASK_HASH: self.content,
            "device": f"{self.device} ({name}), PyTorch {torch.__version__}",
            TASK: self.task if shipped else str(Path(self.task).resolve()),
        }


def _fits(space: Space, task: Task) -> bool:
    """Whether networks of the space take what the task gives: images, or sequences."""
    takes = next(iter(networks_of(space).signatures.values()))
    return len(task.signature.shape) == len(takes.shape)


def train_table(
    space: Space,
    task: str | None,
    seeds: Sequence[int],
    out: Path,
    workers: int | Executor = 1,
    device: str = "auto",
    limit: int | None = None,
    build: str | None = None,
    epochs: int | None = None,
) -> Table:
    """Train all canonical architectures of `space`, or `limit` random ones, with each of `seeds`.

    A larger `limit` adds to those of a smaller one. The networks are those of the scale `mini`, or
    what the function `build` gives, `module:function`. `epochs` stands in for those of the recipe.

    Each finished run is appended to a journal beside `out`, so that a killed process loses only
    the runs in flight. Runs that `out` or its journal hold already are not repeated.

    Raises:
        InputError: there are no networks, or not as many architectures as `limit`, or too many
            without one; `task` can't be read, or `out` holds another space or data set, or is the
            file of the task.
    """
    for seed in seeds:
        check_number("--seeds", seed, 0)
    check_target(out, *([task] if task else []), mend="choose another --out")
    setting = Setting.mini(space, task, device, build, epochs)
    architectures = drawn(space, limit)
    train_runs([(each, seed) for seed in seeds for each in architectures], setting, out, workers)
    return read_table(out)


def train_runs(
    runs: Sequence[tuple[Architecture, int]],
    setting: Setting,
    out: Path,
    workers: int | Executor,
) -> None:
    """Add runs, of an architecture and a seed each, to the table `out`, as far as it lacks them.

    Raises:
        InputError: `out` is of another setting, or another process has it.
        JobLost: some trainings ended their processes; the others are there.
    """
    with Journal(out, setting.provenance()) as journal:
        todo = [run for run in runs if (str(run[0]), run[1]) not in journal.rows]
        results = run_each(partial(train_one, setting=setting), todo, workers, on_loss=lost)
        left = dict.fromkeys((str(architecture), seed) for architecture, seed in todo)
        for row in track(results, len(todo), "training"):
            if row:
                journal.append(row)
                left.pop((row["architecture"], row["seed"]), None)
    if left:
        one, seed = next(iter(left))
        raise JobLost(
            f"{one}, seed {seed}",
            f"{len(left)} of {len(todo)} trainings were lost with their processes; the others are"
            f" in {out}",
        )


def lost(run: tuple[Architecture, int], loss: JobLost) -> dict[str, Any]:
    """No row: a run whose process ended, which no other run is to end by."""
    _logger.warning("%s, seed %d: %s", *run, loss.how)
    return {}


def drawn(space: Space, limit: int | None) -> list[Architecture]:
    """The first `limit` that `draws` gives, or all of a small space.

    Raises:
        InputError: there are fewer than `limit`, or no limit for more than can be trained.
    """
    small = space.size <= ENUMERATED
    if not small and (limit is None or limit > space.size):
        given = "" if limit is None else f" {limit}"
        raise InputError(
            f"--limit{given}: space {space.name} has {space.size:,} architectures; give how many to"
            " train"
        )
    found = [*islice(draws(space), limit)]
    if limit is not None and limit > len(found):
        raise InputError(f"--limit {limit}: space {space.name} has {len(found)} that differ")
    return found


def draws(space: Space) -> Iterator[Architecture]:
    """Canonical architectures in random order, none twice: all of a small space, else ever more.

    It ends where 10,000 draws in a row give nothing new.

    Each is as likely as any other of a small space; of others by `sample`, so that isomorphic ones
    count together only where `sample` does so.
    """
    rng = np.random.default_rng(0)
    if space.size <= ENUMERATED:
        every = sorted({space.canonical(a) for a in space.enumerate()}, key=lambda a: a.choices)
        yield from (every[i] for i in rng.permutation(len(every)))
        return
    found, idle = set[Architecture](), 0
    while idle < IDLE:
        idle += 1
        if (new := space.canonical(space.sample(1, rng)[0])) not in found:
            found.add(new)
            idle = 0
            yield new


@lru_cache(maxsize=2)
def _signature(task: str, content: str) -> Signature:
    """Of a task of that content, whose file is read once for all networks."""
    return load_task(task).signature


@lru_cache(maxsize=1)
def _loaded(task: str, content: str, device: str) -> Mapping[str, Data]:
    loaded = load_task(task)
    if loaded.hash != content:
        raise InputError(f"{task} changed under the run; put it back, and go on")
    return loaded.data(device)


def train_one(
    run: tuple[Architecture, int],
    setting: Setting,
    goes_on: Callable[[dict[str, Any]], bool] | None = None,
) -> dict[str, Any]:
    """Train an architecture with a seed; the row of a table that comes of it.

    `goes_on` is asked as by `train`, of the row so far, whose test values are of no meaning.
    """
    architecture, seed = run
    data = _loaded(setting.task, setting.content, setting.device)
    text = str(architecture)
    build = partial(setting.network, architecture)

    def row(trained: Run) -> dict[str, Any]:
        columns = trained.columns(data["train"].measure, setting.device)
        return {"architecture": text, "seed": seed, **columns}

    def asked(so_far: Run) -> bool:
        known = replace(so_far, test_score=0.0, epoch_seconds=0.0)
        return goes_on is None or goes_on(row(known))

    own = setting.own
    with foreign(f"--build {own.target}: can't learn {setting.dataset}") if own else nullcontext():
        return row(train(build, text, seed, data, setting.recipe, setting.attack, asked))
