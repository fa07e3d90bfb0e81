"""What supernet training learns of options: policies, which draw paths and learn from validation.

The weights of a supernet follow some of the training examples, a policy follows the others.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archcast.core.seeding import seeded
from archcast.making.samplers import Archive, climbed
from archcast.networks.networks import Options
from archcast.networks.supernet import Path, Selection, Supernet
from archcast.tasks.task import Data

Paths = NDArray[np.int64]  # (paths, decisions)

START = 1e-3  # deviation of logits at the start
MOVED = 6.0  # what Adam moves a logit at most: 3e-4 in each of some 20,000 steps, as published
HOT, COLD = 10.0, 0.1  # Gumbel's temperature at the start and at the end
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

    def loss(self, data: Data, selection: Selection) -> Tensor:
        """Of the supernet on a minibatch."""
        return data.loss(self.supernet(data.inputs, selection), data.targets)


class Policy(nn.Module, ABC):
    """Probabilities of paths, which an optimizer moves; those without one stay uniform."""

    adam: torch.optim.Adam | None = None
    decides = False  # whether the first candidate that is an architecture is the answer

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.options = options

    @abstractmethod
    def drawn(self, rng: np.random.Generator, progress: float) -> Selection:
        """What a step of the weights runs."""

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


class Uniform(Policy):
    """All paths are as likely (Li & Talwalkar, 2019, RSPS); shared weights decide."""

    def __init__(self, options: Options, steps: int, seed: int) -> None:
        super().__init__(options)

    def drawn(self, rng: np.random.Generator, progress: float) -> Selection:
        return _any_path(self.options, rng)

    def learn(self, step: Step) -> None:
        pass

    def candidates(self, rng: np.random.Generator) -> Paths:
        return self.options.paths(TRIED, rng)


class Novelty(Uniform):
    """Paths that climb novelty (Zhang et al., 2020, EN2AS); shared weights decide."""

    def __init__(self, options: Options, steps: int, seed: int) -> None:
        super().__init__(options, steps, seed)
        self.archive: Archive = []

    def drawn(self, rng: np.random.Generator, progress: float) -> Selection:
        [path] = climbed(self.options, rng, self.archive)
        return path

    def get_extra_state(self) -> Archive:
        return self.archive

    def set_extra_state(self, state: Archive) -> None:
        self.archive = state


class Alpha(Policy):
    """Independent decisions: a logit an option, which Adam moves.

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

    def learn(self, step: Step) -> None:
        """By the validation loss of the mixture."""
        with kept(step.supernet):
            loss = step.loss(step.valid, self.mixture)
            self.follow(*_gradients(loss, [self.logits]))

    def follow(self, gradient: Tensor) -> None:
        """One step of Adam."""
        assert self.adam is not None
        self.logits.grad = gradient
        self.adam.step()


class DARTS(Alpha):
    """Differentiable search (Liu et al., 2019): weights and logits follow the mixture of options.

    By `order` 2 the logits follow the validation loss after one more step of the weights.
    """

    def __init__(self, options: Options, steps: int, seed: int, order: Literal[1, 2] = 1) -> None:
        super().__init__(options, steps, seed)
        self.order = order

    def drawn(self, rng: np.random.Generator, progress: float) -> Selection:
        return self.mixture.detach()

    def learn(self, step: Step) -> None:
        if self.order == 1:
            super().learn(step)
            return
        with kept(step.supernet):
            self.follow(unrolled_gradient(step, lambda: self.mixture, self.logits))


class SETN(Alpha):
    """Weights follow uniform paths, logits the mixture (Dong & Yang, 2019).

    Among the most likely paths shared weights decide.
    """

    decides = False

    def drawn(self, rng: np.random.Generator, progress: float) -> Selection:
        return _any_path(self.options, rng)


