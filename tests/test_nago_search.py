"""The searches for generators that are measured: what they see, pay and answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from archcast.making.ground_truth import Beyond
from archcast.search import hyperband
from archcast.search.hyperband import density
from archcast.spaces.nago_small import SPACE
from archcast.spaces.space import Architecture
from reproduce.nago import BOTH, Generators, Tried, answers, plans, sampled, search
from reproduce.parts import PARTS

EPOCHS, TRAININGS, SAMPLES = 6, 36, 2  # as they are measured
ALONE, GENERATORS, BOHB, BOTH_PLAN = plans(SAMPLES)


class Made(Beyond):
    """Runs that are made up: accuracy grows with the nodes, and by half a point a sample."""

    def __init__(self) -> None:
        object.__setattr__(self, "asked", [])

    def trained(self, runs: Any, *_: Any) -> Any:
        self.asked.append(runs)  # type: ignore[attr-defined]
        curves = [
            [10.0 * each.choices[0] + each.choices[-1] / 2 + at for at in range(EPOCHS)]
            for each, _ in runs
        ]
        columns = {
            "valid_accuracy": np.array(curves),
            "epoch_seconds": np.full(len(runs), 2.0),
            "memory": np.array([100.0 + each.choices[0] for each, _ in runs]),
        }
        return SimpleNamespace(columns=columns)


class Diverging(Made):
    """Runs that all diverge in their second epoch."""

    def trained(self, runs: Any, *_: Any) -> Any:
        found = super().trained(runs)
        found.columns["valid_accuracy"] = found.columns["valid_accuracy"][:, :1]
        return found


def test_samples_of_a_generator_are_one_architecture() -> None:
    generators = Generators()
    one = SPACE.parse("4,2,0.65/5,0.46/4,3,0.18/5")
    canonical = generators.canonical(Architecture(generators, one.choices))
    assert str(canonical) == "4,2,0.65/5,0.46/4,2,0.18/0"
    found = sampled(GENERATORS, canonical, range(3, 6))
    assert [str(each) for each in found] == [f"4,2,0.65/5,0.46/4,2,0.18/{n}" for n in (3, 4, 5)]
    assert all(each.space is SPACE for each in found)
    assert [str(each) for each in sampled(ALONE, one, range(3))] == ["4,2,0.65/5,0.46/4,2,0.18/5"]


@pytest.mark.parametrize("plan", plans(SAMPLES), ids=lambda plan: plan.name)
def test_a_search_is_told_means_over_samples_of_what_it_paid_for(plan: Any) -> None:
    beyond = Made()
    tried, seconds = search(plan, beyond, EPOCHS, 8, seed=100)
    for one, runs in zip(tried, beyond.asked, strict=True):
        assert [seed for _, seed in runs] == [100] * plan.samples
        samples = [each.choices[-1] for each, _ in runs]
        assert plan.samples == 1 or samples == [*range(plan.samples)]
        mean = 10 * one.architecture.choices[0] + np.mean(samples) / 2
        assert one.accuracy == pytest.approx(mean + one.epochs - 1)
    most: dict[Architecture, int] = {}
    for one in tried:
        most[one.architecture] = max(one.epochs, most.get(one.architecture, 0))
    paid = sum(most.values()) * plan.samples
    assert seconds == pytest.approx(2.0 * paid)
    assert 8 * EPOCHS <= paid < (8 + plan.samples) * EPOCHS
    assert {one.epochs for one in tried} == ({2, EPOCHS} if plan.name == BOHB.name else {EPOCHS})


@pytest.mark.parametrize("plan", plans(SAMPLES), ids=lambda plan: plan.name)
def test_what_diverges_is_worth_nothing(plan: Any) -> None:
    tried, _ = search(plan, Diverging(), EPOCHS, 8, seed=100)
    assert {one.accuracy for one in tried} == {0.0}


def test_they_are_searched_as_they_are_measured() -> None:
    [part] = [each for each in PARTS if each.name == "nago"]
    assert f"--epochs {EPOCHS} --trainings {TRAININGS} " in part.command


def test_bohb_soon_draws_by_what_it_has_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def counted(points: Any, data: Any, *how: Any) -> Any:
        calls.append(len(data))
        return density(points, data, *how)

    monkeypatch.setattr(hyperband, "density", counted)
    search(BOHB, Made(), EPOCHS, TRAININGS, seed=100)
    least = sum(each.levels > 1 for each in Generators().decisions) + 1
    assert len(calls) > 4
    assert min(calls) == least


def test_a_front_answers_also_with_what_takes_less_memory() -> None:
    first = SPACE.sample(4, np.random.default_rng(0))
    pairs = [(70.0, 90.0), (71.0, 200.0), (70.5, 100.0), (69.0, 10.0)]
    tried = [Tried(each, EPOCHS, *pair) for each, pair in zip(first, pairs, strict=True)]
    found = answers(BOTH_PLAN, tried)
    assert [each.accuracy for each in found.values()] == [71.0, 70.0]
    assert answers(GENERATORS, [*tried, Tried(first[0], 1, 99.0, 0.0)])[GENERATORS.name] == tried[1]
    assert BOTH_PLAN.goal == BOTH
