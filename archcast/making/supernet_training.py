"""Train supernets, resumably, and keep them: one training serves every later query."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor, nn

from archcast.core.cache import made_folder, want
from archcast.core.errors import told
from archcast.core.files import replacing, sealed, unsealed
from archcast.core.identity import made_of
from archcast.core.progress import track
from archcast.core.seeding import seeded
from archcast.core.workers import JobLost, one_thread, run_each
from archcast.making.samplers import SAMPLERS, Archive
from archcast.making.trainer import batches, clock_of
from archcast.networks.arithmetic import layout_of
from archcast.networks.blueprint import Blueprint, entropy, initialised
from archcast.networks.supernet import Supernet
from archcast.tasks.images import Images
from archcast.tasks.task import Data, Task

_logger = logging.getLogger("archcast")

SAVE_EVERY = 10.0  # seconds


class Descent(NamedTuple):
    """How weights follow their gradients, which are no longer than `clip`."""

    learning_rate: float
    weight_decay: float
    clip: float
    batch_size: int
    momentum: float = 0.9
    clip_ahead: float | None = None  # of a step that a policy looks ahead by


OF_IMAGES = Descent(learning_rate=0.05, weight_decay=5e-4, clip=5.0, batch_size=128)
OF_TEXTS = Descent(
    learning_rate=2.0, weight_decay=5e-7, clip=0.25, batch_size=64, clip_ahead=0.25
)  # fmt: skip


def descent_of(task: Task) -> Descent:
    """Recurrent cells want long steps along short gradients, as their authors take them.

    By those that suit images they are no better after ten epochs than who knows how frequent each
    character is.
    """
    return OF_IMAGES if isinstance(task, Images) else OF_TEXTS


@dataclass(frozen=True, slots=True)
class Plan:
    """One training of a supernet, which with networks, task and device determines its weights.

    A step draws selections with `sampler`, one of `SAMPLERS`, and follows their mean gradient on
    one minibatch. That is the less noisy the more they are: the learning rate grows with the root
    of their number, as it does with that of examples (Krizhevsky, 2014). A sub-supernet holds one
    decision at an option, `split`, and starts from the weights of another training.
    """

    version: ClassVar[int] = 5  # of the training: it goes up whenever weights change

    sampler: str
    epochs: int
    seed: int = 0
    split: int | None = None  # the option of `Networks.split_decision`
    start: Plan | None = None


def few_shot(epochs: int, seed: int, parts: int) -> list[Plan]:
    """A supernet split on the options of one decision (Zhao et al., 2021, Few-shot NAS).

    At most half of the epochs train its parts, each as long, for they are compared; the others one
    supernet before.
    """
    share = epochs // 2 // parts
    start = Plan("uniform", epochs - share * parts, seed)
    return [Plan("uniform", share, seed, part, start) for part in range(parts)]


@dataclass(frozen=True, slots=True)
class Trained:
    """A supernet and the seconds that its training took, without those of its start."""

    supernet: Supernet
    seconds: float


def trained_supernet(
    plan: Plan, blueprint: Blueprint, task: Task, device: str, folder: Path
) -> Trained:
    """The supernet of a plan: trained to the end, or taken from `folder`.

    A killed training goes on where it was last saved. Processes that want the same supernet wait
    for the one that trains it.

    Raises:
        InputError: the folder can't be made or written to.
    """
    training = _Training(plan, blueprint, task, device, folder)
    for _ in training.epochs():
        pass
    return Trained(training.supernet, training.seconds)


def train_supernets(
    plans: Sequence[Plan],
    blueprint: Blueprint,
    task: Task,
    device: str,
    folder: Path,
    workers: int | Executor,
) -> None:
    """Train those of `plans` that `folder` does not hold yet, under a progress bar of epochs.

    Those of the most epochs come first, so that workers end at about the same time. One that fails
    is logged and left: whoever asks for its supernet fails by it.
    """
    wanted = dict.fromkeys(plan.start for plan in plans if plan.start)
    others = [plan for plan in dict.fromkeys(plans) if plan not in wanted]
    stages = [list(wanted), sorted(others, key=lambda plan: -plan.epochs)]
    given = (blueprint, task, device, folder)
    todo = [[plan for plan in stage if not _Training(plan, *given).finished] for stage in stages]

    def epochs() -> Iterator[int]:
        for stage in todo:
            if workers == 1:
                for plan in stage:
                    with one_thread(), _left(plan):
                        yield from _Training(plan, *given).epochs()
                continue
            train = partial(_train, blueprint=blueprint, task=task, device=device, folder=folder)
            for plan_epochs in run_each(train, stage, workers, on_loss=_lost):
                yield from range(plan_epochs)

    for _ in track(epochs(), sum(plan.epochs for stage in todo for plan in stage), "training"):
        pass


@contextmanager
def _left(plan: Plan) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        _logger.warning("%s: its training failed: %s", plan, told(error))


def _lost(plan: Plan, loss: JobLost) -> int:
    _logger.warning("%s: its training failed: %s", plan, loss.how)
    return plan.epochs


def _train(plan: Plan, blueprint: Blueprint, task: Task, device: str, folder: Path) -> int:
    with _left(plan):
        trained_supernet(plan, blueprint, task, device, folder)
    return plan.epochs


class Training(ABC):
    """A supernet, and how far its training has come: resumable, and kept in a folder.

    Args:
        plan: says the number of epochs and the seed; all of it decides the weights.
        blueprint: of the supernet.
        task: what it learns.
        device: `cpu` or `cuda`.
        folder: where it is kept.
    """

    supernet: Supernet
    optimizer: torch.optim.Optimizer

    def __init__(
        self, plan: Any, blueprint: Blueprint, task: Task, device: str, folder: Path
    ) -> None:
        self.plan, self.blueprint, self.task, self.device = plan, blueprint, task, device
        self.descent = descent_of(task)
        self.folder = made_folder(folder)
        key = {
            "plan": made_of(plan),
            **blueprint.made_of,
            "task": task.training_hash,
            "device": device,
        }
        self.key = json.dumps(key, sort_keys=True)
        self.path = folder / f"{hashlib.sha256(self.key.encode()).hexdigest()[:20]}.pt"
        self.epoch, self.seconds = 0, 0.0

    @property
    def finished(self) -> bool:
        state = self._kept()
        return state is not None and state["epoch"] == self.plan.epochs

    def epochs(self) -> Iterator[int]:
        """Train epoch by epoch, from where it was last saved."""
        with FileLock(self.path.with_suffix(".lock")):
            build = self.blueprint.supernet
            self.supernet = initialised(build, "supernet", self.plan.seed).to(self.device)
            layout = layout_of(self.supernet, self.device)
            self.supernet.to(memory_format=layout)  # type: ignore[call-overload]
            self.weights = list(self.supernet.parameters())  # all modules are walked for them
            self.optimizer = torch.optim.SGD(
                self.weights, self.descent.learning_rate, self.descent.momentum,
                weight_decay=self.descent.weight_decay, nesterov=True, foreach=True,
            )  # fmt: skip
            state = self._kept()
            self._start(resumed=state is not None)
            if state is not None:
                self._restore(state)
            if self.epoch < self.plan.epochs:
                want(self.path)
                data = self.task.data(self.device)["train"]
                clock = clock_of(data.inputs.device)
                saved = perf_counter()
                while self.epoch < self.plan.epochs:
                    start = clock()
                    self.supernet.train()
                    with seeded(int.from_bytes(entropy(self.key, self.epoch)[:7], "big")):
                        self._train_epoch(data)
                    self.epoch += 1
                    self.seconds += clock() - start
                    if perf_counter() - saved > SAVE_EVERY or self.epoch == self.plan.epochs:
                        self._save()
                        saved = perf_counter()
                    yield self.epoch
        self.supernet.eval()

    @abstractmethod
    def _start(self, resumed: bool) -> None:
        """Make what else there is before the first epoch, or before the state is restored."""

    @abstractmethod
    def _train_epoch(self, data: Data) -> None:
        """What is random in it depends on its number and the plan alone, so that it goes on."""

    def _follow(self, rate: float) -> None:
        """Move the weights along their gradients."""
        nn.utils.clip_grad_norm_(self.weights, self.descent.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()

    def _rate(self, progress: float) -> float:
        """From 0 to 1 of the training, along a cosine."""
        return self.descent.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))

    def _state(self) -> dict[str, Any]:
        done = self.epoch == self.plan.epochs
        return {
            "key": self.key,
            "epoch": self.epoch,
            "seconds": self.seconds,
            "supernet": self.supernet.state_dict(),
            "optimizer": None if done else self.optimizer.state_dict(),
        }

    def _restore(self, state: dict[str, Any]) -> None:
        self.supernet.load_state_dict(state["supernet"])
        if state["optimizer"]:
            self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.seconds = state["epoch"], state["seconds"]

    def _kept(self) -> dict[str, Any] | None:
        try:
            content = BytesIO(unsealed(self.path))
            state: dict[str, Any] = torch.load(content, map_location=self.device)
            return state if state["key"] == self.key else None
        except FileNotFoundError:
            return None
        except Exception as error:  # a broken file fails in any of ten ways
            _logger.warning("%s: ignoring a file that is no supernet (%s)", self.path, told(error))
            return None

    def _save(self) -> None:
        content = BytesIO()  # a file that can't be written is an OSError; to PyTorch, it is many
        torch.save(self._state(), content)
        with replacing(self.path, "set ARCHCAST_CACHE") as aside:
            aside.write_bytes(sealed(content.getvalue()))


class _Training(Training):
    """By a plan, whose sampler draws what each step runs."""

    plan: Plan

    def _start(self, resumed: bool) -> None:
        self.archive: Archive = []
        if self.plan.start and not resumed:
            given = (self.blueprint, self.task, self.device, self.folder)
            start = trained_supernet(self.plan.start, *given)
            self.supernet.load_state_dict(start.supernet.state_dict())

    def _train_epoch(self, data: Data) -> None:
        part = -1 if self.plan.split is None else self.plan.split
        rng = np.random.default_rng([self.plan.seed, part + 1, self.epoch])
        order = torch.from_numpy(rng.permutation(len(data.inputs))).to(data.inputs.device)
        every = batches(order, self.descent.batch_size)
        for number, batch in enumerate(every):
            rate = self._rate((self.epoch + number / len(every)) / self.plan.epochs)
            chances = torch.from_numpy(rng.random(len(batch)))
            seen = data.augmented(data.inputs[batch], chances)
            self._step(seen, data.targets[batch], data, rng, rate)

    def _step(
        self, inputs: Tensor, targets: Tensor, data: Data, rng: np.random.Generator, rate: float
    ) -> None:
        options = self.blueprint.networks.options
        selections = SAMPLERS[self.plan.sampler](options, rng, self.archive)
        self.optimizer.zero_grad()
        for selection in selections:
            if isinstance(selection, Tensor):
                selection = selection.to(inputs.device)
            else:
                selection = self._held(selection)
            loss = data.loss(self.supernet(inputs, selection), targets)
            (loss / len(selections)).backward()
        self._follow(rate * math.sqrt(len(selections)))

    def _held(self, path: Sequence[int]) -> Sequence[int]:
        if self.plan.split is None:
            return path
        at = self.blueprint.networks.split_decision
        return (*path[:at], self.plan.split, *path[at + 1 :])

    def _state(self) -> dict[str, Any]:
        return super()._state() | {"archive": self.archive}

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self.archive = state["archive"]
