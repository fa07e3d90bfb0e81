"""Searches by samplers of Optuna: NSGA-II, and tree-structured Parzen estimators."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import PositiveInt
from pydantic.dataclasses import dataclass

from archcast.search.pool import Pool
from archcast.search.strategy import Guide, Parallel, Steps, Traits, Trial
from archcast.spaces.decision import Decision

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler


@dataclass(frozen=True)
class OptunaSearch(Parallel):
    """Trains what a sampler of Optuna proposes (Akiba et al., 2019), and tells it what came of it.

    It is told of every proposal: of one that is not in the pool that it failed, and then of the one
    in the pool that is nearest; of one that was trained before the same value. Ordered decisions
    are numbers to it.
    """

    @abstractmethod
    def sampler(self, seed: int) -> BaseSampler:
        """A fresh one."""

    def loops(self, pool: Pool, rng: np.random.Generator, guide: Guide | None) -> Iterator[Steps]:
        import optuna

        goal, decisions = pool.goal, pool.space.decisions
        names = [str(number) for number in range(len(decisions))]
        domains = dict(zip(names, map(domain, decisions), strict=True))
        sampler = self.sampler(int(rng.integers(2**31)))
        with _silent():
            study = optuna.create_study(
                sampler=sampler, directions=["maximize"] * len(goal.objectives)
            )

        def loop() -> Steps:
            while True:
                asked = study.ask(domains)
                proposed = tuple(asked.params[name] for name in names)
                if (architecture := pool.find(proposed)) is None:
                    study.tell(asked, state=optuna.trial.TrialState.FAIL)
                    architecture = pool.nearest(proposed, rng)
                    study.enqueue_trial(dict(zip(names, architecture.choices, strict=True)))
                    asked = study.ask(domains)
                values = np.reshape((yield Trial(architecture)), (1, -1))
                if goal.limits:
                    asked.set_constraint("limits", float(goal.violations(values)[0]))
                study.tell(asked, values[0, : len(goal.objectives)].tolist())

        while True:
            yield loop()


@dataclass(frozen=True)
class NSGA2(OptunaSearch):
    """Evolution whose best are the fronts of what was trained, where they are least crowded.

    Children of a `population` are crossed and mutated as Optuna does by default; what breaks limits
    is worse than what does not.
    """

    population: PositiveInt = 20

    traits: ClassVar[Traits] = Traits(
        several=True,
        paper="Deb et al., 2002, A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II;"
        " Akiba et al., 2019, Optuna",
    )

    def sampler(self, seed: int) -> BaseSampler:
        from optuna.samplers import NSGAIISampler

        return NSGAIISampler(population_size=max(2, self.population), seed=seed)


@dataclass(frozen=True)
class TPE(OptunaSearch):
    """Proposes where what is good is dense, decision by decision, after `start` random draws."""

    start: PositiveInt = 10

    traits: ClassVar[Traits] = Traits(
        several=True,
        paper="Bergstra et al., 2011, Algorithms for Hyper-Parameter Optimization;"
        " Akiba et al., 2019, Optuna",
    )

    def sampler(self, seed: int) -> BaseSampler:
        from optuna.samplers import TPESampler

        return TPESampler(n_startup_trials=self.start, seed=seed)


def domain(decision: Decision) -> BaseDistribution:
    """The choices of a decision, as Optuna has it."""
    from optuna import distributions

    if decision.is_range:
        assert decision.low is not None
        assert decision.high is not None
        return distributions.FloatDistribution(decision.low, decision.high, log=decision.log)
    if decision.ordered:
        return distributions.IntDistribution(0, len(decision.options) - 1)
    return distributions.CategoricalDistribution(range(len(decision.options)))


@contextmanager
def _silent() -> Iterator[None]:
    """Optuna tells of every study."""
    logger: Any = logging.getLogger("optuna")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)
