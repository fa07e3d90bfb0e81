"""REINFORCE: a policy that learns which option of each decision pays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import PositiveFloat
from pydantic.dataclasses import dataclass
from scipy.special import softmax

from archcast.search.pool import Pool
from archcast.search.strategy import Guide, Parallel, Steps, Traits, Trial
from archcast.spaces.space import level_matrix

MOMENTUM = 0.9  # of the baseline
BETAS, EPSILON = (0.9, 0.999), 1e-8  # of Adam (Kingma & Ba, 2015)
TRIES = 20  # for choices that are in the pool; then the policy draws from its members


@dataclass(frozen=True)
class Reinforce(Parallel):
    """Draws each decision from a softmax of its own, and climbs the expected value.

    The policy gradient of Williams (1992) with a moving average of values as baseline, steps by
    Adam: what NAS-Bench-201 (Dong & Yang, 2020) compares. Rewards are values as they are told.
    """

    learning_rate: PositiveFloat = 0.1

    traits: ClassVar[Traits] = Traits(
        paper="Williams, 1992, Simple Statistical Gradient-Following Algorithms"
    )

    def loops(self, pool: Pool, rng: np.random.Generator, guide: Guide | None) -> Iterator[Steps]:
        decisions = pool.space.decisions
        sizes = np.array([decision.levels for decision in decisions])
        absent = np.arange(sizes.max()) >= sizes[:, None]
        logits = np.where(absent, -np.inf, 0.0)  # (decisions, levels)
        mean, square = np.zeros(logits.shape), np.zeros(logits.shape)
        members = level_matrix(pool.architectures)
        baseline: float | None = None
        step = 0

        def loop() -> Steps:
            nonlocal logits, mean, square, baseline, step
            while True:
                chances = softmax(logits, axis=1)
                bounds = chances.cumsum(axis=1)[:, :-1]
                for _ in range(TRIES):
                    levels = (bounds < rng.random((len(sizes), 1))).sum(axis=1)
                    drawn = zip(decisions, levels.tolist(), strict=True)
                    choices = tuple(decision.of_level(level, rng) for decision, level in drawn)
                    if (architecture := pool.find(choices)) is not None:
                        break
                else:
                    shares = softmax(logits[np.arange(len(sizes)), members].sum(axis=1))
                    at = rng.choice(len(members), p=shares)
                    architecture, levels = pool.architectures[at], members[at]
                value = yield Trial(architecture)
                baseline = value if baseline is None else baseline
                # The gradient of log softmax is the option drawn less the chances.
                taken = np.arange(sizes.max()) == levels[:, None]
                gradient = (value - baseline) * (taken - chances)
                baseline = MOMENTUM * baseline + (1 - MOMENTUM) * value
                mean = BETAS[0] * mean + (1 - BETAS[0]) * gradient
                square = BETAS[1] * square + (1 - BETAS[1]) * gradient**2
                step += 1
                scale = np.sqrt(square / (1 - BETAS[1] ** step)) + EPSILON
                logits = logits + self.learning_rate * mean / (1 - BETAS[0] ** step) / scale

        while True:
            yield loop()
