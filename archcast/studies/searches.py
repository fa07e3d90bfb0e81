"""From what a user asks for to a checked list of searches."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from archcast.benchmarks.objective import MeasuredOn
from archcast.benchmarks.table import Table
from archcast.core.errors import InputError, check_number, foreign
from archcast.core.identity import made_of
from archcast.core.spec import split_specs
from archcast.core.workers import Processes
from archcast.evaluation.engine import missing_needs
from archcast.evaluation.network_fields import made_of_networks
from archcast.evaluation.record import RecordStore
from archcast.evaluation.runner import run_jobs
from archcast.making.ground_truth import Beyond
from archcast.making.journal import Journal
from archcast.predictors.predictor import Predictor
from archcast.predictors.predictor_text import text_of
from archcast.predictors.wrappers.ensemble import Ensemble
from archcast.search import registry
from archcast.search.goal import Goal
from archcast.search.live import COUNTED
from archcast.search.search_job import PlannedSearch, SearchJob, SearchRecord, run_search_job
from archcast.search.simulation import epoch_prices, pool_of
from archcast.search.stop_rule import StopRule
from archcast.search.strategy import Strategy, Traits
from archcast.search.strategy_text import strategy_text, to_strategy
from archcast.search.trainings import Row, Trainers, stopped_in
from archcast.studies.experiment import (
    Predictors,
    check_jobs,
    choose_predictors,
    chosen_parts,
    default_epochs,
    facts_of,
)
from archcast.studies.goals import chosen_goal, unpriced
from archcast.studies.stopping import check_foretells

BASELINE = "random"
THRESHOLD = 0.05  # of the chance that a training ends best
SOME = 30
REPEATS = 20
BUDGET = 150  # whole trainings, where nothing else is said
Strategies = str | Strategy | Sequence[Strategy | str]  # text may name several
Pair = tuple[Strategy, Predictor | None]
_logger = logging.getLogger("archcast")


@dataclass(frozen=True, slots=True)
class SearchExperiment:
    """Searches on a table: strategies, each with each predictor that it can take.

    Random search, and each strategy without predictor, come along for comparison.

    Args:
        table: the results.
        strategies: objects, or text: names with parameters, or `all`.
        predictors: objects, or text: names with parameters, families, `all`; None for none.
        budget: whole trainings that a search may pay; None for 150, or for any in `seconds`.
        repeats: searches of each kind; None for 20, or for one where they train.
        epochs: that a query of a learning-curve predictor pays; None for a third of them.
        objective: what is searched for, by name; None for the table's main one.
        label: what searches are told, `valid` or `test` values; None for `valid` where there are.
        seed: of the searches and of the predictors.
        device: where networks run.
        seconds: of training that a search may pay, without what is not finished by then; None for
            any.
        objectives: several that are searched for, by name, in place of one.
        limits: the worst values that will do, by name of an objective, in its unit: the most, or
            where more is better, the least.
        live: whether searches may propose any architecture of the space; what the table lacks is
            then trained as its runs were, and kept.
        at_once: trainings at a time in each live search.
        wall: seconds by the clock that a live search may take, without what is not finished by
            then; None for any.
        stop: a predictor of learning curves with deviations, which stops trainings; None for none.
            Searches on a table are run without it, too.
        threshold: the chance of a new best below which it does.
        build: `module:function` that builds the networks of architectures, if the table was trained
            on such.
    """

    table: Table
    strategies: Strategies = "evolution"
    predictors: Predictors | None = None
    budget: int | None = None
    repeats: int | None = None
    epochs: int | None = None
    objective: str | None = None
    label: MeasuredOn | None = None
    seed: int = 0
    device: str = "auto"
    seconds: float | None = None
    live: bool = False
    objectives: Sequence[str] | None = None
    limits: Mapping[str, float] | None = None
    at_once: int = 1
    wall: float | None = None
    stop: Predictor | str | None = None
    threshold: float = THRESHOLD
    build: str | None = None

    @property
    def goal(self) -> Goal:
        """What its searches are after.

        Raises:
            InputError: the table lacks it, or nothing in it keeps the limits.
        """
        return chosen_goal(self.table, self.objective, self.objectives, self.limits, self.live)

    @property
    def times(self) -> int:
        """How many searches of each kind there are."""
        return (1 if self.live else REPEATS) if self.repeats is None else self.repeats

    def plan(self) -> tuple[list[PlannedSearch], list[str]]:
        """The jobs, and remarks on what was left out or chosen for the user.

        Raises:
            InputError: something that the user asked for can't be run; nothing has been then.
        """
        bounded = self.seconds is not None or self.wall is not None
        budget = BUDGET if self.budget is None and not bounded else self.budget
        if budget is not None:
            check_number("--budget", budget, 1)
        check_number("--at-once", self.at_once, 1)
        if (self.at_once > 1 or self.wall is not None) and not self.live:
            raise InputError("--at-once and --wall: are of searches that train; add --live")
        if self.build is not None and not self.live:
            raise InputError(f"--build {self.build}: is for searches that train; add --live")
        repeats = self.times
        check_number("--repeats", repeats, 1)
        check_number("--seed", self.seed, 0)
        table = self.table
        goal = self.goal
        objective = goal.objectives[0]
        label, truth = chosen_parts(table, objective, self.label, None)
        if self.live:
            self._check_live(goal)
        if self.stop is None and self.threshold != THRESHOLD:
            raise InputError(f"--threshold {self.threshold:g}: is of what stops; give --stop too")
        rule = self._stop_rule(goal)
        stops = [rule] if rule is None or self.live else [None, rule]
        epochs = self._epochs()
        pairs, remarks = self._pairs(goal)
        check_jobs(len(pairs) * len(stops) * repeats)
        remarks += table.remarks(objective)
        if label == "test" and self.label is None:
            remarks.append(f"searches see test values: {table.source} has no others")
        for option, value in (("--seconds", self.seconds), ("--wall", self.wall)):
            if value is not None and not 0 < value < inf:
                raise InputError(f"{option} {value:g}: give more than 0, and an end")
        if epoch_prices(table, table.starts[:-1], goal.dearest) is None:
            unknown = f"{table.source} does not say what {goal.dearest.work} takes"
            if goal.dearest.is_counted:
                unknown = f"{goal.dearest.name} costs nothing"
            if self.seconds is not None:
                raise InputError(f"--seconds: {unknown}; give --budget")
            remarks.append(f"speed-ups count evaluations: {unknown}")
        remarks += unpriced(table, goal)
        mutating = any(strategy.traits.neighbours for strategy, _ in pairs)
        if mutating and not self.live and not pool_of(table, goal).is_connected:
            remarks.append(
                f"{table.source} lacks the neighbours of most architectures: in place of mutants,"
                " random ones are drawn from its pool"
            )
        jobs = [
            PlannedSearch(
                SearchJob(
                    **said,
                    strategy=strategy_text(strategy),
                    unguided=strategy.traits.unguided or strategy_text(strategy),
                    objective=objective,
                    others=goal.objectives[1:],
                    limits=goal.limits,
                    label=label,
                    truth=truth,
                    epochs=epochs if predictor and "curves" in predictor.tags.needs else 0,
                    budget=budget,
                    seconds=self.seconds,
                    seed=self.seed,
                    repeat=repeat,
                    live=self.live,
                    at_once=self.at_once,
                    wall=self.wall,
                    stop=text_of(stop.predictor) if stop else "",
                    threshold=self.threshold if stop else 0.0,
                ),
                strategy,
                predictor,
                stop,
                self.build,
            )
            for strategy, predictor in pairs
            for stop in stops
            for said in [self._facts(strategy, predictor, stop)]
            for repeat in range(repeats)
        ]
        return jobs, remarks

    def run(
        self, results: Path | str = "results", workers: int | Executor = 1, retry: bool = True
    ) -> list[SearchRecord]:
        """The records of all searches, kept in `results`/search; those that it has are not run.

        Those that failed are run again if `retry`. Remarks are logged. `workers` run searches; an
        executor that is not `Processes` trains for them in their place, if they have several
        trainings at a time or a clock.

        Raises:
            InputError: as `plan`, or `results` can't be a folder.
        """
        jobs, remarks = self.plan()
        store = RecordStore(Path(results) / "search", SearchRecord)
        for remark in remarks:
            _logger.warning(remark)
        run = run_search_job
        if self._leaves_training:
            elsewhere = isinstance(workers, Executor) and not isinstance(workers, Processes)
            who = workers if elsewhere else self.at_once
            trainers = Trainers(who, self._journals(store.folder))
            run, workers = partial(run, trainers=trainers), 1 if elsewhere else workers
        records = run_jobs(jobs, self.table, store, run, workers, retry)
        if self.live:
            self._leave_table(Path(results), self._journals(store.folder))
        return records

    def _beyond(self) -> Beyond:
        return Beyond.of(self.table, self.device, self.build)

    def _journals(self, folder: Path) -> Path:
        """Where searches beyond this table keep in which order trainings ended."""
        return folder.resolve() / self._beyond().name

    def _leave_table(self, results: Path, journals: Path) -> None:
        """Add all that was trained to a table; of what was only stopped, the longest run."""
        beyond = self._beyond()
        rows = [*beyond.rows(), *stopped_in(journals, beyond)]
        longest: dict[tuple[str, int], Row] = {}
        for row in sorted(rows, key=lambda row: -len(row["train_loss"])):
            longest.setdefault((row["architecture"], row["seed"]), row)
        if not longest:
            return
        stem, device = Path(self.table.name).stem, beyond.setting.device
        out = results / f"{stem}-{beyond.name[:8]}-{device}-live.parquet"
        with Journal(out, beyond.setting.provenance()) as journal:
            for run, row in longest.items():
                known = journal.rows.get(run)
                if known is None or len(known["train_loss"]) < len(row["train_loss"]):
                    journal.append(row)
        trained = {architecture for architecture, _ in journal.rows}
        _logger.warning(
            "%s: %d architectures that %s lacks, trained by this and earlier searches; use them by"
            " --benchmark",
            out,
            len(trained),
            self.table.source,
        )

    @property
    def _leaves_training(self) -> bool:
        """Whether searches leave training to others, and wait for what ends first."""
        return self.live and (self.at_once > 1 or self.wall is not None or self.stop is not None)

    def _stop_rule(self, goal: Goal) -> StopRule | None:
        """What stops trainings, if anything does.

        Raises:
            InputError: it can't say how likely the end of a curve is, or there is none.
        """
        if self.stop is None:
            return None
        objective = goal.objectives[0]
        curve = self.table.curve_of(objective)
        if curve is None or not goal.is_single:
            raise InputError(f"--stop: {goal.name} has no one curve by epoch; leave it out")
        if not 0.0 <= self.threshold <= 1.0:
            raise InputError(f"--threshold {self.threshold:g}: give a chance from 0 to 1")
        chosen, _ = choose_predictors([self.stop], self.table, objective)
        if len(chosen) > 1:
            raise InputError(f"--stop {self.stop}: names several; give one")
        check_foretells(chosen[0], objective, curve, "--stop")
        return StopRule(chosen[0], self.threshold, objective)

    def _check_live(self, goal: Goal) -> None:
        if self.table.mixed:
            raise InputError("--live: a table of means has no single runs; leave --runs mean out")
        beyond = self._beyond()
        for each in goal.quantities:
            if lacks := each.columns - beyond.columns:
                asked = "--objective" if each in goal.objectives else "--limit"
                raise InputError(
                    f"--live: runs that are trained here have no {', '.join(sorted(lacks))}; choose"
                    f" another {asked} than {each.name}"
                )

    def _facts(
        self, strategy: Strategy, predictor: Predictor | None, stop: StopRule | None
    ) -> dict[str, Any]:
        """As `facts_of`; a predictor that the strategy brings decides, and is not told of."""
        others: list[object] = [strategy, run_search_job, *([stop] if stop else [])]
        if self.live:
            beyond = self._beyond()
            others += [beyond.name, made_of_networks(self.table, {"networks", "task"})]
        said = facts_of(predictor, self.table, self.device, *others)
        if predictor is None and (own := strategy.own_guide()) is not None:
            whole = facts_of(own, self.table, self.device, *others)
            said |= {key: whole[key] for key in ("identity", "device")}
        return said | ({"device": beyond.setting.device} if self.live else {})

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

    def _pairs(self, goal: Goal) -> tuple[list[Pair], list[str]]:
        """Strategies and their predictors, baselines first."""
        everything = self.strategies == "all"
        named = _listed([*registry] if everything else self.strategies)
        if not named:
            raise InputError("--strategy: name one or more; see `archcast list strategies`")
        chosen: list[Predictor] = []
        remarks: list[str] = []
        if self.predictors is not None:
            chosen, remarks = self._guides(goal)
        for each in chosen if self._leaves_training else []:
            if "curves" in each.tags.needs:
                raise InputError(
                    f"--predictor {text_of(each)}: reads learning curves, and trains for them one"
                    " after the other; leave --at-once, --wall and --stop out"
                )
        for each in chosen if self.live else []:
            if lacks := each.tags.columns - COUNTED.keys():
                read = ", ".join(sorted(lacks))
                raise InputError(
                    f"--predictor {text_of(each)}: reads {read}, which are known of what is in the"
                    " table alone; leave it or --live out"
                )
        pairs: list[Pair] = [(to_strategy(BASELINE), None)]
        for strategy in named:
            try:
                made = to_strategy(strategy)
                with foreign(f"strategy {type(made).__name__} can't tell of itself"):
                    made_of(made)
                    pairs += self._pairs_of(made, chosen, goal)
            except InputError as error:
                if not everything:
                    raise
                remarks.append(f"left out: {error}")
        if chosen and not any(predictor for _, predictor in pairs):
            raise InputError(
                f"--strategy {self.strategies}: takes no predictor; leave --predictor out, or"
                " choose evolution"
            )
        unique = {(strategy_text(s), p and text_of(p)): (s, p) for s, p in pairs}
        return sorted(unique.values(), key=lambda pair: pair[1] is not None), remarks

    def _guides(self, goal: Goal) -> tuple[list[Predictor], list[str]]:
        """The predictors that guide, and remarks; of several objectives they are one for each.

        Raises:
            InputError: one that was named can't guide.
        """
        assert self.predictors is not None
        if goal.is_single:
            return choose_predictors(self.predictors, self.table, goal.objectives[0])
        named, remarks = choose_predictors(self.predictors, self.table, goal.objectives[0])
        for each in goal.quantities[1:]:
            if each.columns <= COUNTED.keys() or (each.is_counted and not self.live):
                continue
            named, further = choose_predictors(named, self.table, each)
            remarks += further
        able = [each for each in named if each.tags.learns and "curves" not in each.tags.needs]
        if not able:
            raise InputError(
                f"--predictor: of {goal.name} one guides each, and none of these learns them from"
                " labels alone; give gp or another"
            )
        left = [text_of(each) for each in named if each not in able]
        return able, [*remarks, *(f"left out: {each} can't guide to {goal.name}" for each in left)]

    def _pairs_of(self, strategy: Strategy, chosen: Sequence[Predictor], goal: Goal) -> list[Pair]:
        """A strategy with all chosen predictors that it can take, and what it is compared with."""
        traits, text, objective = strategy.traits, strategy_text(strategy), goal.objectives[0]
        if not goal.is_single and not traits.several:
            raise InputError(
                f"--strategy {text}: is after one objective without limits; choose evolution,"
                " bayesian, nsga2, tpe or random"
            )
        if traits.curves and pool_of(self.table, goal).epochs == 1:
            raise InputError(
                f"--strategy {text}: trains for a few epochs first, and {self.table.source} has no"
                f" {objective.name} by epoch; choose another"
            )
        if traits.derives and not self.live and not _is_whole(self.table):
            raise InputError(
                f"--strategy {text}: may end with any architecture, and {self.table.source} has"
                " some of them only; add --live, which trains it, or choose rsps or spos"
            )
        if (own := strategy.own_guide()) and (
            lacks := missing_needs(self.table, own.tags, objective)
        ):
            raise InputError(
                f"--strategy {text}: can't run on {self.table.source} ({', '.join(lacks)})"
            )
        if not traits.takes_predictor:
            return [(strategy, None)]
        guides = [guide for each in chosen if (guide := _fitted_to(traits, each))]
        if traits.unguided is not None and not guides:
            kind, example = ("no labels", "params") if traits.untrained else ("labels", "gp")
            raise InputError(
                f"--strategy {text}: wants a predictor that learns from {kind}; give --predictor"
                f" {example} or another"
            )
        unguided = strategy if traits.unguided is None else to_strategy(traits.unguided)
        return [(unguided, None), *((strategy, guide) for guide in guides)]


def _is_whole(table: Table) -> bool:
    """Whether a table has the architectures of its space, by some random ones."""
    try:
        for architecture in table.space.sample(SOME, np.random.default_rng(0)):
            table.index(architecture)
    except KeyError:
        return False
    return True


def _listed(given: Strategies) -> list[Strategy | str]:
    parts = [given] if isinstance(given, str | Strategy) else given
    return [
        each for part in parts for each in (split_specs(part) if isinstance(part, str) else [part])
    ]


def _fitted_to(traits: Traits, predictor: Predictor) -> Predictor | None:
    """The predictor in a form that a strategy can take, if there is one."""
    if not traits.bars(predictor.tags):
        return predictor
    return None if traits.untrained or not predictor.tags.learns else Ensemble(predictor)