class GDAS(Alpha):
    """Weights and logits follow single paths that Gumbel noise draws (Dong & Yang, 2019).

    Of each decision one option runs, and the logits get the gradient of its weight alone, through
    the softmax at a temperature that falls from 10 to .1.
    """

    def drawn(self, rng: np.random.Generator, progress: float) -> Selection:
        path: list[int] = self._noisy(rng).argmax(dim=1).tolist()
        return path

    def learn(self, step: Step) -> None:
        hard = self.hard(step.rng, step.progress)
        with kept(step.supernet):
            self.follow(*_gradients(step.loss(step.valid, hard), [self.logits]))

    def hard(self, rng: np.random.Generator, progress: float) -> Tensor:
        """A draw as weights of 1 and 0, with the gradient of the soft ones."""
        soft = (self._noisy(rng) / (HOT + (COLD - HOT) * progress)).softmax(dim=1)
        chosen = nn.functional.one_hot(soft.argmax(dim=1), soft.shape[1])
        return chosen + (soft - soft.detach()) * chosen

    def _noisy(self, rng: np.random.Generator) -> Tensor:
        noise = torch.from_numpy(rng.gumbel(size=tuple(self.logits.shape))).to(self.logits)
        return self.log_probabilities + noise


class ENAS(Policy):
    """A recurrent controller that REINFORCE moves (Pham et al., 2018); shared weights decide.

    Two layers of 32 read the last choice; logits are bounded by 2.5. The reward of a path is its
    score on a minibatch, from 0 to 1 where it is an accuracy, and a little of its entropy; what it
    is held against is the mean of earlier ones.
    """

    width, paths = 32, 10
    bound, warmth, entropy, memory = 2.5, 5.0, 1e-4, 0.99

    def __init__(self, options: Options, steps: int, seed: int) -> None:
        super().__init__(options)
        with seeded(seed):
            self.embedding = nn.Embedding(1 + len(options) * max(options), self.width)
            self.cells = nn.ModuleList(nn.LSTMCell(self.width, self.width) for _ in range(2))
            self.head = nn.Linear(self.width, max(options))
        self.baseline = nn.Parameter(torch.tensor(math.nan), requires_grad=False)
        self.adam = torch.optim.Adam(self.parameters(), 1e-3, eps=1e-3)

    def sample(self, number: int, rng: np.random.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
        """Paths (number, decisions), their log-probabilities and entropies (number,).

        Without a generator, options are the most likely ones.
        """
        device = self.head.weight.device
        last = torch.zeros(number, dtype=torch.int64, device=device)
        states: list[tuple[Tensor, Tensor] | None] = [None] * len(self.cells)
        paths, logs, entropies = [], [], []
        for at, options in enumerate(self.options):
            value = self.embedding(last)
            for layer, cell in enumerate(self.cells):
                states[layer] = cell(value, states[layer])
                value = states[layer][0]  # type: ignore[index]
            logits = self.bound * torch.tanh(self.head(value)[:, :options] / self.warmth)
            log = logits.log_softmax(dim=1)
            noise = torch.zeros_like(log)
            if rng is not None:
                noise = torch.from_numpy(rng.gumbel(size=tuple(log.shape))).to(log)
            chosen = (log.detach() + noise).argmax(dim=1)
            paths.append(chosen)
            logs.append(log.gather(1, chosen[:, None])[:, 0])
            entropies.append(-(log.exp() * log).sum(dim=1))
            last = 1 + at * max(self.options) + chosen
        return torch.stack(paths, 1), torch.stack(logs, 1).sum(1), torch.stack(entropies, 1).sum(1)

    def drawn(self, rng: np.random.Generator, progress: float) -> Selection:
        with torch.no_grad():
            path: list[int] = self.sample(1, rng)[0][0].tolist()
        return path

    def learn(self, step: Step) -> None:
        paths, logs, entropies = self.sample(self.paths, step.rng)
        with kept(step.supernet), torch.no_grad():
            scores = torch.stack([self._reward(step, path) for path in paths.tolist()])
        self.reinforce(scores.to(logs), logs, entropies)

    def reinforce(self, scores: Tensor, logs: Tensor, entropies: Tensor) -> None:
        """One step towards paths that score above the baseline."""
        rewards = scores + self.entropy * entropies.detach()
        if self.baseline.isnan():
            self.baseline.fill_(rewards.mean())
        loss = -(logs * (rewards - self.baseline)).mean()
        assert self.adam is not None
        self.adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters(), 5.0)
        self.adam.step()
        self.baseline.lerp_(rewards.mean(), 1 - self.memory)

    def _reward(self, step: Step, path: Path) -> Tensor:
        outputs = step.supernet(step.valid.inputs, path)
        score = step.valid.score(outputs, step.valid.targets).mean()
        return score / 100 if step.valid.measure.direction == "max" else 1 / score

    def best(self) -> Path:
        with torch.no_grad():
            path: list[int] = self.sample(1, None)[0][0].tolist()
        return path

    def candidates(self, rng: np.random.Generator) -> Paths:
        with torch.no_grad():
            return self.sample(TRIED, rng)[0].cpu().numpy()


