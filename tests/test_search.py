"""Searches: what strategies propose, what a simulation lets them see, and what it charges."""

from __future__ import annotations

import json
import pickle
import random
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import islice, pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import chisquare, norm
from typer.testing import CliRunner

from archcast.benchmarks.opening import open_table
from archcast.benchmarks.table import CURVES, Table
from archcast.cli import app
from archcast.core.errors import InputError
from archcast.evaluation.record import RecordStore
from archcast.evaluation.runner import run_jobs
from archcast.predictors.baselines import Random
from archcast.predictors.predictor import Context, Predictor, Tags, Vector
from archcast.predictors.predictor_text import configured, to_predictor
from archcast.predictors.wrappers.ensemble import Ensemble
from archcast.search import registry as strategies
from archcast.search.bayesian import BayesianOptimisation, acquire, expected_improvement
from archcast.search.evolution import Evolution
from archcast.search.goal import ACCURATE, Goal
from archcast.search.guided import Trained, explored
from archcast.search.hyperband import BOHB, Hyperband, density
from archcast.search.local_search import LocalSearch
from archcast.search.pool import Pool
from archcast.search.proxy_then_evaluate import ProxyThenEvaluate
from archcast.search.random_search import RandomSearch
from archcast.search.reinforce import Reinforce
from archcast.search.search_job import PlannedSearch, SearchJob, SearchRecord, run_search_job
from archcast.search.simulation import PaidGuide, Simulation, incumbents, pool_of
from archcast.search.strategy import Guide, Search, Strategy, Trial
from archcast.search.strategy_text import to_strategy
from archcast.spaces import registry as spaces
from archcast.spaces.choices import ChoicesSpace
from archcast.spaces.decision import Decision
from archcast.spaces.space import Architecture, choice_matrix
from archcast.studies.front_door import search
from archcast.studies.judging import Judge
from archcast.studies.searches import SearchExperiment
from archcast.testing import toy
from tests.results import EPOCH_SECONDS, EPOCHS, said, small_table, write_small_table

SPACE = spaces.get("nasbench201")
CURVES_TOO = "combine(xgb(n_estimators=10), parts=[sotl-e])"
Objective = Callable[[Architecture, int | None], float]


@cache
def whole_space() -> Pool:
    return Pool(SPACE, list(SPACE.enumerate()), 9)


@cache
def cube(epochs: int = 9) -> Pool:
    """Cells of three operations that carry signal: no two are isomorphic."""
    return Pool(SPACE, cells(product((2, 3, 4), repeat=6)), epochs)


def cells(choices: Iterable[tuple[int, ...]]) -> list[Architecture]:
    return [Architecture(SPACE, each) for each in choices]


def connected_table() -> Table:
    """Two runs of each of 64 cells, which mutations lead to."""
    made_up = small_table(64)
    texts = [str(cell) for cell in cells(product((2, 3), repeat=6)) for _ in range(2)]
    return Table(SPACE, "toy", texts, made_up.columns, source="toy")


TABLE = connected_table()


def sparse_pool(n: int, options: Sequence[int] = range(5), epochs: int = 1) -> Pool:
    drawn = np.random.default_rng(0).choice(options, (3 * n, 6)).tolist()
    return Pool(SPACE, cells(dict.fromkeys(map(tuple, drawn)))[:n], epochs)


def convolutions(architecture: Architecture, epochs: int | None = None) -> float:
    return float(architecture.choices.count(3))


def noise(pool: Pool, seed: int = 0) -> Objective:
    """Another number for each class and number of epochs."""
    values = np.random.default_rng(seed).random((len(pool), 100))
    return lambda architecture, epochs=None: float(values[pool.class_of(architecture), epochs or 0])


def play(
    strategy: Strategy,
    pool: Pool,
    objective: Objective,
    trials: int,
    guide: Guide | None = None,
    seed: int = 0,
) -> list[Trial]:
    """The first trials of a search that is told an objective."""
    search = Search(strategy, pool, np.random.default_rng(seed), guide)
    played: list[Trial] = []
    while len(played) < trials and (trial := search.ask()):
        played.append(trial)
        search.tell(objective(*trial))
    return played


def proposed(*args: Any, **options: Any) -> list[Architecture]:
    return [trial.architecture for trial in play(*args, **options)]


