"""What supernet training learns of options: policies, by the names of searches."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from archcast.core.seeding import seeded
from archcast.making.e2rnas import E2RNAS
from archcast.making.policy import TRIED, Alpha, Paths, Policy, Step, gradients_of, kept
from archcast.making.samplers import Archive, climbed
from archcast.networks.networks import Options
from archcast.networks.supernet import Path, Selection

HOT, COLD = 10.0, 0.1  # Gumbel's temperature at the start and at the end


class Uniform(Policy):
    """All paths are as likely (Li & Talwalkar, 2019, RSPS); shared weights decide."""

    learns = False

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


class DARTS(Alpha):
    """Differentiable search (Liu et al., 2019): weights and logits follow the mixture of options.

    By `order` 2 the logits follow the validation loss after one more step of the weights.
    """

    def __init__(self, options: Options, steps: int, seed: int, order: Literal[1, 2] = 1) -> None:
        super().__init__(options, steps, seed)
        self.order = order

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
            self.follow(*gradients_of(step.loss(step.valid, hard), [self.logits]))

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

    gradients = gradients_of(step.loss(step.train, mixture().detach()), weights)
    if step.clip is not None:
        gradients = clipped(gradients, step.clip)
    moved(_directions(step.optimizer, weights, gradients), -rate)
    loss = step.loss(step.valid, mixture())
    by_logits, *by_weights = gradients_of(loss, [logits, *weights])
    length = torch.stack([g.square().sum() for g in by_weights]).sum().sqrt().item()
    if length > 0:
        apart = 0.01 / length
        sides = []
        for sign in (1, -1):
            moved(by_weights, sign * apart)
            sides.append(gradients_of(step.loss(step.train, mixture()), [logits])[0])
        by_logits = by_logits - rate * (sides[0] - sides[1]) / (2 * apart)
    with torch.no_grad():
        for weight, start in zip(weights, before, strict=True):
            weight.copy_(start)
    return by_logits


def clipped(gradients: Sequence[Tensor], longest: float) -> list[Tensor]:
    """All of them together no longer than that."""
    length = torch.stack([each.square().sum() for each in gradients]).sum().sqrt()
    factor = (longest / (length + 1e-6)).clamp(max=1.0)
    return [factor * each for each in gradients]


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


# By the name of a search; each is made of options, steps and a seed.
POLICIES: dict[str, Callable[[Options, int, int], Policy]] = {
    "uniform": Uniform,
    "novelty": Novelty,
    "darts": DARTS,
    "darts-2": partial(DARTS, order=2),
    "gdas": GDAS,
    "setn": SETN,
    "enas": ENAS,
    "e2rnas": E2RNAS,
    "e2rnas-sum": partial(E2RNAS, combine="sum"),
}