def _any_path(options: Options, rng: np.random.Generator) -> Path:
    path: list[int] = options.paths(1, rng)[0].tolist()
    return path


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


def unrolled_gradient(step: Step, mixture: Callable[[], Tensor], logits: Tensor) -> Tensor:
    """Of the validation loss after a step of the weights on `step.train`, by the logits.

    The second-order term, of how that step depends on the logits, is by finite differences along
    the validation gradient of the weights, `.01` of its length apart, as published. The weights are
    the same afterwards.
    """
    weights = [w for group in step.optimizer.param_groups for w in group["params"]]
    before = [weight.detach().clone() for weight in weights]
    rate = step.optimizer.param_groups[0]["lr"]

    def moved(along: Sequence[Tensor], length: float) -> None:
        with torch.no_grad():
            for weight, start, direction in zip(weights, before, along, strict=True):
                weight.copy_(start + length * direction)

    gradients = _gradients(step.loss(step.train, mixture().detach()), weights)
    moved(_directions(step.optimizer, weights, gradients), -rate)
    loss = step.loss(step.valid, mixture())
    by_logits, *by_weights = _gradients(loss, [logits, *weights])
    length = torch.stack([g.square().sum() for g in by_weights]).sum().sqrt().item()
    if length > 0:
        apart = 0.01 / length
        sides = []
        for sign in (1, -1):
            moved(by_weights, sign * apart)
            sides.append(_gradients(step.loss(step.train, mixture()), [logits])[0])
        by_logits = by_logits - rate * (sides[0] - sides[1]) / (2 * apart)
    with torch.no_grad():
        for weight, start in zip(weights, before, strict=True):
            weight.copy_(start)
    return by_logits


def _directions(
    optimizer: torch.optim.Optimizer, weights: Sequence[Tensor], gradients: Sequence[Tensor]
) -> list[Tensor]:
    """Against which a step of gradient descent with momentum goes, Nesterov's apart."""
    group = optimizer.param_groups[0]
    directions = []
    for weight, gradient in zip(weights, gradients, strict=True):
        direction = gradient + group["weight_decay"] * weight.detach()
        before: Any = optimizer.state[weight].get("momentum_buffer")
        directions.append(direction if before is None else group["momentum"] * before + direction)
    return directions


def _gradients(loss: Tensor, by: Sequence[Tensor]) -> list[Tensor]:
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


# By the name of a search; each is made of options, steps and a seed.
POLICIES: dict[str, Callable[[Options, int, int], Policy]] = {
    "uniform": Uniform,
    "novelty": Novelty,
    "darts": DARTS,
    "darts-2": partial(DARTS, order=2),
    "gdas": GDAS,
    "setn": SETN,
    "enas": ENAS,
}