class Oracle(Guide):
    """A guide that knows the objective, and remembers what it was given."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.fits: list[tuple[list[Architecture], list[float]]] = []
        self.queries: list[list[Architecture]] = []

    def fit(self, architectures: Sequence[Architecture], labels: Sequence[float]) -> None:
        self.fits.append((list(architectures), list(labels)))

    def query(self, architectures: Sequence[Architecture]) -> Vector:
        self.queries.append(list(architectures))
        return np.array([self.objective(each, None) for each in architectures])

    def query_with_std(self, architectures: Sequence[Architecture]) -> tuple[Vector, Vector]:
        return self.query(architectures), deviations(architectures)


def deviations(architectures: Sequence[Architecture]) -> Vector:
    return np.array([0.1 * each.choices[0] for each in architectures])


# The pool


def test_classes_are_those_of_the_benchmark() -> None:
    assert len(whole_space()) == 6_466
    pool = sparse_pool(200, options=(0, 1, 3))
    for a, b in product(pool.architectures[:20], pool.architectures):
        same = SPACE.canonical(a) == SPACE.canonical(b)
        assert (pool.class_of(a) == pool.class_of(b)) is same


def test_neighbours_by_brute_force() -> None:
    everything = choice_matrix(whole_space().architectures)
    pool = sparse_pool(120, options=(0, 1, 3))
    kinds = {SPACE.canonical(member) for member in pool.architectures}
    assert len(kinds) < 120
    sizes = set()
    for member in pool.architectures:
        one_apart = everything[(everything != member.choices).sum(axis=1) == 1].tolist()
        expected = {SPACE.canonical(other) for other in cells(map(tuple, one_apart))} & kinds
        near = [SPACE.canonical(other) for other in pool.neighbours(member)]
        assert sorted(map(str, near)) == sorted(map(str, expected - {SPACE.canonical(member)}))
        assert set(pool.neighbours(member)) <= set(pool.architectures)
        sizes.add(len(near))
    assert len(sizes) > 2


def test_find() -> None:
    conv, dead = (3, 0, 0, 0, 0, 0), (0, 0, 0, 3, 0, 0)
    pool = Pool(SPACE, cells([conv, dead]), 1)
    assert pool.find(dead).choices == dead
    assert pool.find((1, 0, 0, 3, 0, 0)).choices == dead, "nothing reads node 1"
    assert pool.find((3, 3, 3, 3, 3, 3)) is None
    graphs = spaces.get("nasbench-graph")
    everything = Pool(graphs, graphs.sample(5, np.random.default_rng(0)), 1)
    assert everything.find((0, 8, 8, 8, 8)) is None, "four skips are no cell"


def test_random_search_trains_each_class_once() -> None:
    pool = sparse_pool(150, options=(0, 1, 3))
    orders = [proposed(RandomSearch(), pool, noise(pool), 200, seed=seed) for seed in range(2)]
    for order in orders:
        assert sorted(map(pool.class_of, order)) == list(range(len(pool)))
    assert orders[0] != orders[1]


def test_mutants_are_uniform_over_neighbours_or_else_over_the_pool() -> None:
    rng = np.random.default_rng(0)
    alone = Pool(SPACE, cells([(2,) * 6, (3,) * 6, (4,) * 6]), 1)
    for pool, expected in (
        (cube(), cube().neighbours(cube().architectures[5])),
        (alone, alone.architectures),
    ):
        drawn = [pool.mutate(pool.architectures[5 % len(pool)], rng) for _ in range(2_400)]
        assert set(drawn) == set(expected)
        assert chisquare([drawn.count(each) for each in expected]).pvalue > 1e-3


def test_a_sparse_pool_is_not_connected() -> None:
    assert whole_space().is_connected
    assert cube().is_connected
    assert not sparse_pool(15).is_connected


# Strategies


def test_ask_waits_for_tell() -> None:
    search = Search(RandomSearch(), cube(), np.random.default_rng(0))
    with pytest.raises(ValueError, match="tell comes after ask"):
        search.tell(1.0)
    first = search.ask()
    assert search.ask() == first
    search.tell(1.0)
    assert search.ask() != first


@pytest.mark.parametrize("strategy", [RandomSearch(), Evolution(), BayesianOptimisation()])
def test_a_search_ends_where_nothing_is_left(strategy: Strategy) -> None:
    pool = sparse_pool(12)
    objective = noise(pool)
    guide = Oracle(objective) if strategy.traits.takes_predictor else None
    search = Search(strategy, pool, np.random.default_rng(0), guide)
    told = []
    while trial := search.ask():
        told.append(pool.class_of(trial.architecture))
        search.tell(objective(*trial))
    assert sorted(told) == list(range(12))
    assert search.ask() is None
    with pytest.raises(ValueError, match="no trial"):
        search.tell(1.0)


@pytest.mark.parametrize("rugged", [False, True])
def test_local_search_climbs_to_the_best_neighbour(rugged: bool) -> None:
    pool = cube()
    objective = noise(pool) if rugged else convolutions
    trials = iter(proposed(LocalSearch(), pool, objective, 700))
    summits = []
    here = next(trials)
    while len(near := list(islice(trials, 12))) == 12:
        assert set(near) == set(pool.neighbours(here))
        best = max(near, key=lambda each: objective(each, None))
        if objective(best, None) > objective(here, None):
            here = best
        else:
            summits.append(here)
            here = next(trials, here)
    assert len(set(summits)) > 5 if rugged else {each.choices for each in summits} == {(3,) * 6}


@pytest.mark.parametrize(("tournament", "share"), [(1, 1 / 3), (2, 2 / 3), (3, 1.0), (9, 1.0)])
def test_evolution_mutates_the_winner_of_a_tournament_among_the_youngest(
    tournament: int, share: float
) -> None:
    """Of three members, the best wins a tournament of k with chance k/3."""
    pool = cube()
    value = noise(pool)
    strategy = Evolution(population=3, tournament=tournament)
    order = proposed(strategy, pool, value, 1_500)
    wins = []
    for at in range(3, len(order)):
        population = order[at - 3 : at]
        parents = [each for each in population if order[at] in pool.neighbours(each)]
        assert parents
        if len(parents) == 1:
            wins.append(parents[0] == max(population, key=lambda each: value(each, None)))
    assert len(wins) > 500
    assert np.mean(wins) == pytest.approx(share, abs=0.06 * (share < 1))


def test_guided_evolution_trains_what_a_perfect_guide_likes_best() -> None:
    pool = whole_space()
    value = noise(pool)
    guide = Oracle(value)
    strategy = Evolution(start=10, parents=3, candidates=40, batch=4, explore=0)
    order = proposed(strategy, pool, value, 10 + 8 * 4, guide)
    values = [value(each, None) for each in order]
    assert len(guide.fits) == 9
    for step, ((known, labels), candidates) in enumerate(
        zip(guide.fits, guide.queries, strict=True)
    ):
        trained = 10 + 4 * step
        assert (known, labels) == (order[:trained], values[:trained])
        kinds = {pool.class_of(each) for each in candidates}
        assert len(kinds) == 40
        assert not kinds & {pool.class_of(each) for each in known}
        best = sorted(candidates, key=lambda each: -value(each, None))[:4]
        assert order[trained : trained + 4] == best[: len(order) - trained]


def test_random_candidates_take_their_share_of_a_batch() -> None:
    worth, rng = np.arange(100.0), np.random.default_rng(0)
    counts = np.zeros(100)
    for _ in range(2_000):
        found = explored(worth, 8, 0.25, rng)
        chosen = np.argsort(-found, kind="stable")[:8]
        random = np.flatnonzero(np.isinf(found))
        best = set(range(100 - (8 - len(random)), 100))
        assert set(chosen.tolist()) == {*random.tolist(), *best}
        counts[random] += 1
    assert counts.sum() / 2_000 == pytest.approx(0.25 * 8, rel=0.05)
    assert chisquare(counts[:92]).pvalue > 1e-3, "all but the best are as likely"
    assert (explored(worth, 8, 0, rng) == worth).all()
    few = explored(worth[:3], 8, 0.5, rng)
    assert len(few) == 3


def test_guided_evolution_explores_what_a_guide_that_learns_has_no_liking_for() -> None:
    pool = cube()

    class Narrow(Oracle):
        """Likes convolutions, and nothing that begins with pooling."""

        def query(self, architectures: Sequence[Architecture]) -> Vector:
            return super().query(architectures) - [9.0 * (a.choices[0] == 4) for a in architectures]

    def beyond(explore: float, learns: bool = True) -> int:
        guide = Narrow(convolutions)
        guide.learns = learns
        strategy = Evolution(start=2, explore=explore)
        order = proposed(strategy, pool, convolutions, 200, guide)
        return sum(each.choices[0] == 4 for each in order[2:])

    assert beyond(0.25) > 2
    assert beyond(0.0) == beyond(0.25, learns=False) == 0


def test_parents_have_equally_many_mutants() -> None:
    trained = Trained(cube())
    far_apart = cells((option,) * 6 for option in (2, 3, 4))
    for accuracy, architecture in enumerate([*far_apart, cube().architectures[100]]):
        trained.add(architecture, float(accuracy - 10 * (accuracy == 3)))
    mutants = trained.new_mutants(3, 12, np.random.default_rng(0))
    for at, mutant in enumerate(mutants):
        parent = far_apart[2 - at % 3]
        assert sum(a != b for a, b in zip(mutant.choices, parent.choices, strict=True)) <= 2
    assert len(set(mutants)) == 12


@pytest.mark.parametrize("acquisition", ["ucb", "ei"])
def test_bayesian_optimisation_trains_what_the_acquisition_likes_best(acquisition: str) -> None:
    pool = whole_space()
    value = noise(pool)
    guide = Oracle(value)
    strategy = BayesianOptimisation(
        acquisition=acquisition, beta=2.0, start=8, parents=3, candidates=20, batch=5
    )
    order = proposed(strategy, pool, value, 8 + 4 * 5, guide)
    for step, candidates in enumerate(guide.queries[1::2]):
        known = order[: 8 + 5 * step]
        assert guide.fits[step][0] == known
        kinds = [pool.class_of(each) for each in [*known, *candidates]]
        assert len(candidates) == 40
        assert len(set(kinds)) == len(kinds)
        best = sorted(known, key=lambda each: -value(each, None))[:3]
        assert guide.queries[2 * step] == best
        near = {other for each in best for other in pool.neighbours(each)}
        assert sum(each in near for each in candidates[:20]) > 10
        assert sum(each in near for each in candidates[20:]) < 5

        mean, std = np.array([value(each, None) for each in candidates]), deviations(candidates)
        worth = mean + 2.0 * std
        if acquisition == "ei":
            gain = mean - value(best[0], None)
            scale = np.maximum(std, 1e-9)
            worth = gain * norm.cdf(gain / scale) + scale * norm.pdf(gain / scale)
        liked = [candidates[at] for at in np.argsort(-worth, kind="stable")[:5]]
        following = order[len(known) : len(known) + 5]
        assert following == liked[: len(following)]


def test_expected_improvement_by_integration() -> None:
    mean, std, best = np.array([70.0, 72.5, 60.0, 80.0]), np.array([3.0, 1.0, 4.0, 2.0]), 72.0
    expected = [
        quad(lambda x, m=m, s=s: (x - best) * norm.pdf(x, m, s), best, best + 80, points=[m, 81])[0]
        for m, s in zip(mean, std, strict=True)
    ]
    np.testing.assert_allclose(expected_improvement(mean, std, best), expected, rtol=1e-6)
    certain = expected_improvement(np.array([70.0, 75.0]), np.zeros(2), best)
    assert certain.tolist() == [0.0, 3.0]


def test_thompson_samples_have_the_mean_and_deviation_of_each() -> None:
    mean, std = np.array([10.0, -5.0]), np.array([0.5, 3.0])
    rng = np.random.default_rng(0)
    drawn = np.stack([acquire("its", mean, std, 0.0, 1.0, rng) for _ in range(10_000)])
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=0.1)
    np.testing.assert_allclose(drawn.std(axis=0), std, rtol=0.05)
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.04, "independent"


def test_proxy_then_evaluate_begins_with_the_best_of_its_sample() -> None:
    pool = cube()
    value, other = noise(pool), noise(pool, seed=1)
    guide = Oracle(value)
    strategy = ProxyThenEvaluate(population=6, tournament=6, sample=50)
    order = proposed(strategy, pool, other, 30, guide)
    (sample,) = guide.queries
    assert guide.fits == [([], [])]
    assert len(set(sample)) == 50
    assert order[:6] == sorted(sample, key=lambda each: -value(each, None))[:6]
    for at in range(6, 30):
        assert order[at] in pool.neighbours(max(order[at - 6 : at], key=other))


def test_reinforce_takes_the_steps_of_the_policy_gradient_and_adam() -> None:
    """Gradients by torch, Adam's averages as sums over all steps so far."""
    pool = whole_space()
    value = noise(pool)
    rng = np.random.default_rng(3)
    logits = torch.zeros(6, 5, dtype=torch.float64, requires_grad=True)
    told: list[float] = []
    gradients: list[Vector] = []
    for trial in play(Reinforce(learning_rate=0.2), pool, value, 80, seed=3):
        logs = torch.log_softmax(logits, dim=1)
        chances = logs.exp().detach().numpy()
        choices = [int(rng.choice(5, p=each)) for each in chances]
        assert trial.architecture.choices == tuple(choices)
        told.append(value(*trial))
        baseline = told[0]
        for earlier in told[:-1]:
            baseline = 0.9 * baseline + 0.1 * earlier
        gain = (told[-1] - baseline) * logs[range(6), choices].sum()
        gradients.append(torch.autograd.grad(gain, logits)[0].numpy())
        ages = np.arange(len(told))[::-1]
        mean, square = (
            np.tensordot(beta**ages, np.array(gradients) ** power, axes=1) / (beta**ages).sum()
            for beta, power in ((0.9, 1), (0.999, 2))
        )
        with torch.no_grad():
            logits += torch.tensor(0.2 * mean / (np.sqrt(square) + 1e-8))
    assert chances.max() > 0.5, "the policy has moved"


