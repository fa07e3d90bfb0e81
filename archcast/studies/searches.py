"""From what a user asks for to a checked list of searches."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from archcast.benchmarks.table import Table
from archcast.core.device import pick_device
from archcast.core.errors import InputError
from archcast.core.spec import format_spec, split_specs
from archcast.evaluation.record import RecordStore
from archcast.evaluation.runner import run_jobs
from archcast.search import registry as strategies
from archcast.search.search_job import SearchJob, SearchRecord, run_search_job
from archcast.search.simulation import pool_of
from archcast.search.strategy import Traits
from archcast.search.strategy_text import make_strategy, parse_strategy
from archcast.studies.experiment import (
    Accuracy,
    Choice,
    choose_predictor,
    choose_predictors,
    default_epochs,
    default_label,
    identity,
)

BASELINE = "random"
Pair = tuple[str, Choice | None]
_logger = logging.getLogger("archcast")


@dataclass(frozen=True, slots=True)
class SearchExperiment:
    """Searches on a table: strategies, each with each predictor that it can take.

    Random search, and each strategy without predictor, come along for comparison. `epochs` are
    those that a query of a learning-curve predictor pays, None for a third; `label` is None for
    validation accuracy where the table has it, else test accuracy.
    """

    table: Table
    strategies: str = "evolution"
    predictors: str | None = None
    budget: int = 150
    repeats: int = 20
    epochs: int | None = None
    label: Accuracy | None = None
    seed: int = 0
    device: str = "auto"

    def jobs(self) -> tuple[list[SearchJob], list[str]]:
        """The jobs, and remarks on what was left out or chosen for the user.

        Raises:
            InputError: something that the user asked for can't be run; nothing has been then.
        """
        for option, value in (("--budget", self.budget), ("--repeats", self.repeats)):
            if value < 1:
                raise InputError(f"{option} {value}: give 1 or more")
        table = self.table
        label = self.label or default_label(table)
        table.final_accuracy(label)
        epochs = self._epochs()
        pairs, remarks = self._pairs()
        remarks += table.remarks()
        strategies = {spec: parse_strategy(spec) for spec, _ in pairs}
        if label == "test" and self.label is None:
            remarks.append(f"searches see test accuracies: {table.source} has no valid_accuracy")
        if "epoch_seconds" not in table.columns or not table.epochs.all():
            remarks.append(
                f"speed-ups count evaluations: {table.source} does not say what training takes"
            )
        mutating = any(make_strategy(*each).traits.neighbours for each in strategies.values())
        if mutating and not pool_of(table).is_connected:
            remarks.append(
                f"{table.source} lacks the neighbours of most architectures: in place of mutants,"
                " random ones are drawn from its pool"
            )
        jobs = [
            SearchJob(
                benchmark=table.name,
                dataset=table.dataset,
                strategy=strategies[spec][0],
                strategy_params=strategies[spec][1],
                predictor=choice.predictor if choice else None,
                params=choice.params if choice else {},
                identity=identity(choice, table, make_strategy(*strategies[spec]), run_search_job),
                epochs=epochs if choice and "curves" in choice.tags.needs else 0,
                budget=self.budget,
                label=label,
                device=pick_device(self.device) if choice and choice.takes_device else "cpu",
                seed=self.seed,
                repeat=repeat,
            )
            for spec, choice in pairs
            for repeat in range(self.repeats)
        ]
        return jobs, remarks

    def run(
        self, results: Path | str = "results", workers: int = 1, retry: bool = True
    ) -> list[SearchRecord]:
        """The records of all searches, kept in `results`/search; those that it has are not run.

        Those that failed are run again if `retry`. Remarks are logged.

        Raises:
            InputError: as `jobs`, or `results` can't be a folder.
        """
        jobs, remarks = self.jobs()
        store = RecordStore(Path(results) / "search", SearchRecord)
        for remark in remarks:
            _logger.warning(remark)
        return run_jobs(jobs, self.table, store, run_search_job, workers, retry)

    def _epochs(self) -> int:
        table = self.table
        most = int(table.epochs.max())
        epochs = default_epochs(table) if self.epochs is None else self.epochs
        if epochs < 1 or epochs > max(1, most):
            raise InputError(
                f"--epochs {epochs}: the curves of {table.source} have {most} epochs; give 1 to"
                f" {max(1, most)}"
            )
        return epochs

    def _pairs(self) -> tuple[list[Pair], list[str]]:
        """Strategies and their predictors, baselines first."""
        table = self.table
        everything = self.strategies == "all"
        named = split_specs(",".join(strategies) if everything else self.strategies)
        if not named:
            raise InputError("--strategy: name one or more; see `archcast list strategies`")
        chosen: list[Choice] = []
        remarks: list[str] = []
        if self.predictors is not None:
            chosen, remarks = choose_predictors(self.predictors, table)
        pairs: list[Pair] = [(BASELINE, None)]
        for spec in named:
            try:
                pairs += _pairs_of(spec, chosen, table)
            except InputError as error:
                if not everything:
                    raise
                remarks.append(f"left out: {error}")
        if chosen and not any(choice for _, choice in pairs):
            raise InputError(
                f"--strategy {self.strategies}: takes no predictor; leave --predictor out, or"
                " choose evolution"
            )
        unique = {(spec, choice and choice.spec): (spec, choice) for spec, choice in pairs}
        return sorted(unique.values(), key=lambda pair: pair[1] is not None), remarks


def _pairs_of(spec: str, chosen: list[Choice], table: Table) -> list[Pair]:
    """A strategy with all chosen predictors that it can take, and what it is compared with."""
    name, params = parse_strategy(spec)
    spec = format_spec(name, params)
    traits = make_strategy(name, params).traits
    if traits.curves and pool_of(table).epochs == 1:
        raise InputError(
            f"--strategy {name}: trains for a few epochs first, and {table.source} has no"
            " valid_accuracy by epoch; choose another"
        )
    if not traits.takes_predictor:
        return [(spec, None)]
    guides = [guide for choice in chosen if (guide := _fitted_to(traits, choice))]
    if traits.unguided is not None and not guides:
        kind, example = ("no labels", "params") if traits.untrained else ("labels", "gp")
        raise InputError(
            f"--strategy {name}: wants a predictor that learns from {kind}; give --predictor"
            f" {example} or another"
        )
    return [(traits.unguided or spec, None), *((spec, guide) for guide in guides)]


def _fitted_to(traits: Traits, choice: Choice) -> Choice | None:
    """The choice in a form that a strategy can take, if there is one."""
    if traits.untrained:
        return None if choice.tags.learns else choice
    if not traits.deviations or choice.tags.probabilistic:
        return choice
    return choose_predictor(f"ensemble({choice.spec})") if choice.tags.learns else None
