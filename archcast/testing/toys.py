"""Made-up results that checks are run on."""

from __future__ import annotations

import pickle
import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch

from archcast.evaluation.network_fields import NETWORK_FIELDS
from archcast.networks.blueprint import Blueprint, Untrained
from archcast.networks.nasbench201_network import NETWORKS
from archcast.networks.scales import Skeleton
from archcast.predictors.predictor import Context, Curves, Predictor, Source, Tags, Vector
from archcast.spaces import registry as spaces
from archcast.spaces.space import Architecture, Space, choice_matrix
from archcast.tasks.images import Images, Part
from archcast.zero_cost import Batch

QUALITY = np.array([0.0, 0.4, 0.7, 1.0, 0.2])  # of the five operations, on average over the edges
EPOCHS, HORIZON = 6, 12
SKELETON = Skeleton(channels=4, cells=1, stem_stride=2, reduction="pool")
_PIXELS = np.random.default_rng(0).integers(0, 256, (96, 14, 14, 1), dtype=np.uint8)
TASK = Images("toy", *(Part(_PIXELS[i::3], np.arange(32) % 4) for i in range(3))).without_test()
BLUEPRINT = Blueprint(NETWORKS, SKELETON, TASK.signature)


class Toy(NamedTuple):
    """Made-up results: accuracy, in percent, is the mean quality of a cell's operations."""

    architectures: list[Architecture]
    labels: Vector
    context: Context

    def bare(self, tags: Tags) -> Toy:
        """With no context but what the tags name."""
        return self._replace(context=self.context.only(tags))


def toy(n: int, seed: int, space: Space | None = None) -> Toy:
    """Draw `n` cells of NAS-Bench-201, with every context field that a predictor may need.

    Its source is of other cells, as good there as here.

    Of another space, `quality_of_nodes` makes the accuracies, and fields that are about networks
    and images are lacking.
    """
    rng = np.random.default_rng(seed)
    drawn_from = space or spaces.get("nasbench201")
    architectures = drawn_from.sample(n, rng)
    quality = _quality(architectures, space)
    labels = 40.0 + 50.0 * quality + rng.normal(0.0, 0.5, n)
    size = 1e5 * (1.0 + quality)
    context = Context(
        curves=_curves(labels, HORIZON, EPOCHS),
        columns={"parameters": size, "flops": 10.0 * size, "latency": size / 1e5},
        unlabeled=drawn_from.sample(4, rng),
        source=_source(drawn_from, space),
    )
    if space is not None:
        return Toy(architectures, labels, context)
    draw = torch.Generator().manual_seed(0)
    context = replace(
        context,
        build=lambda cell: Untrained(BLUEPRINT, seed)(cell),  # no name: its scores are not kept
        networks=BLUEPRINT,
        task=TASK,
        batch=Batch(torch.randn(8, 1, 14, 14, generator=draw), torch.arange(8) % 4),
        noise=Batch.gaussian((8, 1, 14, 14)),
    )
    return Toy(architectures, labels, context)


@cache
def _source(drawn_from: Space, space: Space | None) -> Source:
    """Results of other architectures, trained for twice as long."""
    architectures = drawn_from.sample(40, np.random.default_rng(4))
    labels = 20.0 + 70.0 * _quality(architectures, space)
    return Source(architectures, labels, _curves(labels, 2 * HORIZON, 2 * HORIZON), seconds=1e4)


def _curves(labels: Vector, horizon: int, epochs: int) -> Curves:
    """The first epochs of curves that lead to labels."""
    progress = 1.0 - 0.6 * np.exp(-0.6 * HORIZON / horizon * np.arange(1, epochs + 1))
    accuracy = labels[:, None] * progress
    loss = 3.0 - accuracy / 40.0
    columns = {
        "train_loss": loss - 0.1,
        "train_accuracy": accuracy,
        "valid_loss": loss,
        "valid_accuracy": accuracy,
    }
    return Curves(horizon, columns, objective=accuracy)


def _quality(architectures: Sequence[Architecture], space: Space | None) -> Vector:
    if space is not None:
        return quality_of_nodes(architectures)
    quality: Vector = QUALITY[choice_matrix(architectures)].mean(axis=1)
    return quality


def quality_of_nodes(architectures: Sequence[Architecture]) -> Vector:
    """The mean over a graph's inner nodes of what their operation is worth, and their numbers.

    An operation is worth what its index times the golden ratio leaves behind the point.
    """
    _, operations, mask, numbers = architectures[0].space.graphs(architectures)
    worth = operations * 0.618034 % 1.0 + numbers.sum(axis=2)
    inner = mask[:, 1:-1]
    quality: Vector = (worth[:, 1:-1] * inner).sum(axis=1) / np.maximum(inner.sum(axis=1), 1)
    return quality


class Toys(NamedTuple):
    """What a predictor is fitted to, what it is asked, and what else it could be fitted to."""

    train: Toy
    test: Toy
    other: Toy


TRAIN, TEST = toy(60, seed=1), toy(15, seed=2)
NASBENCH201 = Toys(TRAIN, TEST, toy(20, seed=3))


@cache
def few() -> Toys:
    """Of NAS-Bench-201, for what trains networks or passes images through them."""
    return Toys(toy(6, 1), toy(3, 2), toy(3, 3))


def toys_for(predictor: Predictor) -> Toys:
    """Of NAS-Bench-201, few where it looks at networks."""
    return few() if NETWORK_FIELDS & predictor.tags.needs else NASBENCH201


@cache
def toys(space: Space) -> Toys:
    """Of a space that has a hundred architectures or more."""
    return Toys(toy(50, 1, space), toy(20, 2, space), toy(20, 3, space))


def global_states() -> list[bytes]:
    """The states of Python's, NumPy's and PyTorch's global random generators."""
    states: list[Any] = [random.getstate(), np.random.get_state()]  # noqa: NPY002
    states.append(torch.get_rng_state().tolist())
    return [pickle.dumps(state) for state in states]
