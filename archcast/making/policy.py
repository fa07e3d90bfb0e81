"""What a policy is: probabilities of the paths of a supernet, which its training learns.

The weights of a supernet follow some of the training examples, a policy follows the others.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archcast.networks.networks import Options
from archcast.networks.supernet import Path, Selection, Supernet
from archcast.tasks.task import Data

Paths = NDArray[np.int64]  # (paths, decisions)

START = 1e-3  # deviation of logits at the start
MOVED = 6.0  # what Adam moves a logit at most: 3e-4 in each of some 20,000 steps, as published
TRIED = 100  # paths among which a search that does not trust its policy alone decides


@dataclass(frozen=True, slots=True)
class Step:
    """What a policy learns from: a supernet, and a minibatch of each half of the examples."""

    supernet: Supernet
    optimizer: torch.optim.Optimizer  # of the supernet's weights
    train: Data
    valid: Data
    progress: float  # of the whole training, from 0 to 1
    rng: np.random.Generator
    clip: float | None = None  # of gradients, where a step of the weights is looked ahead

    def loss(self, data: Data, selection: Selection) -> Tensor:
        """Of the supernet on a minibatch."""
        return data.loss(self.supernet(data.inputs, selection), data.targets)


class Policy(nn.Module, ABC):
    """Probabilities of paths, which an optimizer moves; those without one stay uniform."""

    adam: torch.optim.Adam | None = None
    learns = True  # whether validation examples move it
    decides = False  # whether the first candidate that is an architecture is the answer

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.options = options

    @abstractmethod
    def drawn(self, rng: np.random.Generator, progress: float) -> Selection:
        """What a step of the weights runs."""

    def loss(self, step: Step, selection: Selection) -> Tensor:
        """What the weights follow."""
        return step.loss(step.train, selection)

    @abstractmethod
    def learn(self, step: Step) -> None:
        """Follow the validation examples; the weights and statistics of the supernet stay."""

    def best(self) -> Path | None:
        """The path that it likes most; None where it likes all alike."""
        return None

    def probabilities(self) -> list[list[float]]:
        """Of each decision those of its options; nothing where they are not independent."""
        return []

    @abstractmethod
    def candidates(self, rng: np.random.Generator) -> Paths:
        """The paths among which shared weights decide, or the likeliest first."""


class Alpha(Policy):
    """Independent decisions: a logit an option, which Adam moves; weights follow the mixture.

    Args:
        options: of each decision, how many.
        steps: in which it learns.
        seed: of the logits at the start.
    """

    decides = True
    lacking: Tensor  # minus infinity where a decision has no such option

    def __init__(self, options: Options, steps: int, seed: int) -> None:
        super().__init__(options)
        start = np.random.default_rng(seed).normal(scale=START, size=(len(options), max(options)))
        self.logits = nn.Parameter(torch.from_numpy(start).float())
        there = torch.arange(max(options)) < torch.tensor(options)[:, None]
        self.register_buffer("lacking", torch.zeros(there.shape).masked_fill(~there, -math.inf))
        self.adam = torch.optim.Adam([self.logits], MOVED / steps, (0.5, 0.999), weight_decay=1e-3)

    @property
    def log_probabilities(self) -> Tensor:
        """Of options (decisions, most); minus infinity where a decision has fewer."""
        return (self.logits + self.lacking).log_softmax(dim=1)

    @property
    def mixture(self) -> Tensor:
        """Of all options by their probabilities."""
        return self.log_probabilities.exp()

    def best(self) -> Path:
        path: list[int] = self.log_probabilities.argmax(dim=1).tolist()
        return path

    def probabilities(self) -> list[list[float]]:
        found = self.mixture.detach().double().cpu().numpy().round(4).tolist()
        return [row[:count] for row, count in zip(found, self.options, strict=True)]

    def candidates(self, rng: np.random.Generator) -> Paths:
        return likeliest(self.log_probabilities.detach().double().cpu().numpy(), TRIED)

    def drawn(self, rng: np.random.Generator, progress: float) -> Selection:
        return self.mixture.detach()

    def learn(self, step: Step) -> None:
        """By the validation loss of the mixture."""
        with kept(step.supernet):
            loss = step.loss(step.valid, self.mixture)
            self.follow(*gradients_of(loss, [self.logits]))

    def follow(self, gradient: Tensor) -> None:
        """One step of Adam."""
        assert self.adam is not None
        self.logits.grad = gradient
        self.adam.step()


def likeliest(log_probabilities: NDArray[np.float64], number: int) -> Paths:
    """The paths of independent decisions that are most likely, the first one most; exact.

    Best first over the ranks of options: what follows a path has one option of the next rank.
    """
    import heapq

    order = np.argsort(-log_probabilities, axis=1, kind="stable")
    ranked = np.take_along_axis(log_probabilities, order, axis=1)
    start = (0,) * len(ranked)
    heap, seen = [(-ranked[:, 0].sum(), start)], {start}
    found: list[list[int]] = []
    while heap and len(found) < number:
        _, ranks = heapq.heappop(heap)
        found.append([int(order[at, rank]) for at, rank in enumerate(ranks)])
        for at, rank in enumerate(ranks):
            if rank + 1 < ranked.shape[1] and np.isfinite(ranked[at, rank + 1]):
                following = (*ranks[:at], rank + 1, *ranks[at + 1 :])
                if following not in seen:
                    seen.add(following)
                    total = sum(ranked[i, r] for i, r in enumerate(following))
                    heapq.heappush(heap, (-total, following))
    return np.array(found, dtype=np.int64)


def gradients_of(loss: Tensor, by: Sequence[Tensor]) -> list[Tensor]:
    """Zero where the loss depends on nothing."""
    return list(torch.autograd.grad(loss, by, allow_unused=True, materialize_grads=True))


@contextmanager
def kept(supernet: Supernet) -> Iterator[None]:
    """Statistics of batch norm are afterwards as they were before."""
    before = [buffer.clone() for buffer in supernet.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in zip(supernet.buffers(), before, strict=True):
                buffer.copy_(value)
