"""Make a benchmark: train the architectures of a space, or some, resumably, into one table."""

from __future__ import annotations

import json
import logging
import math
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch import nn

from archcast.benchmarks.objective import Objective
from archcast.benchmarks.table import Table, read_table
from archcast.core.device import pick_device
from archcast.core.errors import InputError, check_number, foreign
from archcast.core.files import check_target, read_whole
from archcast.core.identity import digest
from archcast.core.progress import track
from archcast.core.workers import run_each
from archcast.making.recipe import RECIPE, TEXT_RECIPE, AnyRecipe
from archcast.making.robustness import ATTACK, Attack
from archcast.making.trainer import Run, train
from archcast.networks import registry as networks
from archcast.networks.blueprint import Blueprint, networks_of
from archcast.networks.networks import MINI
from archcast.networks.own_networks import OwnNetworks
from archcast.networks.table_networks import (
    BUILD,
    BUILD_HASH,
    SCALE,
    TASK,
    TASK_HASH,
    understood,
)
from archcast.spaces.declared import declared_space
from archcast.spaces.space import Architecture, Space
from archcast.tasks.images import Images
from archcast.tasks.loading import MEASURES, SHIPPED, load_task
from archcast.tasks.task import Data, Measure, Task

_logger = logging.getLogger("archcast")

OWN = "own"  # the scale of networks of somebody's own
ENUMERATED = 100_000  # architectures: of larger spaces some are drawn
_LATER = ("attack", TASK_HASH)  # tables from before these were recorded lack them


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
    def mini(cls, space: Space, task: str | None, device: str, build: str | None = None) -> Self:
        """As benchmarks are made: small networks, trained in seconds.

        Args:
            space: that has networks, or any with `build`.
            task: None for the one that ships for such networks.
            device: `auto`, `cpu` or `cuda`.
            build: a function of an architecture, as `module:function`, that builds the networks.

        Raises:
            InputError: `task` can't be read, or is nothing for networks of the space, or there is
                no such function.
        """
        own = OwnNetworks.named(build) if build else None
        task = task or next(each for each in SHIPPED if own or _fits(space, load_task(each)))
        loaded, where = load_task(task), pick_device(device)
        if not (own or _fits(space, loaded)):
            raise InputError(
                f"networks of {space.name} can't learn {loaded.name}; choose another --task"
            )
        known = (space, task, loaded.name, loaded.hash, where, OWN if own else MINI)
        if isinstance(loaded, Images):
            return cls(*known, RECIPE, ATTACK, own)
        return cls(*known, TEXT_RECIPE, None, own)

    def network(self, architecture: Architecture) -> nn.Module:
        """The network of an architecture, with new weights."""
        if self.own:
            return self.own.network(architecture)
        made, signature = networks_of(architecture.space), load_task(self.task).signature
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
) -> Table:
    """Train all canonical architectures of `space`, or `limit` random ones, with each of `seeds`.

    A larger `limit` adds to those of a smaller one. The networks are those of the scale `mini`, or
    what the function `build` gives, `module:function`.

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
    setting = Setting.mini(space, task, device, build)
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
    """
    with Journal(out, setting.provenance()) as journal:
        todo = [run for run in runs if (str(run[0]), run[1]) not in journal.rows]
        results = run_each(partial(train_one, setting=setting), todo, workers)
        for row in track(results, len(todo), "training"):
            journal.append(row)


def drawn(space: Space, limit: int | None) -> list[Architecture]:
    """Canonical architectures in random order: all of a small space, or the first `limit`.

    Each is as likely as any other of a small space; of others by `sample`, so that isomorphic ones
    count together only where `sample` does so.

    Raises:
        InputError: there are fewer than `limit`, or no limit for more than can be trained.
    """
    rng = np.random.default_rng(0)
    if space.size <= ENUMERATED:
        every = sorted({space.canonical(a) for a in space.enumerate()}, key=lambda a: a.choices)
        if limit is not None and limit > len(every):
            raise InputError(f"--limit {limit}: space {space.name} has {len(every)} that differ")
        return [every[i] for i in rng.permutation(len(every))[:limit]]
    if limit is None or limit > space.size:
        given = "" if limit is None else f" {limit}"
        raise InputError(
            f"--limit{given}: space {space.name} has {space.size:,} architectures; give how many to"
            " train"
        )
    found: dict[Architecture, None] = {}
    while len(found) < limit:
        found[space.canonical(space.sample(1, rng)[0])] = None
    return list(found)


