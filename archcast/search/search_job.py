"""Run one search, and record what it trained and what that cost."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

import numpy as np
from pydantic import Field

from archcast.benchmarks.table import Table
from archcast.core.spec import format_spec
from archcast.evaluation.engine import (
    UNLABELED_SIZE,
    draw_runs,
    outcome_or_error,
    truth_of,
    warm_up,
)
from archcast.evaluation.job import BaseJob
from archcast.evaluation.record import BaseRecord
from archcast.predictors.predictor_text import make_predictor
from archcast.search.simulation import PaidGuide, Simulation
from archcast.search.strategy import Search
from archcast.search.strategy_text import make_strategy


class SearchJob(BaseJob):
    """One search of a strategy, with a predictor or without."""

    strategy: str
    strategy_params: dict[str, Any] = Field(default_factory=dict)
    epochs: int = Field(ge=0)  # 0 where no predictor sees learning curves
    budget: int = Field(ge=1)  # whole trainings
    label: Literal["valid", "test"]

    @property
    def strategy_spec(self) -> str:
        """The strategy as its user wrote it."""
        return format_spec(self.strategy, self.strategy_params)

    @property
    def title(self) -> str:
        """What failed, where it did."""
        return f"{self.strategy_spec} with {self.spec or 'no predictor'}"


class SearchRecord(BaseRecord):
    """What a search trained, in order; costs are what it had paid when each trial was done.

    The totals may be more: queries that led to no further trial are paid too. `architectures` are
    those trained, as positions in the table. What a strategy never sees is `truth`, their mean
    final test accuracy in percent, and `best`, the highest in the table.
    """

    job: SearchJob
    epochs: list[int] = Field(default_factory=list)  # that each had been trained for
    accuracies: list[float] = Field(default_factory=list)  # what the strategy was told, percent
    truth: list[float] = Field(default_factory=list)
    best: float
    evaluations: list[float] = Field(default_factory=list)  # trainings paid, in wholes
    training_seconds: list[float] = Field(default_factory=list)  # empty: unknown
    predictor_seconds: list[float] = Field(default_factory=list)  # measured: fits and queries
    total_evaluations: float = 0.0
    total_training_seconds: float = 0.0  # 0 where the table does not say
    total_predictor_seconds: float = 0.0


def run_search_job(job: SearchJob, table: Table) -> SearchRecord:
    """Replay one search; whatever goes wrong inside it becomes the record's error."""
    truth = truth_of(table, "test")
    record = SearchRecord(job=job, table=table.hash, best=float(truth.max()))

    def search() -> dict[str, Any]:
        rng = job.split_rng(table.hash)
        simulation = Simulation(table, draw_runs(table, rng), job.label)
        guide = _guide(job, simulation, rng) if job.predictor else None
        strategy = make_strategy(job.strategy, job.strategy_params)
        steps = Search(strategy, simulation.pool, rng.spawn(1)[0], guide)
        log = simulation.run_search(steps, job.budget)
        fallbacks = guide.fallbacks if guide else 0
        return {
            **asdict(log),
            "truth": truth[log.architectures].tolist(),
            "total_evaluations": simulation.evaluations,
            "total_training_seconds": simulation.training_seconds,
            "total_predictor_seconds": simulation.predictor_seconds,
            "fallbacks": fallbacks,
        }

    return record.model_copy(update=outcome_or_error(search))


def _guide(job: SearchJob, simulation: Simulation, rng: np.random.Generator) -> PaidGuide:
    assert job.predictor is not None
    warm_up(job.spec, job.epochs, job.device, simulation.table)
    predictor = make_predictor(job.predictor, job.params, job.predictor_seed(), job.device)
    return PaidGuide(
        predictor,
        simulation,
        job.epochs,
        unlabeled=rng.permutation(len(simulation.table))[:UNLABELED_SIZE],
        seed=int(rng.integers(2**31)),
    )
