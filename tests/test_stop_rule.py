"""Trainings that are stopped in searches replayed on a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from archcast.benchmarks.objective import ACCURACY
from archcast.benchmarks.table import Table
from archcast.predictors.predictor import Predictor, Tags
from archcast.search.random_search import RandomSearch
from archcast.search.simulation import Simulation
from archcast.search.stop_rule import StopRule
from archcast.search.strategy import Search, Trial
from archcast.studies.searches import SearchExperiment
from tests.test_search import ACCURATE, TABLE

EPOCHS = int(TABLE.epochs[0])


class FromLast(Predictor):
    """Takes the last value of a curve for the final one."""

    tags = Tags(needs=frozenset({"curves"}), learns=False, probabilistic=True, in_unit=True)

    def _fit(self, architectures: Any, labels: Any, context: Any) -> None:
        pass

    def _query(self, architectures: Any, context: Any) -> Any:
        return context.curves.objective[:, -1]

    def _query_with_std(self, architectures: Any, context: Any) -> Any:
        return self._query(architectures, context), np.full(len(architectures), 1e-3)


class Learner(FromLast):
    """Keeps of how many labels it learned, and whether these were of whole trainings."""

    tags = Tags(needs=frozenset({"curves"}), probabilistic=True)
    learned: list[int] = []  # noqa: RUF012

    def _fit(self, architectures: Any, labels: Any, context: Any) -> None:
        rows = [TABLE.starts[TABLE.index(each)] for each in architectures]
        finals = TABLE.columns["valid_accuracy"][rows, -1]
        np.testing.assert_allclose(labels, finals)
        self.learned.append(len(labels))


def stopping(predictor: Predictor) -> Simulation:
    rule = StopRule(predictor, 0.05, TABLE.objective())
    return Simulation(TABLE, TABLE.starts[:-1], ACCURATE, "valid", rule)


def test_what_falls_behind_is_stopped_and_costs_what_it_was_trained() -> None:
    simulation = stopping(FromLast())
    search = Search(RandomSearch(), simulation.pool, np.random.default_rng(0))
    log = simulation.run_search(search, 20)
    best, paid = -np.inf, 0
    for at, epochs, value, evaluations in zip(
        log.architectures, log.epochs, log.values, log.evaluations, strict=True
    ):
        curve = TABLE.columns["valid_accuracy"][TABLE.starts[at]]
        behind = [epoch for epoch in range(1, EPOCHS) if curve[epoch - 1] < best]
        assert epochs == min([*behind, EPOCHS])
        assert value == curve[epochs - 1]
        best = max(best, value) if epochs == EPOCHS else best
        paid += epochs
        assert abs(evaluations - paid / EPOCHS) < 1e-6
    assert len(log.values) > 20, "what it saves pays others"
    assert 1 in log.epochs
    assert simulation.training_seconds > 0


def test_what_was_stopped_does_not_go_on() -> None:
    simulation = stopping(FromLast())
    finals = TABLE.columns["valid_accuracy"][TABLE.starts[:-1], -1]
    best, worst = (TABLE.architectures[at] for at in (finals.argmax(), finals.argmin()))
    simulation.try_(Trial(best))
    first = simulation.try_(Trial(worst, 1))  # as short as a rung of Hyperband
    assert simulation.try_(Trial(worst, 3)) == first
    assert simulation.try_(Trial(worst)) == first, "which is what is foretold, too"
    assert simulation.evaluations == 1 + 1 / EPOCHS


class Sure(FromLast):
    """Foretells that trainings end ten points above what they have reached."""

    def _query(self, architectures: Any, context: Any) -> Any:
        return context.curves.objective[:, -1] + 10.0


def test_who_asked_for_a_whole_training_is_told_how_it_would_have_ended() -> None:
    simulation = stopping(Sure())
    finals = TABLE.columns["valid_accuracy"][TABLE.starts[:-1], -1]
    best, worst = (TABLE.architectures[at] for at in (finals.argmax(), finals.argmin()))
    most = simulation.try_(Trial(best))
    told = simulation.try_(Trial(worst))
    reached = simulation.log.values[-1]
    assert len(simulation.stopped) == 1
    assert told == min(reached + 10.0, most)
    short = simulation.try_(Trial(worst, 1))
    assert short == reached, "beside others of as few epochs"


def test_a_learner_begins_with_ten_and_learns_anew_from_half_as_many_more() -> None:
    Learner.learned.clear()
    simulation = stopping(Learner())
    for architecture in TABLE.architectures[:40]:
        simulation.try_(Trial(architecture))
    ended = [at for at, epochs in enumerate(simulation.log.epochs) if epochs == EPOCHS]
    assert ended[:10] == [*range(10)]
    assert set(Learner.learned) == {n for n in (10, 15, 22, 33) if n < len(ended)} | {10}
    most = EPOCHS - 1  # a fit for each number of epochs after which it is asked
    assert all(Learner.learned.count(n) <= most for n in Learner.learned)


def test_trainings_that_diverged_teach_nothing() -> None:
    texts = [str(each) for each in TABLE.architectures for _ in range(2)]
    failed = np.arange(len(texts)) < 8
    table = Table(TABLE.space, "toy", texts, {**TABLE.columns, "diverged": failed})
    rule = StopRule(Learner(), 0.05, ACCURACY)
    assert rule.foresight(table, np.arange(17)) is None
    found = rule.foresight(table, np.arange(18))
    assert found is not None
    np.testing.assert_array_equal(found.rows, np.arange(8, 18))


def test_searches_with_a_rule_are_their_own_records(tmp_path: Path) -> None:
    def regrets(**options: Any) -> list[float]:
        experiment = SearchExperiment(TABLE, "random,hyperband", budget=15, repeats=2, **options)
        return [len(record.values) for record in experiment.run(tmp_path)]

    plain = regrets()
    stopped = regrets(stop="lcsvr(trials=2)")
    assert regrets() == plain
    assert regrets(stop="lcsvr(trials=2)") == stopped
    assert sum(stopped) > sum(plain)


def test_what_was_done_already_costs_a_search_what_it_took() -> None:
    class Saving(FromLast):
        def _fit(self, *given: Any) -> None:
            self.saved_seconds_ = 100.0

        def _query_with_std(self, *given: Any) -> Any:
            self.saved_seconds_ = 1.0
            return super()._query_with_std(*given)

    simulation = stopping(Saving())
    simulation.run_search(Search(RandomSearch(), simulation.pool, np.random.default_rng(0)), 3)
    hundreds, ones = divmod(round(simulation.predictor_seconds), 100)
    asked = [*simulation.stopped.values(), *[EPOCHS - 1] * (2 - len(simulation.stopped))]
    assert hundreds == max(asked), "it learns from none, and is fitted once an epoch"
    assert ones == sum(asked)