class Journal:
    """Rows of a table in the making: a line of JSON each, merged into the table at the end.

    Within its context it is the only one of its table, in all processes. Leaving the context, also
    by an interrupt, writes the table and removes the journal; after a kill the next one goes on
    from what is there.
    """

    def __init__(self, out: Path, provenance: dict[str, str]) -> None:
        """A journal beside `out`.

        Raises:
            InputError: the folder can't be written to.
        """
        self.out, self.provenance = out, provenance
        self.described: dict[str, str] = {}  # what the table says of itself besides
        self.path = out.with_name(out.name + ".journal")
        self.rows: dict[tuple[str, int], dict[str, Any]] = {}  # by architecture and seed
        check_target(self.path, mend="choose another --out")
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(out.with_name(f".{out.name}.lock"), blocking=False)
        except OSError as error:
            raise InputError(f"{self.path}: can't be written ({error.strerror})") from None

    def __enter__(self) -> Self:
        """Read what is there already.

        Raises:
            InputError: another process has the table, or it is of something else.
        """
        try:
            self._lock.acquire()
        except Timeout:
            raise InputError(
                f"{self.out}: another process is training it; wait for its end, or choose"
                " another --out"
            ) from None
        try:
            for row in (*self._rows_of_table(), *self._rows_of_journal()):
                self.rows[row["architecture"], row["seed"]] = row
            self._file = self.path.open("a")
            if self._file.tell() == 0:
                self._append(self.provenance)
        except OSError as error:
            self._lock.release()
            raise InputError(f"{self.path}: can't be written ({error.strerror})") from None
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        try:
            if self.rows:
                provenance = self.described | self.provenance
                table_of_rows(list(self.rows.values()), provenance, str(self.out)).write(self.out)
            self.path.unlink()
        finally:
            Path(self._lock.lock_file).unlink(missing_ok=True)
            self._lock.release()

    def append(self, row: dict[str, Any]) -> None:
        """Keep a row, whatever happens next."""
        self.rows[row["architecture"], row["seed"]] = row
        self._append(row)

    def _append(self, item: dict[str, Any]) -> None:
        self._file.write(json.dumps(item) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def _rows_of_table(self) -> Iterator[dict[str, Any]]:
        if not self.out.exists():
            return
        table = read_table(self.out)
        held = {"space": table.space.declaration, "dataset": table.dataset, **table.metadata}
        self._check_provenance(held, self.out)
        self.described = table.metadata
        columns = {**table.columns, "diverged": table.diverged}
        owners = np.repeat(np.arange(len(table)), np.diff(table.starts))
        for row, owner in enumerate(owners):
            values = {name: column[row] for name, column in columns.items()}
            curves = {name: value[~np.isnan(value)] for name, value in values.items() if value.ndim}
            plain = {name: value.tolist() for name, value in (values | curves).items()}
            yield {"architecture": str(table.architectures[owner]), **plain}

    def _rows_of_journal(self) -> Iterator[dict[str, Any]]:
        if not self.path.exists():
            return
        text = read_whole(self.path)
        whole = text[: text.rfind(b"\n") + 1]  # a last line without its end was cut by a kill
        os.truncate(self.path, len(whole))
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                found = _object(line)
                if number == 1:
                    self._check_provenance(found, self.path)
                else:
                    yield self._checked(found)
            except _NoRowError as error:
                mend = "delete that line" if number > 1 else "move the file away"
                raise InputError(
                    f"{self.path}, line {number}: no line of a journal ({error}); {mend}"
                ) from None

    def _checked(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row that a table takes, so that nothing is refused after all the work."""
        if not isinstance(row.get("architecture"), str) or type(row.get("seed")) is not int:
            raise _NoRowError("no architecture and seed")
        try:
            table_of_rows([row], self.provenance, "row")
        except (InputError, TypeError, ValueError, OverflowError) as error:
            raise _NoRowError(str(error)) from None
        return row

    def _check_provenance(self, held: dict[str, str], where: Path) -> None:
        space = self.provenance["space"]
        held = understood(held, networks.get(space) if space in networks else None)
        for key in ("space", "dataset", SCALE, BUILD, BUILD_HASH, "recipe", "attack", TASK_HASH):
            if key in self.provenance.keys() - held.keys() and key in _LATER:
                _logger.warning("%s does not say its %s; taken to be ours", where, key)
                continue
            if held.get(key) != self.provenance.get(key):
                raise InputError(
                    f"{where} was made with {key} {held.get(key)}, not {self.provenance.get(key)};"
                    " choose another --out"
                )
        before, now = (each.get("device", "").split(" ")[0] for each in (held, self.provenance))
        if before and before != now:  # whose seconds and latencies are not comparable
            raise InputError(
                f"{where} was made on {before}, not {now}; use --device {before}, or choose"
                " another --out"
            )


class _NoRowError(Exception):
    """Why a line of a journal is none."""


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise _NoRowError("no JSON") from None
    if not isinstance(found, dict):
        raise _NoRowError("no object")
    return found


def table_of_rows(rows: Sequence[dict[str, Any]], provenance: dict[str, str], source: str) -> Table:
    """A table of rows as `train_one` gives them.

    Raises:
        InputError: they are none.
    """
    metadata = dict(provenance)
    space, dataset = declared_space(metadata.pop("space")), metadata.pop("dataset")
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [row.get(name, math.nan) for row in rows] for name in names}
    texts = columns.pop("architecture")
    objectives = [_objective(each) for each in MEASURES if f"test_{each.name}" in columns]
    return Table(space, dataset, texts, columns, metadata, objectives, source)


def _objective(measure: Measure) -> Objective:
    return Objective(*measure, valid=f"valid_{measure.name}", test=f"test_{measure.name}")


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
