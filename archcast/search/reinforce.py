"""REINFORCE: a policy that learns which option of each decision pays."""

from __future__ import annotations

from itertools import count
from typing import ClassVar

import numpy as np
from pydantic import PositiveFloat
from pydantic.dataclasses import dataclass
from scipy.special import softmax

from archcast.search.pool import Pool
from archcast.search.strategy import Guide, Steps, Strategy, Traits, Trial

MOMENTUM = 0.9  # of the baseline
BETAS, EPSILON = (0.9, 0.999), 1e-8  # of Adam (Kingma & Ba, 2015)
TRIES = 1_000  # for choices that are in the pool


@dataclass(frozen=True)
class Reinforce(Strategy):
    """Draws each decision from a softmax of its own, and climbs the expected accuracy.

    The policy gradient of Williams (1992) with a moving average of accuracies as baseline, steps by
    Adam: what NAS-Bench-201 (Dong & Yang, 2020) compares. Rewards are accuracies in percent.
    """

    learning_rate: PositiveFloat = 0.1

    traits: ClassVar[Traits] = Traits(
        paper="Williams, 1992, Simple Statistical Gradient-Following Algorithms"
    )

    def steps(self, pool: Pool, rng: np.random.Generator, guide: Guide | None) -> Steps:
        sizes = [len(options) for options in pool.space.decisions]
        logits, mean, square = (np.zeros(sum(sizes)) for _ in range(3))
        baseline: float | None = None
        for step in count(1):
            chances = [softmax(each) for each in np.split(logits, np.cumsum(sizes)[:-1])]
            for _ in range(TRIES):
                choices = tuple(int(rng.choice(len(each), p=each)) for each in chances)
                if (architecture := pool.find(choices)) is not None:
                    break
            else:
                return
            accuracy = yield Trial(architecture)
            baseline = accuracy if baseline is None else baseline
            # The gradient of log softmax is the option drawn less the chances.
            drawn = [np.eye(size)[at] for size, at in zip(sizes, choices, strict=True)]
            gradient = (accuracy - baseline) * (np.concatenate(drawn) - np.concatenate(chances))
            baseline = MOMENTUM * baseline + (1 - MOMENTUM) * accuracy
            mean = BETAS[0] * mean + (1 - BETAS[0]) * gradient
            square = BETAS[1] * square + (1 - BETAS[1]) * gradient**2
            scale = np.sqrt(square / (1 - BETAS[1] ** step)) + EPSILON
            logits = logits + self.learning_rate * mean / (1 - BETAS[0] ** step) / scale