def test_reinforce_comes_to_prefer_what_pays() -> None:
    order = proposed(Reinforce(), whole_space(), convolutions, 300)
    shares = [np.mean(choice_matrix(part) == 3) for part in (order[:30], order[-50:])]
    assert shares[0] < 0.45
    assert shares[1] > 0.8


@pytest.mark.parametrize(("n", "gain"), [(1, 0.0), (15, 0.2)])
def test_reinforce_goes_on_where_the_pool_is_sparse(n: int, gain: float) -> None:
    pool = sparse_pool(n)
    value = noise(pool)
    values = [value(*trial) for trial in play(Reinforce(), pool, value, 120)]
    assert len(values) == 120
    mean = np.mean([value(each, None) for each in pool.architectures])
    assert np.mean(values[-40:]) > mean + gain - 1e-9


# Those that train for a few epochs first


SCHEDULES = {  # (whole run, eta): architectures and epochs of each rung, by hand
    (1, 3): [(1, 1)],
    (4, 2): [(4, 1), (2, 2), (1, 4), (3, 2), (1, 4), (3, 4)],
    (9, 3): [(9, 1), (3, 3), (1, 9), (5, 3), (1, 9), (3, 9)],
    (12, 3): [(9, 1), (3, 4), (1, 12), (5, 4), (1, 12), (3, 12)],
    (81, 3): [  # table 1 of Li et al., 2018
        (81, 1), (27, 3), (9, 9), (3, 27), (1, 81), (34, 3), (11, 9), (3, 27), (1, 81),
        (15, 9), (5, 27), (1, 81), (8, 27), (2, 81), (5, 81),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("epochs", "eta"), SCHEDULES)
def test_hyperband_keeps_the_schedule_and_the_best_of_each_rung(epochs: int, eta: int) -> None:
    rungs = SCHEDULES[epochs, eta]
    pool = cube(epochs)
    value = noise(pool)
    trials = play(Hyperband(eta=eta), pool, value, 2 * sum(n for n, _ in rungs))
    assert [each.epochs for each in trials] == [r for n, r in 2 * rungs for _ in range(n)]
    left = iter(trials)
    before: list[Trial] = []
    for n, of_rung in 2 * rungs:
        here = list(islice(left, n))
        if before and of_rung != before[0].epochs and n < len(before):
            best = sorted(before, key=lambda each: -value(*each))[:n]
            assert [each.architecture for each in here] == [each.architecture for each in best]
        before = here


def test_densities_sum_to_one_and_are_those_of_a_slow_loop() -> None:
    sizes = np.array([2, 3, 4])
    everything = np.array(list(product(*map(range, sizes))))
    data = everything[np.random.default_rng(0).integers(24, size=7)]
    found = density(everything, data, 0.3, sizes)
    assert found.sum() == pytest.approx(1.0)
    for point, value in zip(everything, found, strict=True):
        kernels = [
            np.prod(
                [
                    0.7 if p == d else 0.3 / (n - 1)
                    for p, d, n in zip(point, datum, sizes, strict=True)
                ]
            )
            for datum in data
        ]
        assert value == pytest.approx(np.mean(kernels))


def test_bohb_is_hyperband_until_it_has_results_of_enough() -> None:
    """Three more than the six decisions are there after the first rung of the first bracket."""
    bohb, hyperband = (
        play(strategy, whole_space(), convolutions, 60) for strategy in (BOHB(), Hyperband())
    )
    assert bohb[:13] == hyperband[:13]
    assert bohb[13:18] != hyperband[13:18]


def test_bohb_draws_what_is_good_at_the_most_epochs_with_enough_results() -> None:
    def crossing(architecture: Architecture, epochs: int | None) -> float:
        """Convolutions learn faster, pooling wins in the end."""
        return float(architecture.choices.count(4 if epochs == 9 else 3))

    pool = whole_space()
    for strategy, enriched in ((BOHB(), True), (Hyperband(), False)):
        drawn = [each for each in play(strategy, pool, crossing, 1_000) if each.epochs == 1]
        late = choice_matrix([each.architecture for each in drawn[len(drawn) // 2 :]])
        shares = np.bincount(late.ravel(), minlength=5) / late.size
        if enriched:
            assert shares[4] > 0.35
            assert shares[3] < 0.25
        else:
            np.testing.assert_allclose(shares, 0.2, atol=0.05)


# Simulated training


def changed(table: Table, **columns: Any) -> Table:
    """A table with other columns; those that are None are left out."""
    owners = np.repeat(np.arange(len(table)), np.diff(table.starts))
    merged = {**table.columns, **columns}
    return Table(
        table.space,
        table.dataset,
        [str(table.architectures[owner]) for owner in owners],
        {name: values for name, values in merged.items() if values is not None},
    )


class Watched(Simulation):
    """Keeps for how many epochs each architecture was paid."""

    def __init__(self, table: Table) -> None:
        super().__init__(table, table.starts[:-1], ACCURATE, "valid")
        self.seen = np.zeros(len(table), dtype=np.int64)

    def pay(self, architecture: Architecture, epochs: int | None) -> int:
        paid = super().pay(architecture, epochs)
        at = self.position(architecture)
        self.seen[at] = max(self.seen[at], paid)
        return paid


def guide_of(predictor: Predictor | str, simulation: Simulation, epochs: int = 0) -> PaidGuide:
    built = (
        configured(to_predictor(predictor), 0, "cpu") if isinstance(predictor, str) else predictor
    )
    unlabeled = np.arange(len(simulation.table))
    return PaidGuide(built, simulation, epochs, unlabeled, 0, simulation.goal.objectives[0])


def simulate(
    strategy: Strategy,
    table: Table = TABLE,
    budget: float = 25,
    predictor: Predictor | str | None = None,
    epochs: int = 0,
) -> Watched:
    simulation = Watched(table)
    guide = guide_of(predictor, simulation, epochs) if predictor else None
    search = Search(strategy, simulation.pool, np.random.default_rng(0), guide)
    simulation.run_search(search, budget)
    return simulation


class Spy(Predictor):
    """Counts its fits and keeps its queries; a cache saves each fit 100 seconds, a query 1,000."""

    def __init__(self, learns: bool) -> None:
        self.learns = learns
        self.fits = 0
        self.asked: list[Architecture] = []

    @property
    def tags(self) -> Tags:
        return Tags(learns=self.learns)

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        self.fits += 1
        self.saved_seconds_ = 100.0

    def _query(self, architectures: Sequence[Architecture], context: Context) -> Vector:
        self.asked += architectures
        self.fallbacks_ = 1
        self.saved_seconds_ = 1_000.0
        return np.array([convolutions(each) for each in architectures])


def test_promotions_pay_only_further_epochs() -> None:
    log = simulate(Hyperband(), budget=3).log
    assert log.epochs == [2, 2, 2, 6, 6, 6]
    assert log.evaluations == pytest.approx([1 / 3, 2 / 3, 1, 5 / 3, 8 / 3, 11 / 3])
    seconds = EPOCHS * EPOCH_SECONDS * np.array(log.evaluations)
    np.testing.assert_allclose(log.training_seconds, seconds)
    rows = TABLE.starts[log.architectures]
    told = TABLE.columns["valid_accuracy"][rows, np.array(log.epochs) - 1]
    np.testing.assert_array_equal(log.values, told)
    assert log.architectures[3] == log.architectures[int(np.argmax(log.values[:3]))]


def test_evidence_is_paid_and_what_is_trained_later_pays_the_rest() -> None:
    strategy = Evolution(start=4, candidates=6, batch=2)
    simulation = simulate(strategy, budget=7, predictor="sotl-e", epochs=2)
    log = simulation.log
    by_hand = [1, 2, 3, 4, 4 + 6 * 2 / 6 + 4 / 6, 4 + 6 * 2 / 6 + 8 / 6]
    assert log.evaluations == pytest.approx(by_hand)
    assert log.training_seconds == pytest.approx(EPOCHS * EPOCH_SECONDS * np.array(by_hand))
    assert log.epochs == [EPOCHS] * 6


@pytest.mark.parametrize("without", [{}, {"valid_accuracy": None}])
def test_queries_train_no_more_than_the_batch_does(without: dict[str, None]) -> None:
    table = changed(TABLE, **without)
    simulation = Simulation(table, table.starts[:-1], Goal((table.objective(),)), "test")
    for epochs, candidates in ((1, 30), (2, 15), (4, 7), (5, 6), (6, 5)):
        guide = guide_of("sotl-e", simulation, epochs)
        assert guide.affordable(100, 5) == candidates
        assert guide.affordable(4, 2) == min(4, 2 * EPOCHS // epochs)
    assert guide_of("params", simulation).affordable(100, 5) == 100


@pytest.mark.parametrize("batch", [1, 5])
def test_dear_queries_do_not_end_a_search(batch: int) -> None:
    strategy = BayesianOptimisation(start=4, batch=batch)
    predictor = f"ensemble({CURVES_TOO}, members=2)"
    simulation = simulate(strategy, budget=11, predictor=predictor, epochs=EPOCHS)
    assert simulation.evaluations >= 11


def test_what_evidence_has_paid_whole_is_trained_without_cost() -> None:
    strategy = Evolution(start=4, candidates=6, batch=2)
    log = simulate(strategy, budget=11, predictor="sotl-e", epochs=EPOCHS).log
    assert log.evaluations == pytest.approx([1, 2, 3, 4, 6, 6, 8, 8, 10, 10])
    assert log.epochs == [EPOCHS] * 10


def test_evidence_is_of_the_run_and_the_epochs_paid() -> None:
    simulation = Simulation(TABLE, TABLE.starts[:-1] + 1, ACCURATE, "valid")
    guide = guide_of("sotl-e", simulation, epochs=3)
    guide.fit([], [])
    asked = TABLE.architectures[20:9:-1]
    losses = TABLE.columns["train_loss"][TABLE.starts[20:9:-1] + 1, 2]
    np.testing.assert_allclose(guide.query(asked), -losses)
    assert simulation.evaluations == pytest.approx(len(asked) * 3 / 6)
    guide.query(asked)
    assert simulation.evaluations == pytest.approx(len(asked) * 3 / 6), "paid once"


@pytest.mark.parametrize(("strategy", "guide"), [("hyperband", None), ("evolution", "sotl-e")])
def test_what_is_not_finished_in_the_seconds_never_happens(
    strategy: str, guide: str | None
) -> None:
    whole = record_of(job(strategy, guide))
    paid = np.array(whole.training_seconds)
    assert (np.diff(paid) > 0).all()
    for seconds in (paid[3], paid[9] - 1e-6, paid[12] + 1e-6):
        cut = record_of(job(strategy, guide, budget=None, seconds=seconds))
        trials = int((paid <= seconds).sum())
        for name in ("architectures", "epochs", "values", "truth", "training_seconds"):
            assert getattr(cut, name) == getattr(whole, name)[:trials]
        assert cut.total_training_seconds == seconds
    both = record_of(job(strategy, guide, budget=2, seconds=1e9))
    assert both.total_training_seconds < paid[-1]
    error = record_of(job(strategy, guide, seconds=1e-9)).error
    assert error is not None
    assert "no training ends within --seconds 1e-09; give more" in error


def test_isomorphic_architectures_are_trained_once() -> None:
    members: dict[int, list[Architecture]] = {}
    for cell in whole_space().architectures:
        members.setdefault(whole_space().class_of(cell), []).append(cell)
    families = [family for family in members.values() if len(family) >= 4][:10]
    accuracy = np.linspace(10.0, 90.0, sum(map(len, families)))
    curves = np.stack([accuracy / 2, accuracy], axis=1)
    texts = [str(cell) for family in families for cell in family]
    table = Table(SPACE, "toy", texts, {"valid_accuracy": curves, "test_accuracy": accuracy})
    simulation = simulate(RandomSearch(), table, budget=99)
    assert len(simulation.log.architectures) == simulation.evaluations == 10
    simulation = Watched(table)
    for family in families:
        told = {simulation.try_(Trial(cell)) for cell in family}
        assert told == {float(np.float32(accuracy[table.index(family[0])]))}
    assert simulation.log.evaluations == list(range(1, 11))


def test_a_run_that_was_cut_costs_what_it_took() -> None:
    curves = TABLE.columns["valid_accuracy"].copy()
    curves[:, 3:] = np.nan
    curves[2:] = TABLE.columns["valid_accuracy"][2:]
    table = changed(TABLE, valid_accuracy=curves, train_loss=None)
    simulation = Watched(table)
    cut = table.architectures[0]
    for epochs, paid in ((2, 2 / 3), (4, 1.0), (None, 1.0)):
        accuracy = simulation.try_(Trial(cut, epochs))
        assert simulation.evaluations == pytest.approx(paid)
        assert accuracy == curves[0, min(epochs or 6, 3) - 1]
    assert simulation.training_seconds == pytest.approx(3 * EPOCH_SECONDS)


def test_seconds_are_unknown_without_seconds_or_without_epochs() -> None:
    for table in (
        changed(TABLE, epoch_seconds=None),
        changed(TABLE, valid_accuracy=None, train_loss=None),
    ):
        simulation = Simulation(table, table.starts[:-1], Goal((table.objective(),)), "test")
        search = Search(RandomSearch(), simulation.pool, np.random.default_rng(0))
        log = simulation.run_search(search, 5)
        assert log.evaluations == [1, 2, 3, 4, 5]
        assert log.training_seconds == []


def test_without_curves_a_training_costs_its_seconds() -> None:
    seconds = 100.0 + np.arange(len(TABLE.columns["seed"]))
    table = changed(TABLE, valid_accuracy=None, train_loss=None, train_seconds=seconds)
    simulation = Simulation(table, table.starts[:-1], Goal((table.objective(),)), "test")
    search = Search(RandomSearch(), simulation.pool, np.random.default_rng(0))
    log = simulation.run_search(search, 5)
    medians = [np.median(seconds[first:end]) for first, end in pairwise(table.starts)]
    paid = [medians[at] for at in log.architectures]
    assert log.training_seconds == pytest.approx(np.cumsum(paid).tolist())


@pytest.mark.parametrize(("learns", "fits"), [(False, 1), (True, 4)])
def test_predictor_seconds_and_calls(learns: bool, fits: int) -> None:
    spy = Spy(learns)
    simulation = Simulation(TABLE, TABLE.starts[:-1], ACCURATE, "valid")
    guide = guide_of(spy, simulation)
    strategy = Evolution(start=5, candidates=20, batch=3)
    search = Search(strategy, simulation.pool, np.random.default_rng(0), guide)
    log = simulation.run_search(search, 5 + 3 * 3)
    assert spy.fits == fits
    seconds = np.array(log.predictor_seconds)
    assert (np.diff(seconds) >= 0).all()
    queries = np.r_[[0] * 5, [1] * 3, [2] * 3, [3] * 3]
    saved = 100 * np.minimum(queries, fits) + 1_000 * queries
    assert ((seconds >= saved) & (seconds < saved + 10)).all()
    assert guide.fallbacks == 4
    if not learns:
        assert len(set(spy.asked)) == len(spy.asked)


# All strategies


def of_curves(guide: str | None) -> bool:
    return "sotl-e" in (guide or "")


def guides(name: str) -> list[str | None]:
    traits = strategies.get(name).traits
    if not traits.takes_predictor:
        return [None]
    if traits.untrained:
        return ["random", "sotl-e"]
    learned = (
        ["ensemble(bayes-lin-reg)"]
        if traits.deviations
        else ["bayes-lin-reg", "sotl-e", CURVES_TOO]
    )
    return [*learned, *([None] if traits.unguided is None else [])]


ONE_SHOT = {name for name in strategies if to_strategy(name).own_guide()}
RUNS = [(name, guide) for name in strategies for guide in guides(name) if name not in ONE_SHOT]


def job(strategy: str, guide: str | None = None, **more: Any) -> SearchJob:
    facts = {"budget": 25, "label": "valid", "truth": "test", "repeat": 0}
    facts |= {"epochs": 2 * of_curves(guide), **more}
    unguided = to_strategy(strategy).traits.unguided or strategy
    return SearchJob(**said(guide or ""), strategy=strategy, unguided=unguided, **facts)


def planned(job: SearchJob) -> PlannedSearch:
    predictor = to_predictor(job.predictor) if job.predictor else None
    return PlannedSearch(job, to_strategy(job.strategy), predictor)


def record_of(job: SearchJob, table: Table = TABLE) -> SearchRecord:
    return run_search_job(planned(job), table)


def states() -> list[bytes]:
    of_torch = torch.get_rng_state().tolist()
    every = random.getstate(), np.random.get_state(), of_torch  # noqa: NPY002
    return [pickle.dumps(each) for each in every]


@pytest.mark.parametrize(("strategy", "guide"), RUNS)
def test_every_strategy_accounts_for_what_it_did(strategy: str, guide: str | None) -> None:
    assert strategies.get(strategy).traits.paper
    record_of(job(strategy, guide, budget=1))
    random.random()
    np.random.random()  # noqa: NPY002
    before = states()
    record = record_of(job(strategy, guide))
    assert states() == before
    assert record.error is None
    again = record_of(job(strategy, guide))
    measured = {"predictor_seconds", "total_predictor_seconds"}
    assert again.model_dump(exclude=measured) == record.model_dump(exclude=measured)
    assert SearchRecord.model_validate_json(record.model_dump_json()) == record

    paid = np.diff([0.0, *record.evaluations])
    assert (paid > 0).all()
    assert record.evaluations[-1] < 26
    if strategy != "reinforce" and not of_curves(guide):  # a policy can settle before
        assert record.evaluations[-1] >= 25 - 1e-9
    seconds = EPOCHS * EPOCH_SECONDS * np.array(record.evaluations)
    np.testing.assert_allclose(record.training_seconds, seconds)
    pool = pool_of(TABLE, ACCURATE)
    kinds = [pool.class_of(TABLE.architectures[at]) for at in record.architectures]
    assert len(set(zip(kinds, record.epochs, strict=True))) == len(kinds)
    if not of_curves(guide):
        most = dict(sorted(zip(kinds, record.epochs, strict=True), key=lambda pair: pair[1]))
        assert record.evaluations[-1] == pytest.approx(sum(most.values()) / EPOCHS)

    runs: dict[int, set[int]] = {}
    for at, epochs, accuracy in zip(
        record.architectures, record.epochs, record.values, strict=True
    ):
        of_runs = TABLE.columns["valid_accuracy"][
            TABLE.starts[at] : TABLE.starts[at + 1], epochs - 1
        ]
        (run,) = np.flatnonzero(of_runs == np.float32(accuracy))
        runs.setdefault(at, set()).add(int(run))
    assert all(len(each) == 1 for each in runs.values()), "one run an architecture"
    test = TABLE.columns["test_accuracy"]
    others = [test[2 * at + 1 - min(runs[at])] for at in record.architectures]
    assert record.truth == pytest.approx(others), "of the run that the search did not see"
    assert max(others) <= record.best <= test.max()


@pytest.mark.parametrize(("strategy", "guide"), RUNS)
def test_what_was_not_paid_for_makes_no_difference(strategy: str, guide: str | None) -> None:
    """Other runs, test accuracies, and all epochs that nobody paid are drawn anew."""
    epochs = 2 * of_curves(guide)
    made = to_strategy(strategy)
    first = simulate(made, predictor=guide, epochs=epochs)
    rng = np.random.default_rng(1)
    seen = np.zeros(TABLE.starts[-1], dtype=np.int64)
    seen[TABLE.starts[:-1]] = first.seen
    hidden = np.arange(EPOCHS) >= seen[:, None]
    columns = {
        name: np.where(hidden, rng.uniform(1.0, 95.0, hidden.shape), TABLE.columns[name])
        for name in CURVES
        if name in TABLE.columns
    }
    other = changed(TABLE, **columns, test_accuracy=rng.uniform(1.0, 95.0, len(hidden)))
    second = simulate(made, other, predictor=guide, epochs=epochs)
    assert 0.2 < hidden[TABLE.starts[:-1]].mean() < 0.7
    for part in ("architectures", "epochs", "values", "evaluations", "training_seconds"):
        assert getattr(first.log, part) == getattr(second.log, part)


def test_searches_of_a_repeat_begin_alike() -> None:
    """With the same architectures and runs, so that chance favours none."""
    runs = [("random", None), *((name, g) for name, g in RUNS if name in ("evolution", "bayesian"))]
    begun = {}
    for repeat in range(2):
        records = [record_of(job(*each, budget=8, repeat=repeat)) for each in runs]
        found = {(*each.architectures[:8], *each.values[:8]) for each in records}
        (begun[repeat],) = found
    assert begun[0] != begun[1]


# What is asked for


def labels(jobs: Sequence[SearchJob]) -> list[str]:
    return list(dict.fromkeys(f"{each.strategy} {each.predictor}".strip() for each in jobs))


def plan(experiment: SearchExperiment) -> tuple[list[SearchJob], list[str]]:
    found, remarks = experiment.plan()
    return [each.job for each in found], remarks


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"strategies": "evolution"}, ["random", "evolution"]),
        (
            {"strategies": "evolution", "predictors": "rf,sotl-e"},
            ["random", "evolution", "evolution rf", "evolution sotl-e"],
        ),
        (
            {"strategies": "bayesian", "predictors": "xgb,gp,params"},
            ["random", "bayesian ensemble(xgb)", "bayesian gp"],
        ),
        (
            {"strategies": "proxy-then-evaluate(sample=9)", "predictors": "rf,params"},
            ["random", "evolution", "proxy-then-evaluate(sample=9) params"],
        ),
        (
            {"strategies": "evolution(batch=3),hyperband", "predictors": "rf"},
            ["random", "evolution(batch=3)", "hyperband", "evolution(batch=3) rf"],
        ),
        ({"strategies": "random(),random"}, ["random"]),
        (
            {"strategies": "evolution(batch=3),evolution( batch = 3 )"},
            ["random", "evolution(batch=3)"],
        ),
    ],
)
def test_baselines_come_along(options: dict[str, str], expected: list[str]) -> None:
    jobs, _ = plan(SearchExperiment(TABLE, repeats=2, **options))
    assert labels(jobs) == expected
    assert len({each.key("t") for each in jobs}) == len(jobs) == 2 * len(expected)
    for each in jobs:
        assert each.epochs == (2 if each.predictor == "sotl-e" else 0)


def test_all_leaves_out_what_can_not_run() -> None:
    jobs, remarks = plan(SearchExperiment(TABLE, "all", repeats=1))
    left_out = {"bayesian", "proxy-then-evaluate"}
    assert set(labels(jobs)) == set(strategies) - left_out - ONE_SHOT
    said = " ".join(remarks)
    assert all(f"left out: --strategy {name}: wants a predictor" in said for name in left_out)
    assert "neighbours" not in said
    _, remarks = plan(SearchExperiment(small_table(15), repeats=1))
    assert "lacks the neighbours of most architectures" in remarks[-1]

    for unknown in ("epoch_seconds", "train_loss"):
        bare = changed(TABLE, **{"valid_accuracy": None, unknown: None})
        jobs, remarks = plan(SearchExperiment(bare, "all", predictors="rf", repeats=1))
        assert {each.label for each in jobs} == {"test"}
        assert not {"hyperband", "bohb", "proxy-then-evaluate"} & {each.strategy for each in jobs}
        said = " ".join(remarks)
        assert "searches see test values" in said
        assert "speed-ups count evaluations" in said


FINAL = changed(TABLE, valid_accuracy=TABLE.columns["valid_accuracy"][:, -1:])


@pytest.mark.parametrize(
    ("options", "table", "message"),
    [
        ({"strategies": "evolutoin"}, TABLE, "unknown strategy 'evolutoin': did you mean evo"),
        ({"strategies": ""}, TABLE, "--strategy: name one or more"),
        ({"strategies": "evolution(popluation=3)"}, TABLE, "no parameter 'popluation'; it has pop"),
        ({"strategies": "random(3)"}, TABLE, "random has no parameter '3'; it has none"),
        ({"strategies": "evolution(batch=0)"}, TABLE, "batch=0 won't do: .*greater than 0"),
        ({"strategies": "evolution(batch=x)"}, TABLE, "batch=x won't do: .*integer"),
        ({"strategies": "bayesian(acquisition=pi)"}, TABLE, "acquisition=pi won't do: .*'ei'"),
        ({"strategies": "hyperband(eta=1)"}, TABLE, "eta=1 won't do"),
        ({"strategies": "bohb(good=1)"}, TABLE, "good=1 won't do"),
        ({"budget": 0}, TABLE, "--budget 0: give 1 or more"),
        ({"seconds": 0.0}, TABLE, "--seconds 0: give more than 0"),
        ({"seconds": float("nan")}, TABLE, "--seconds nan: give more than 0"),
        ({"seconds": float("inf")}, TABLE, "--seconds inf: give more than 0, and an end"),
        ({"seconds": 9.0}, changed(TABLE, epoch_seconds=None), "--seconds: .* give --budget"),
        ({"repeats": 0}, TABLE, "--repeats 0: give 1 or more"),
        ({"epochs": 7}, TABLE, "--epochs 7: .*have 6 epochs; give 1 to 6"),
        ({"epochs": 0}, TABLE, "--epochs 0: .*give 1 to 6"),
        ({"strategies": "bayesian"}, TABLE, "bayesian: wants a predictor.*; give --predictor gp"),
        ({"strategies": "bayesian", "predictors": "params"}, TABLE, "bayesian: wants a predictor"),
        (
            {"strategies": "proxy-then-evaluate", "predictors": "xgb"}, TABLE,
            "wants a predictor that learns from no labels; give --predictor",
        ),
        (
            {"strategies": "random,hyperband", "predictors": "rf"}, TABLE,
            "--strategy random,hyperband: takes no predictor; leave --predictor out",
        ),
        ({"predictors": "nope"}, TABLE, "unknown predictor 'nope'"),
        ({"predictors": "flops"}, TABLE, r"can't run flops \(the table has no flops\)"),
        (
            {"strategies": "hyperband"}, changed(TABLE, valid_accuracy=None),
            "hyperband: trains for a few epochs first, and .* choose another",
        ),
        ({"strategies": "bohb"}, FINAL, "bohb: trains for a few epochs first"),
        ({"label": "valid"}, changed(TABLE, valid_accuracy=None), "no valid values of accuracy"),
    ],
)  # fmt: skip
def test_what_can_not_run_is_refused(options: dict[str, Any], table: Table, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        SearchExperiment(table, **options).plan()
    assert "\n" not in str(caught.value)


# Ensembles


@pytest.mark.parametrize("member", ["bayes-lin-reg", CURVES_TOO])
def test_an_ensemble_is_its_members_on_bootstrap_samples(member: str) -> None:
    train, test = toy(40, seed=1), toy(10, seed=2)
    ensemble = Ensemble(member, members=3, seed=7)
    mean, std = ensemble.fit(*train).query(test.architectures, test.context, return_std=True)
    rng = np.random.default_rng(7)
    scores, variances = [], []
    for at in range(3):
        drawn = np.unique(rng.integers(40, size=40))
        fitted = configured(to_predictor(member), 7 + at, "cpu")
        some = [train.architectures[i] for i in drawn]
        fitted.fit(some, train.labels[drawn], train.context.take(drawn))
        scores.append(fitted.query(test.architectures, test.context))
        if fitted.tags.probabilistic:
            _, own = fitted.query(test.architectures, test.context, return_std=True)
            variances.append(own**2)
    np.testing.assert_allclose(mean, np.mean(scores, axis=0))
    within = np.mean(variances, axis=0) if variances else 0.0
    np.testing.assert_allclose(std, np.sqrt(within + np.var(scores, axis=0, ddof=1)))
    assert (std > 0).all()


def test_what_an_ensemble_refuses() -> None:
    train = toy(20, seed=1)
    with pytest.raises(
        InputError, match=r"params can't be a member.*learns from no labels.*try xgb"
    ):
        Ensemble("params").fit(*train)
    with pytest.raises(ValueError, match="members=1: a spread needs 2 or more"):
        Ensemble("bayes-lin-reg", members=1).fit(*train)


# Jobs and the command


def broken(*_: Any) -> Any:
    raise RuntimeError("out of luck")


def test_a_failing_predictor_is_a_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Random, "_query", broken)
    record = record_of(job("proxy-then-evaluate", "random"), small_table(30))
    assert record.failed
    assert str(record.error).startswith("RuntimeError: out of luck (test_search.py:")
    assert record.architectures == record.evaluations == []


def test_finished_searches_are_not_run_again(tmp_path: Path) -> None:
    table = small_table()
    store = RecordStore(tmp_path / "results", SearchRecord)
    jobs = [
        planned(job(name, repeat=repeat, budget=5))
        for name in ("random", "reinforce")
        for repeat in (0, 1)
    ]
    first = run_jobs(jobs[:3], table, store, run_search_job)
    assert run_jobs(jobs[:3], table, store, broken) == first
    assert len(run_jobs(jobs, table, store, run_search_job)) == 4
    assert {each.job.key(first[0].table) for each in jobs} == {
        each.stem for each in (tmp_path / "results").glob("*.json")
    }


def command(tmp_path: Path, *options: str) -> list[str]:
    path = str(write_small_table(tmp_path))
    return [
        "search", "--benchmark", path, "--budget", "15", "--repeats", "2",
        "--results", str(tmp_path / "results"), *options,
    ]  # fmt: skip


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = command(tmp_path, "--predictor", "bayes-lin-reg,sotl-e", "--target", "2")
    shown = CliRunner().invoke(app, options)
    assert shown.exit_code == 0, shown.output
    assert "sotl-e" in shown.stdout
    assert len(list((tmp_path / "results/search").glob("*.json"))) == 8
    monkeypatch.setattr("archcast.search.search_job.run_search_job", broken)
    rows = json.loads(CliRunner().invoke(app, [*options, "--format", "json"]).stdout)
    searches = {(row["strategy"], row["predictor"], row["epochs"]): row for row in rows}
    assert set(searches) == {
        ("random", None, 0), ("evolution", None, 0),
        ("evolution", "bayes-lin-reg", 0), ("evolution", "sotl-e", 2),
    }  # fmt: skip
    assert all(row["target"] == 2.0 and row["repeats"] == 2 for row in rows)
    speed_ups = [row["speed_up_seconds"] for row in rows if row["speed_up_seconds"] is not None]
    assert speed_ups == sorted(speed_ups, reverse=True)
    assert searches["random", None, 0]["speed_up_seconds"] is None
    assert searches["evolution", None, 0]["over_unguided_seconds"] is None
    assert searches["evolution", "sotl-e", 2]["over_unguided_seconds"] > 0


def test_another_table_judges_what_is_found() -> None:
    texts = [str(cell) for cell in reversed(TABLE.architectures)]
    worth = np.linspace(20.0, 80.0, len(texts))
    runs = {"seed": np.r_[[0] * len(texts), [1] * len(texts)]}
    accuracy = {"test_accuracy": np.r_[worth - 3, worth + 5]}
    other = Table(SPACE, "other", texts * 2, runs | accuracy)
    records = [record_of(job("random", repeat=repeat)) for repeat in range(2)]
    judged = Judge(TABLE, other, ACCURATE).judged(records)
    for before, after in zip(records, judged, strict=True):
        trained = [TABLE.architectures[i] for i in before.architectures]
        by_hand = [worth[texts.index(str(cell))] + 1 for cell in trained]
        assert after.truth == pytest.approx(by_hand)
        assert after.best == pytest.approx(81.0)
        assert (after.values, after.judged_on) == (before.values, "other")
    few = Table(SPACE, "few", texts[:9], {"test_accuracy": worth[:9]}, source="few.parquet")
    with pytest.raises(InputError, match=r"few.parquet is no judge of toy: it lacks \|"):
        Judge(TABLE, few, ACCURATE)


def test_a_judge_in_the_command_and_in_python(tmp_path: Path) -> None:
    graphs = ["--benchmark", "nasbench-graph", "--strategy", "random", "--judge"]
    more = ["--budget", "5", "--repeats", "2", "--results", str(tmp_path)]
    shown = CliRunner().invoke(app, ["search", *graphs, "citeseer", *more, "--format", "json"])
    (row,) = json.loads(shown.stdout)
    assert (row["dataset"], row["judged_on"]) == ("cora", "citeseer")
    judge = open_table("nasbench-graph", "citeseer")
    frame = search("nasbench-graph", "random", judge=judge, budget=5, repeats=2, results=tmp_path)
    assert frame["regret"].tolist() == [row["regret"]]
    refused = CliRunner().invoke(app, ["search", *graphs, "proteins", *more])
    assert "is no judge of nasbench-graph:cora: it lacks" in str(refused.exception)


def test_command_with_a_failing_predictor(tmp_path: Path) -> None:
    options = command(tmp_path, "--predictor", "rf(n_estimators=-1),params", "--format", "json")
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 1
    assert "'n_estimators' parameter of RandomForestRegressor must be" in result.stderr
    rows = {row["predictor"]: row for row in json.loads(result.stdout)}
    assert (rows["rf(n_estimators=-1)"]["failed"], rows["rf(n_estimators=-1)"]["regret"]) == (
        2,
        None,
    )
    assert rows["params"]["failed"] == 0
    assert rows["params"]["regret"] >= 0


def test_command_refuses_before_it_runs(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, command(tmp_path, "--strategy", "evolution,bayesian"))
    assert isinstance(result.exception, InputError)
    assert not (tmp_path / "results").exists()


def test_a_whole_training_counts_as_one_however_short_it_was() -> None:
    """What was stopped, wherever, is finished; what diverged is not."""
    table = small_table(3, runs=1)
    curves = {name: table.columns[name].copy() for name in ("valid_accuracy", "train_loss")}
    curves["valid_accuracy"][:, -1] = [60.0, 50.0, 0.0]
    for values in curves.values():
        values[0, 3:] = values[2, 2:] = np.nan
    curves["valid_accuracy"][0, 2] = 70.0
    diverged = np.array([False, False, True])
    simulation = Watched(changed(table, **curves, diverged=diverged, test_accuracy=None))
    for at in (2, 1, 0):
        simulation.try_(Trial(simulation.table.architectures[at]))
    assert simulation.log.epochs == [2, EPOCHS, EPOCHS]
    objective = simulation.goal.objectives[0]
    assert incumbents(simulation.log.epochs, simulation.log.values, objective) == [0, 1, 2]


@pytest.mark.parametrize("wrapped", ["{}", "ensemble({}, members=2)"])
def test_parts_of_a_guide_are_paid_for_once(wrapped: str) -> None:
    simulation = Watched(changed(TABLE, synflow=np.ones(len(TABLE.epochs))))
    priced = "combine(bayes-lin-reg, parts=[column(synflow, price=1000.0)])"
    guide = guide_of(wrapped.format(priced), simulation)
    some = TABLE.architectures[:20]
    for known in (10, 15, 20):
        guide.fit(some[:known], [*range(known)])
        guide.query(some)
    assert simulation.predictor_seconds == pytest.approx(20_000, abs=100)


def test_mutations_lead_from_a_network_with_a_dead_node_to_all_of_the_table() -> None:
    """From no live node but one, whose edges alone would otherwise change."""
    pool = whole_space()
    start = pool.find(
        pool.space.parse("|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|").choices
    )
    assert start is not None
    rng, reached = np.random.default_rng(0), {pool.class_of(start)}
    longest = 0
    for _ in range(40):
        at = start
        for _ in range(12):
            at = pool.mutate(at, rng)
            reached.add(pool.class_of(at))
            longest = max(longest, 6 - str(at).count("none"))
    assert longest == 6
    assert len(reached) > 200


def test_each_decision_is_as_likely_to_mutate() -> None:
    space = ChoicesSpace([Decision("yes", ("no", "yes")), Decision("of", tuple("abcdefgh"))])
    start, rng = space.sample(1, np.random.default_rng(0))[0], np.random.default_rng(1)
    changed = [space.mutate(start, rng).choices[0] != start.choices[0] for _ in range(2_000)]
    assert np.mean(changed) == pytest.approx(0.5, abs=0.05)
