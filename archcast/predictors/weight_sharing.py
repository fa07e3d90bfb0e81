"""Weight sharing: one supernet is trained, and every architecture is scored with its weights."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from archcast.core.cache import cache_folder
from archcast.core.errors import InputError
from archcast.core.heavy import torch
from archcast.networks.blueprint import Blueprint
from archcast.networks.networks import OFFICIAL, Networks
from archcast.predictors.helpers.paying import price
from archcast.predictors.predictor import LAST, Context, Predictor, Tags, Vector
from archcast.spaces.space import Architecture
from archcast.tasks.images import load_images
from archcast.tasks.task import Task

if TYPE_CHECKING:
    from archcast.making.supernet_training import Plan


Recalibrate = int | Literal["batch"]
SCORING = 3  # the version of how a supernet scores
EVALUATED = 500  # validation images at once: more leave a processor's caches

VALID_IMAGES = 500  # that a query measures on


class WeightSharing(Predictor):
    """Minus the validation loss with weights inherited from a trained supernet.

    `fit` trains the supernet, or takes it from the cache of supernets and charges the seconds that
    its training took. A query makes the architecture canonical, recalibrates batch norm along its
    path on training images, and measures. Of few images the loss tells more than the accuracy, of
    which many architectures have the same.

    Args:
        epochs: of supernet training; an epoch makes one step a minibatch of training images.
        valid_images: how many validation images a query measures on.
        recalibrate: minibatches of training images that batch norm's statistics are taken from; 0
            keeps those of the supernet, `batch` takes those of the images that are measured on.
        images: an `.npz` file to train on in place of the benchmark's own images; networks are
            then the official ones.
        training_seed: of the supernet. It stays the same over repeats, so that these share one.
    """

    sampler: ClassVar[str]  # what a training step runs, one of `SAMPLERS`
    paper: ClassVar[str]
    known_: str  # the content of `images`
    wanted_: str | None = None  # what it must be

    def __init__(
        self,
        epochs: int = 100,
        valid_images: int = VALID_IMAGES,
        recalibrate: Recalibrate = 2,
        images: str | None = None,
        training_seed: int = 0,
        device: str = "cpu",
    ) -> None:
        self.epochs = epochs
        self.valid_images = valid_images
        self.recalibrate = recalibrate
        self.images = images
        self.training_seed = training_seed
        self.device = device

    @property
    def tags(self) -> Tags:  # type: ignore[override]
        """The benchmark's images are needed unless others are given."""
        needs = {"networks"} if self.images else {"networks", "task"}
        return Tags(needs=frozenset(needs), learns=False, paper=self.paper, version=SCORING)

    def uses(self) -> Sequence[object]:
        if not self.images:
            return ()
        self.known_ = load_images(self.images).hash
        return (self.known_,)

    def __sklearn_clone__(self) -> Self:
        """A copy that refuses other images than those that this one, when asked, has told of."""
        copy = type(self)(**self.get_params(deep=False))
        copy.wanted_ = getattr(self, "known_", self.wanted_)
        return copy

    def plans(self, networks: Networks[Any]) -> list[Plan]:
        """The trainings whose supernets score: one, or one an option of `split_decision`."""
        from archcast.making.supernet_training import Plan

        return [Plan(self.sampler, self.epochs, self.training_seed)]

    def setting(self, context: Context) -> tuple[Blueprint, Task]:
        """How the supernet is built, and what it learns."""
        assert context.networks is not None
        if self.images:
            networks, task = context.networks.networks, load_images(self.images)
            if self.wanted_ not in (None, task.hash):
                raise InputError(f"{self.images} changed under the run; run it again")
            return Blueprint(networks, networks.scale(OFFICIAL), task.signature), task
        assert context.task is not None
        return context.networks, context.task

    def check_parameters(self) -> None:
        super().check_parameters()
        if min(self.epochs, self.valid_images) < 1:
            raise ValueError(f"{self}: give epochs and valid_images of 1 or more")
        if self.recalibrate != "batch" and not (
            isinstance(self.recalibrate, int) and self.recalibrate >= 0
        ):
            raise ValueError(f"{self}: give recalibrate of 0 or more, or batch")

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        from archcast.making.supernet_training import trained_supernet

        blueprint, task = self.setting(context)
        plans = self.plans(blueprint.networks)
        begun = perf_counter()
        trained = {
            plan: trained_supernet(plan, blueprint, task, self.device, cache_folder("supernets"))
            for plan in [plan.start for plan in plans if plan.start] + plans
        }
        elapsed = perf_counter() - begun
        paid = (price((plan, task.hash), each.seconds) for plan, each in trained.items())
        self.saved_seconds_ = sum(paid) - elapsed
        self.supernets_ = [trained[plan].supernet for plan in plans]
        self._ready(blueprint, task, self.training_seed)

    def _ready(self, blueprint: Blueprint, task: Task, seed: int) -> None:
        """Draw the images of recalibration, and keep those that a query measures on."""
        from archcast.making.supernet_training import descent_of
        from archcast.making.trainer import batches

        self.networks_ = blueprint.networks
        data = task.data(self.device)
        self.valid_ = data["valid"].first(self.valid_images)
        if self.recalibrate == "batch":
            self.calibration_ = self.valid_.inputs.split(EVALUATED)
            return
        images = data["train"].inputs
        draw = torch.Generator().manual_seed(seed)
        size = descent_of(task).batch_size
        chosen = torch.randperm(len(images), generator=draw)[: self.recalibrate * size]
        self.calibration_ = [images[rows] for rows in batches(chosen, size)]

    def _query(self, architectures: Sequence[Architecture], context: Context) -> Vector:
        if (space := architectures[0].space) != self.networks_.space:
            raise ValueError(f"{self} has no supernet of space {space.name}")
        scores = np.array([self._score(architecture) for architecture in architectures])
        failed = ~np.isfinite(scores)
        self.fallbacks_ += int(failed.sum())
        return np.where(failed, LAST, scores)

    def _score(self, architecture: Architecture) -> float:
        from archcast.making.trainer import evaluate
        from archcast.networks.recalibration import recalibrate
        from archcast.networks.supernet import Subnet

        canonical = architecture.space.canonical(architecture)
        part = canonical.choices[self.networks_.split_decision] if len(self.supernets_) > 1 else 0
        network = Subnet(self.supernets_[part], canonical.choices)
        if self.recalibrate:
            recalibrate(network, self.calibration_)
        return -evaluate(network, self.valid_, EVALUATED)[0]


