"""Bayesian optimisation: train what may turn out best, by mean and deviation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np
from pydantic import PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from scipy.stats import norm

from archcast.predictors.predictor import Vector
from archcast.search.guided import Scored, Trained, train_the_best
from archcast.search.pool import Pool
from archcast.search.several import Combine, Guides, worth
from archcast.search.strategy import Guide, Parallel, Steps, Traits

Acquisition = Literal["ei", "ucb", "its"]
DRAWS = 32  # by which an expected improvement of the hypervolume is known


@dataclass(frozen=True)
class BayesianOptimisation(Parallel):
    """Trains the candidates that an acquisition function likes best.

    As in BANANAS (White et al., 2021): the predictor learns from all that was trained; candidates
    are mutants of the `parents` best, and as many random architectures (fewer where queries train
    them). It trains `batch`, or a tenth of what was trained before if that is more. The acquisition
    is expected improvement (`ei`), the upper confidence bound mean + `beta` deviations (`ucb`), or
    independent Thompson sampling (`its`).

    Of several objectives, or within limits, what is improved is the `hypervolume` (Emmerich et al.,
    2006; by draws where it is the expected one), or, by `chebyshev`, a scalarisation with random
    weights (as in ParEGO, Knowles, 2006); deviations of objectives are independent.
    """

    acquisition: Acquisition = "its"
    beta: PositiveFloat = 1.0
    start: PositiveInt = 10
    parents: PositiveInt = 10
    candidates: PositiveInt = 100
    batch: PositiveInt = 2
    combine: Combine = "hypervolume"

    traits: ClassVar[Traits] = Traits(
        takes_predictor=True,
        unguided="random",
        deviations=True,
        neighbours=True,
        several=True,
        version=3,
        paper="White et al., 2021, BANANAS",
    )

    def loops(self, pool: Pool, rng: np.random.Generator, guide: Guide | None) -> Iterator[Steps]:
        assert guide is not None, "whoever starts a search heeds its traits"

        def score(trained: Trained, size: int) -> Scored:
            each = math.ceil(guide.affordable(2 * self.candidates, size) / 2)
            candidates = trained.new_mutants(self.parents, each, rng)
            candidates += trained.new_random(each, rng, besides=candidates)
            if isinstance(guide, Guides):
                draws = drawn(self.acquisition, *guide.query_with_std(candidates), self.beta, rng)
                return candidates, worth(guide, trained, draws, size, self.combine, rng)
            # The best mean of what was trained, on the predictor's own axis.
            best = float(guide.query(trained.best(self.parents) or candidates).max())
            mean, std = guide.query_with_std(candidates)
            return candidates, acquire(self.acquisition, mean, std, best, self.beta, rng)

        return train_the_best(pool, rng, guide, self.start, self.batch, score)


def drawn(
    acquisition: Acquisition, mean: Vector, std: Vector, beta: float, rng: np.random.Generator
) -> Vector:
    """What the scores of candidates may be, (draws, *shape of the means)."""
    if acquisition == "ucb":
        return (mean + beta * std)[np.newaxis]
    if acquisition == "its":
        return rng.normal(mean, std)[np.newaxis]
    common = rng.normal(size=(DRAWS, 1, mean.shape[1]))  # candidates compare by the same draws
    drawn: Vector = mean + common * std
    return drawn


def acquire(
    acquisition: Acquisition,
    mean: Vector,
    std: Vector,
    best: float,
    beta: float,
    rng: np.random.Generator,
) -> Vector:
    """How much each candidate is worth training, from its predicted mean and deviation."""
    if acquisition == "ucb":
        return mean + beta * std
    if acquisition == "its":
        return rng.normal(mean, std)
    return expected_improvement(mean, std, best)


def expected_improvement(mean: Vector, std: Vector, best: float) -> Vector:
    """E[max(0, X - best)] of a normal X (Mockus, 1975); the gain of the mean where std is 0."""
    gain = mean - best
    z = np.divide(gain, std, out=np.zeros_like(gain), where=std > 0)
    improvement = gain * norm.cdf(z) + std * norm.pdf(z)
    return np.where(std > 0, improvement, np.maximum(gain, 0.0))
