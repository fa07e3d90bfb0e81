"""Train supernets together with a policy, which learns which options are good."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archcast.making.policies import POLICIES
from archcast.making.policy import Policy, Step
from archcast.making.supernet_training import Training
from archcast.making.trainer import batches
from archcast.networks.blueprint import Blueprint
from archcast.networks.supernet import Path as Choices
from archcast.networks.supernet import Supernet
from archcast.tasks.task import Data, Task


@dataclass(frozen=True, slots=True)
class PolicyPlan:
    """One training of a supernet with a policy, which with networks, task and device decides both.

    Half of the training examples move the weights, the others the policy, which goes first in each
    step; where it learns nothing, all move the weights.
    """

    version: ClassVar[int] = 3  # of the training: it goes up whenever weights or policy change

    policy: str  # one of `POLICIES`
    epochs: int
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Searched:
    """A supernet, a policy, what this liked after each epoch, and the seconds they took.

    `liked` are the paths that it liked most, and `probabilities` those of options, as the policy
    gives them.
    """

    supernet: Supernet
    policy: Policy
    liked: list[Choices]
    probabilities: list[list[list[float]]]
    seconds: float


def searched(
    plan: PolicyPlan, blueprint: Blueprint, task: Task, device: str, folder: Path
) -> Searched:
    """What a plan gives: trained to the end, or taken from `folder`.

    A killed training goes on where it was last saved. Processes that want the same one wait for the
    one that trains it.

    Raises:
        InputError: the folder can't be made or written to.
    """
    training = _PolicyTraining(plan, blueprint, task, device, folder)
    for _ in training.epochs():
        pass
    known = training.liked, training.probabilities
    return Searched(training.supernet, training.policy, *known, training.seconds)


class _PolicyTraining(Training):
    plan: PolicyPlan
    policy: Policy

    def _start(self, resumed: bool) -> None:
        self.liked: list[Choices] = []
        self.probabilities: list[list[list[float]]] = []
        rows = np.random.default_rng(self.plan.seed).permutation(self.task.size("train"))
        half = len(rows) // 2
        self.own, self.others = rows[:half], rows[half : 2 * half]  # as many batches
        steps = self.plan.epochs * len(self._batches(self.own))
        make = POLICIES[self.plan.policy]
        self.policy = make(self.blueprint.networks.options, steps, self.plan.seed).to(self.device)
        if not self.policy.learns:
            self.own = rows

    def _train_epoch(self, data: Data) -> None:
        rng = np.random.default_rng([self.plan.seed, self.epoch])
        own = self._batches(rng.permutation(self.own))
        others = self._batches(rng.permutation(self.others)) if self.policy.learns else own
        for number, (batch, other) in enumerate(zip(own, others, strict=True)):
            progress = (self.epoch + number / len(own)) / self.plan.epochs
            rate = self._rate(progress)
            self.optimizer.param_groups[0]["lr"] = rate
            train = self._seen(data, batch, rng)
            valid = self._seen(data, other, rng) if self.policy.learns else train
            clip = self.descent.clip_ahead
            step = Step(self.supernet, self.optimizer, train, valid, progress, rng, clip)
            self.policy.learn(step)
            self.optimizer.zero_grad()
            selection = self.policy.drawn(rng, progress)
            self.policy.loss(step, selection).backward()
            self._follow(rate)
        if (best := self.policy.best()) is not None:
            self.liked.append(best)
            self.probabilities.append(self.policy.probabilities())

    def _batches(self, rows: NDArray[np.int64]) -> list[Tensor]:
        return batches(torch.from_numpy(rows).to(self.device), self.descent.batch_size)

    @staticmethod
    def _seen(data: Data, rows: Tensor, rng: np.random.Generator) -> Data:
        chances = torch.from_numpy(rng.random(len(rows)))
        return data.of(data.augmented(data.inputs[rows], chances), data.targets[rows])

    def _state(self) -> dict[str, Any]:
        adam = self.policy.adam and self.policy.adam.state_dict()
        told = {"liked": self.liked, "probabilities": self.probabilities}
        return super()._state() | {"policy": self.policy.state_dict(), "adam": adam, **told}

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self.policy.load_state_dict(state["policy"])
        if self.policy.adam:
            self.policy.adam.load_state_dict(state["adam"])
        self.liked, self.probabilities = state["liked"], state["probabilities"]