class OneShot(WeightSharing):
    """Mixtures of the operations of the supernet, half of them at a time."""

    sampler = "mixture"
    paper = "Bender et al., 2018, Understanding and Simplifying One-Shot Architecture Search"


class RandomPaths(WeightSharing):
    """One random path a step, uniform over all."""

    sampler = "uniform"
    paper = "Li & Talwalkar, 2019, Random Search for NAS; Guo et al., 2020, Single Path One-Shot"


class FairNAS(WeightSharing):
    """Every operation of an edge once a step; where another edge has more, some of them again.

    A step runs as many paths as there are operations, and half of the epochs are enough.
    """

    sampler = "fair"
    paper = "Chu et al., 2021, FairNAS"

    def __init__(
        self,
        epochs: int = 50,
        valid_images: int = VALID_IMAGES,
        recalibrate: Recalibrate = 2,
        images: str | None = None,
        training_seed: int = 0,
        device: str = "cpu",
    ) -> None:
        super().__init__(epochs, valid_images, recalibrate, images, training_seed, device)


class Novelty(WeightSharing):
    """One path a step: of ten random ones that which is least like the latest.

    If they `climb`, paths follow novelty by an evolution strategy, as published. By the published
    step they hardly ever reach another option: what is trained are a hundred random paths.
    """

    paper = "Zhang et al., 2020, One-Shot NAS via Novelty Driven Sampling"

    def __init__(
        self,
        epochs: int = 100,
        valid_images: int = VALID_IMAGES,
        recalibrate: Recalibrate = 2,
        images: str | None = None,
        training_seed: int = 0,
        device: str = "cpu",
        climb: bool = False,
    ) -> None:
        super().__init__(epochs, valid_images, recalibrate, images, training_seed, device)
        self.climb = climb

    @property
    def sampler(self) -> str:  # type: ignore[override]
        return "climbed" if self.climb else "novel"


class FewShot(WeightSharing):
    """A supernet that is split on the options of one decision after half of the epochs."""

    paper = "Zhao et al., 2021, Few-shot Neural Architecture Search"

    def plans(self, networks: Networks[Any]) -> list[Plan]:
        from archcast.making.supernet_training import few_shot

        parts = networks.options[networks.split_decision]
        return few_shot(self.epochs, self.training_seed, parts)
