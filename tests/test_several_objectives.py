"""Searches of several objectives, and within limits."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from typer.testing import CliRunner

from archcast.benchmarks.objective import ACCURACY, known_objective
from archcast.benchmarks.opening import open_table
from archcast.benchmarks.table import Table
from archcast.cli import app
from archcast.core.errors import InputError
from archcast.evaluation.pareto_front import hypervolume, hypervolume_regret
from archcast.search.bayesian import drawn
from archcast.search.goal import Goal, Limit, Matrix, crowding, ranks
from archcast.search.pool import Pool
from archcast.search.search_job import PlannedSearch, SearchRecord, run_search_job
from archcast.search.several import Counted, Guides, Prospect, chebyshev, fittest, hypervolume_gain
from archcast.search.simulation import Simulation, goal_truth, pool_of, returned_after
from archcast.search.strategy import Guide, Search
from archcast.search.strategy_text import to_strategy
from archcast.spaces import registry as spaces
from archcast.spaces.space import Architecture
from archcast.studies.front_door import search
from archcast.studies.goals import chosen_goal
from archcast.studies.judging import Judge
from archcast.studies.regrets import Front, ending, incumbent_regrets
from archcast.studies.searches import SearchExperiment
from archcast.studies.speed_up import measure_searches
from reproduce.several_objectives import of_searches
from tests.results import small_table, write_small_table

LATENCY, PARAMETERS = known_objective("latency_cpu"), known_objective("parameters")
assert LATENCY is not None
assert PARAMETERS is not None
FAST = Goal((ACCURACY, LATENCY))
SMALL = Goal((ACCURACY, LATENCY), (Limit(PARAMETERS, 1_060.0),))
TABLE = small_table(60)
STRATEGIES = ("random", "evolution", "evolution(combine=chebyshev)", "nsga2", "tpe")

points = arrays(np.float64, st.tuples(st.integers(1, 12), st.just(3)), elements=st.integers(0, 4))


def dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(a >= b for a, b in zip(one, other, strict=True)) and list(one) != list(other)


@given(points)
def test_what_is_returned_by_brute_force(signed: Matrix) -> None:
    goal = Goal((ACCURACY, LATENCY), (Limit(PARAMETERS, -2.0),))  # signed, at least 2
    kept = [row for row in signed if row[2] >= 2]
    expected = [
        row[2] >= 2 and not any(dominates(other[:2], row[:2]) for other in kept) for row in signed
    ]
    assert goal.returned(signed).tolist() == expected


@given(points)
def test_the_order_by_brute_force(signed: Matrix) -> None:
    goal = Goal((ACCURACY, LATENCY), (Limit(PARAMETERS, -2.0),))
    order = goal.order(signed)
    broken = np.maximum(2 - signed[:, 2], 0) / 2
    assert sorted(order.tolist()) == list(range(len(signed)))
    left = [at for at in range(len(signed)) if not broken[at]]
    fronts = []
    while left:
        front = [
            at for at in left if not any(dominates(signed[o][:2], signed[at][:2]) for o in left)
        ]
        fronts.append(set(front))
        left = [at for at in left if at not in front]
    found = order.tolist()
    for front in fronts:
        assert set(found[: len(front)]) == front
        found = found[len(front) :]
    assert (np.diff(broken[found]) >= 0).all()


def test_crowding_by_hand() -> None:
    values = np.array([[0.0, 4.0], [1.0, 3.0], [3.0, 2.0], [4.0, 0.0]])
    assert crowding(values).tolist() == [np.inf, 3 / 4 + 2 / 4, 3 / 4 + 3 / 4, np.inf]
    assert ranks(values).tolist() == [0, 0, 0, 0]
    order = FAST.order(values)
    assert order.tolist() == [0, 3, 2, 1]


def test_limits_are_of_the_worst_value_that_will_do() -> None:
    goal = Goal((ACCURACY,), (Limit(LATENCY, 2.0), Limit(ACCURACY, 50.0)))
    assert goal.quantities == (ACCURACY, LATENCY)
    signed = goal.signed(np.array([[60.0, 1.0], [60.0, 3.0], [40.0, 2.0]]))
    assert goal.violations(signed).tolist() == [0.0, 0.5, 0.2]
    assert goal.returned(signed).tolist() == [True, False, False]


@given(arrays(np.float64, (6, 2), elements=st.integers(0, 5)))
def test_hypervolume_by_counting_squares(values: Matrix) -> None:
    squares = {(x, y) for a, b in values for x in range(int(a)) for y in range(int(b))}
    assert hypervolume(values, np.zeros(2)) == pytest.approx(len(squares))
    front, point = values[1:], values[0]
    of_front = {(x, y) for a, b in front for x in range(int(a)) for y in range(int(b))}
    assert hypervolume_gain(point, front) == pytest.approx(len(squares - of_front))
    if of_front:
        assert hypervolume_regret(front[:2], front, np.zeros(2)) == pytest.approx(
            1 - hypervolume(front[:2], np.zeros(2)) / len(of_front)
        )


def test_chebyshev_by_hand() -> None:
    found = chebyshev(np.array([[1.0, 0.5], [0.5, 1.0]]), np.array([0.25, 0.75]))
    np.testing.assert_allclose(found, [-(0.375 + 0.05 * 0.375), -(0.125 + 0.05 * 0.125)])


def test_a_tournament_by_scalars_can_choose_any_of_a_front() -> None:
    rng = np.random.default_rng(0)
    front = np.array([[0.0, 4.0], [2.0, 2.0], [4.0, 0.0], [0.0, 0.0]])
    chosen = {fittest(FAST, front, "chebyshev", rng) for _ in range(50)}
    assert chosen == {0, 1, 2}
    limited = np.column_stack([front, -np.array([1_070.0, 1_065.0, 1_062.0, 1_061.0])])
    assert fittest(SMALL, limited, "chebyshev", rng) == 3


def prospect(goal: Goal, told: Matrix, predicted: Matrix, exact: Sequence[bool]) -> Prospect:
    return Prospect(goal, told, predicted, np.array(exact))


def test_scores_stand_for_values_of_the_same_rank() -> None:
    told = np.array([[10.0, -3.0], [20.0, -1.0], [40.0, -2.0]])
    scores = np.array([[0.0, -3.0], [1.0, -1.0], [2.0, -2.0]])
    found = prospect(FAST, told, scores, [False, True])
    values = found.values(np.array([[[0.5, -7.0], [2.0, 5.0]]]))
    assert values.tolist() == [[[15.0, -7.0], [40.0, 5.0]]]
    slope = np.std([10, 20, 40]) / np.std([0, 1, 2])
    assert found.values(np.array([[3.0, 0.0]]))[0, 0] == pytest.approx(40 + slope)


def test_the_next_is_what_adds_most_to_those_before_it() -> None:
    told = np.array([[0.0, 0.0], [10.0, 10.0], [5.0, 5.0]])
    found = prospect(FAST, told, told, [True, True])
    candidates = np.array([[[12.0, 5.0], [11.9, 5.0], [2.0, 12.0], [1.0, 1.0]]])
    rng = np.random.default_rng(0)
    assert found.choose(candidates, 3, "hypervolume", rng)[:2] == [0, 2]
    draws = np.array([[[10.0, 10.0], [4.0, 4.0]], [[10.0, 10.0], [20.0, 20.0]]])
    assert found.choose(draws, 1, "hypervolume", rng) == [1]  # what it may turn out to be counts
    assert set(found.choose(candidates, 3, "chebyshev", rng)) == {0, 1, 2}


@pytest.mark.parametrize("combine", ["hypervolume", "chebyshev"])
def test_what_breaks_a_limit_comes_last(combine: Any) -> None:
    told = np.array([[0.0, 0.0, -1_000.0], [9.0, 9.0, -1_060.0]])
    found = prospect(SMALL, told, told, [True] * 3)
    candidates = np.array([[[20.0, 20.0, -1_090.0], [10.0, 10.0, -1_050.0], [20.0, 20.0, -1_070]]])
    assert found.choose(candidates, 3, combine, np.random.default_rng(0)) == [1, 2, 0]


def test_guides_are_of_one_quantity_each() -> None:
    class Perfect(Guide):
        def __init__(self, at: int) -> None:
            self.at, self.fitted = at, [0.0]

        def fit(self, architectures: Sequence[Architecture], labels: Sequence[Any]) -> None:
            self.fitted = list(labels)

        def query(self, architectures: Sequence[Architecture]) -> Any:
            return np.full(len(architectures), float(self.at))

        def query_with_std(self, architectures: Sequence[Architecture]) -> Any:
            return self.query(architectures), np.ones(len(architectures))

    one = Perfect(1)
    counted = Counted(PARAMETERS, lambda given: np.arange(len(given), dtype=float))
    guides = Guides([one, counted])
    some = TABLE.architectures[:3]
    guides.fit(some, [np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.array([5.0, 6.0])])
    assert one.fitted == [1.0, 3.0, 5.0]
    assert guides.query(some).tolist() == [[1.0, 0.0], [1.0, -1.0], [1.0, -2.0]]
    assert guides.query_with_std(some)[1].tolist() == [[1.0, 0.0]] * 3
    assert guides.exact.tolist() == [False, True]


@pytest.mark.parametrize(
    "strategy",
    ["evolution", "evolution(combine=chebyshev)", "bayesian", "bayesian(acquisition=ei)"],
)
def test_guides_that_rank_without_labels_choose_the_first_trainings(strategy: str) -> None:
    class Foresight(Guide):
        """Knows values, on an axis of its own."""

        informed = True

        def __init__(self, values: dict[Architecture, float]) -> None:
            self.values, self.fits = values, list[int]()

        def fit(self, architectures: Sequence[Architecture], labels: Sequence[Any]) -> None:
            self.fits.append(len(labels))

        def query(self, architectures: Sequence[Architecture]) -> Any:
            return np.array([self.values[each] for each in architectures]) / 7 - 100

        def query_with_std(self, architectures: Sequence[Architecture]) -> Any:
            return self.query(architectures), np.full(len(architectures), 1e-6)

    cells = TABLE.architectures
    costs = np.random.default_rng(1).permutation(len(cells)).astype(float)
    values = np.random.default_rng(2).permutation(len(cells)).astype(float)
    foresight = Foresight(dict(zip(cells, values.tolist(), strict=True)))
    by_cell = dict(zip(cells, costs.tolist(), strict=True))
    counted = Counted(PARAMETERS, lambda given: np.array([by_cell[each] for each in given]))
    goal = Goal((ACCURACY, PARAMETERS))
    guides = Guides([foresight, counted])
    assert guides.informed
    pool, rng = Pool(cells[0].space, cells, 1, goal), np.random.default_rng(0)
    run = Search(to_strategy(strategy), pool, rng, guides)
    signed = np.column_stack([values, -costs])
    front = {cells[at] for at in np.flatnonzero(goal.returned(signed))}
    for _ in range(2):
        trial = run.ask()
        assert trial is not None
        assert trial.architecture in front
        run.tell(signed[cells.index(trial.architecture)])
    assert foresight.fits[0] == 0


def records(table: Table, *strategies: str, **options: Any) -> list[SearchRecord]:
    options = {"budget": 25, "repeats": 2, "objectives": ["accuracy", "latency_cpu"], **options}
    experiment = SearchExperiment(table, list(strategies), **options)
    return [run_search_job(each, table) for each in experiment.plan()[0]]


@pytest.mark.parametrize("limits", [{}, {"parameters": 1_060.0}])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_records_tell_what_was_told_and_what_is_true(
    strategy: str, limits: dict[str, float]
) -> None:
    for record in records(TABLE, strategy, limits=limits, repeats=1):
        assert record.error is None
        goal = record.job.goal
        every = goal.signed(goal_truth(TABLE, goal, "test", TABLE.starts[:-1]))
        worst = goal.signed(np.array([[*record.worst, *[0.0] * len(limits)]]))[0, :2]
        assert (every[:, :2].min(axis=0) >= worst - 1.0).all()
        for at, value, others in zip(
            record.architectures, record.values, record.others, strict=True
        ):
            runs = slice(TABLE.starts[at], TABLE.starts[at + 1])
            columns = TABLE.columns
            known = zip(columns["latency_cpu"][runs], columns["parameters"][runs], strict=True)
            assert value in columns["valid_accuracy"][runs][:, -1]
            assert tuple(others) in {pair[: len(others)] for pair in known}


def test_regrets_by_slow_loop() -> None:
    for record in records(TABLE, "random", "evolution", limits={"parameters": 1_060.0}):
        goal, front = record.job.goal, Front.of(record)
        told = goal.signed(np.column_stack([record.values, record.others]))
        for at, regret in enumerate(incumbent_regrets(record)):
            shown = np.flatnonzero(goal.returned(told[: at + 1]))
            true = [front.truth[i] for i in shown if front.truth[i][2] >= -1_060.0]
            points = np.array([each[:2] for each in true]).reshape(-1, 2)
            best = hypervolume(front.points, front.worst)
            assert regret == pytest.approx(100 * (1 - hypervolume(points, front.worst) / best))


def test_distances_by_slow_loop() -> None:
    limits = {"parameters": 1_060.0}
    for record in records(TABLE, "random", "nsga2", limits=limits):
        front = Front.of(record)
        extent = front.points.max(axis=0) - front.worst
        for trials in ([0], [0, 1, 2], range(len(record.values))):
            found = [each[:2] for each in front.truth[list(trials)] if each[2] >= -1_060.0]
            nearest = [
                min(
                    math.hypot(*np.maximum((best - point) / extent, 0.0))
                    for point in [*found, front.worst]
                )
                for best in front.points
            ]
            assert front.distance(trials) == pytest.approx(np.mean(nearest))


def test_who_finds_nothing_within_limits_is_the_worst() -> None:
    limit = 1_060.0
    for record in records(TABLE, "random", limits={"parameters": limit}):
        outside = [at for at, (_, size) in enumerate(record.others) if size > limit]
        lists = {name: getattr(record, name) for name in ("values", "others", "truth")}
        lists["other_truth"] = record.other_truth
        only = {name: [values[at] for at in outside] for name, values in lists.items()}
        found = ending(record.model_copy(update=only))
        assert found["broken"] == 1.0
        assert found["distance"] == Front.of(record).distance([]) > ending(record)["distance"]


def test_who_trains_all_returns_the_front_where_labels_are_true() -> None:
    table = small_table(40, runs=1)
    found = measure_searches(records(table, "random", budget=100, label="test"))
    assert [regrets[-1] for regrets in found["regrets"]] == pytest.approx([0.0, 0.0])
    assert found["distance"].tolist() == [0.0, 0.0]
    assert found["broken"].isna().all()  # there is no limit
    assert found["points"].tolist() == ["% of the hypervolume"] * 2


def test_one_objective_within_a_limit_is_judged_in_its_unit() -> None:
    options: dict[str, Any] = {"objectives": None, "limits": {"latency_cpu": 1.2}, "budget": 100}
    table = small_table(40, runs=1)
    (first, *_) = records(table, "random", label="test", **options)
    allowed = table.columns["latency_cpu"] <= 1.2
    best = table.columns["test_accuracy"][allowed].max()
    assert first.front == [[pytest.approx(best)]]
    regrets = incumbent_regrets(first)
    assert regrets[-1] == pytest.approx(0.0)
    found = measure_searches([first])
    assert (found["points"].item(), found["best"].item()) == ("points", pytest.approx(best))
    nothing = [at for at, others in enumerate(first.others) if others[0] > 1.2]
    if nothing and nothing[0] == 0:
        assert regrets[0] == pytest.approx(best - first.worst[0])


def test_a_front_holds_ties_and_forgets_what_is_beaten() -> None:
    values, others = [1.0, 2.0, 2.0, 3.0], [[2.0], [1.0], [1.0], [3.0]]
    assert returned_after(FAST, [1] * 4, values, others) == [[0], [1], [1, 2], [1, 2, 3]]


def test_another_table_judges_fronts_within_limits() -> None:
    texts = [str(cell) for cell in reversed(TABLE.architectures)]
    rng = np.random.default_rng(0)
    names = ("valid_accuracy", "test_accuracy", "latency_cpu", "parameters")
    columns = {name: 2 * rng.integers(1, 25, 2 * len(texts)) for name in names}
    columns["parameters"] += 1_070
    columns |= {"seed": np.repeat([0, 1], len(texts))}
    other = Table(TABLE.space, "other", texts * 2, columns, source="other")
    limits = {"parameters": 1_100.0}
    before = records(TABLE, "random", limits=limits)
    goal = before[0].job.goal
    with pytest.raises(InputError, match="parameters=1: nothing in other, which judges, keeps it"):
        Judge(TABLE, other, Goal(FAST.objectives, (Limit(PARAMETERS, 1.0),)))
    for old, new in zip(before, Judge(TABLE, other, goal).judged(before), strict=True):
        assert (new.architectures, new.values, new.judged_on) == (
            old.architectures, old.values, "other",
        )  # fmt: skip
        means = [columns[name].reshape(2, -1).mean(axis=0) for name in names[1:]]
        known = dict(zip(texts, np.transpose(means).tolist(), strict=True))
        trained = [known[str(TABLE.architectures[at])] for at in new.architectures]
        truth = [[first, *rest] for first, rest in zip(new.truth, new.other_truth, strict=True)]
        assert truth == trained
        every = [(a, -latency) for a, latency, size in known.values() if size <= 1_100]
        assert 0 < len(every) < len(known)
        front = {one for one in every if not any(dominates(rival, one) for rival in every)}
        assert {(accuracy, -latency) for accuracy, latency in new.front} == front
        assert new.worst == [min(means[0]), max(means[1])]


def test_a_judge_that_lacks_an_objective_is_refused_before_anything_runs(tmp_path: Path) -> None:
    lacking = small_table()
    del lacking.columns["latency_cpu"]
    with pytest.raises(InputError, match="latency_cpu"):
        search(
            TABLE, "random", judge=lacking, objectives=["accuracy", "latency_cpu"],
            results=tmp_path / "r",
        )  # fmt: skip
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("guided", ["evolution", "bayesian(acquisition=ei)"])
@pytest.mark.parametrize("combine", ["hypervolume", "chebyshev"])
def test_guided_searches_learn_each_objective(guided: str, combine: str) -> None:
    text = f"{guided[:-1]},combine={combine})" if guided.endswith(")") else guided
    found = records(TABLE, text, predictors="bayes-lin-reg", limits={"parameters": 1_100.0})
    guided_ones = [each for each in found if each.job.predictor]
    assert guided_ones
    assert not [each.error for each in found if each.error]
    again = records(TABLE, text, predictors="bayes-lin-reg", limits={"parameters": 1_100.0})
    assert [each.architectures for each in again] == [each.architectures for each in found]


@pytest.mark.parametrize("text", ["nsga2", "tpe", "nsga2(population=5)", "tpe(start=3)"])
def test_optuna_leaves_random_states_alone_and_heeds_its_seed(text: str) -> None:
    pool = pool_of(TABLE, SMALL)
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002

    def trained(seed: int) -> list[str]:
        simulation = Simulation(TABLE, TABLE.starts[:-1], SMALL, "valid")
        steps = Search(to_strategy(text), pool, np.random.default_rng(seed))
        log = simulation.run_search(steps, budget=20)
        return [str(TABLE.architectures[at]) for at in log.architectures]

    assert trained(0) == trained(0) != trained(1)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002


def test_optuna_stays_in_a_sparse_pool() -> None:
    """Proposals that are not in the pool fail, and the nearest stand in."""
    sparse = Pool(TABLE.space, TABLE.architectures[:3], 1, FAST)
    steps = Search(to_strategy("nsga2"), sparse, np.random.default_rng(0))
    seen = set()
    for _ in range(12):
        trial = steps.ask()
        assert trial is not None
        seen.add(trial.architecture)
        steps.tell(np.array([1.0, 2.0]))
    assert seen == {*TABLE.architectures[:3]}


def test_the_nearest_differs_in_the_fewest_decisions() -> None:
    pool = Pool(TABLE.space, TABLE.architectures, 1)
    rng = np.random.default_rng(0)
    for each in TABLE.space.sample(20, rng):
        apart = [
            sum(a != b for a, b in zip(each.choices, other.choices, strict=True))
            for other in TABLE.architectures
        ]
        found = pool.nearest(each.choices, rng)
        assert apart[TABLE.architectures.index(found)] == min(apart)


def test_nsga2_climbs() -> None:
    """It trains more of what is good than random search does."""
    space = spaces.get("nasbench201")
    every = space.sample(1_000, np.random.default_rng(0))
    pool = Pool(space, every, 1, FAST)

    def good(text: str) -> float:
        steps = Search(to_strategy(text), pool, np.random.default_rng(0))
        values = []
        for _ in range(150):
            trial = steps.ask()
            assert trial is not None
            name = str(trial.architecture)
            values.append(name.count("conv_3x3") + name.count("skip"))
            steps.tell(np.array([name.count("conv_3x3"), name.count("skip")], dtype=float))
        return float(np.mean(values[-50:]))

    assert good("nsga2") > good("random") + 0.5
    assert good("tpe") > good("random") + 0.5


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--objectives", "accuracy"], "give two different ones"),
        (["--objectives", "accuracy,accuracy"], "give two different ones"),
        (["--objectives", "accuracy,speed"], "speed"),
        (["--objectives", "accuracy,parameters", "--objective", "accuracy"], "by --objective"),
        (["--limit", "latency_cpu"], "give an objective and a number"),
        (["--limit", "latency_cpu=fast"], "give an objective and a number"),
        (["--limit", "latency_cpu=0.1"], "the best there is 1.004202 ms"),
        (["--limit", "latency_cpu=nan"], "nothing in"),
        (["--limit", "accuracy=101"], "nothing in"),
        (["--objectives", "accuracy,latency_cpu", "--strategy", "local-search"], "one objective"),
        (["--limit", "latency_cpu=1.5", "--strategy", "hyperband"], "without limits"),
        (["--objectives", "accuracy,latency_cpu", "--predictor", "lcsvr"], "labels alone"),
        (["--objectives", "accuracy,latency_cpu", "--predictor", "params"], "gp or another"),
    ],
)
def test_bad_input_is_told(tmp_path: Path, options: list[str], told: str) -> None:
    table = write_small_table(tmp_path)
    given_ = ["search", "--benchmark", str(table), "--results", str(tmp_path / "r"), *options]
    result = CliRunner().invoke(app, given_)
    assert isinstance(result.exception, InputError)
    assert told in str(result.exception)


def test_a_quantity_that_some_architectures_lack_is_refused() -> None:
    table = small_table(20)
    table.columns["latency_cpu"][:2] = np.nan
    with pytest.raises(InputError, match="of no single run of 1 architectures"):
        chosen_goal(table, None, ["accuracy", "latency_cpu"], None)


def test_the_command_and_the_front_door(tmp_path: Path) -> None:
    table = write_small_table(tmp_path)
    given_ = ["--objectives", "accuracy,latency_cpu", "--limit", "parameters=1100"]
    given_ += ["--strategy", "random,nsga2", "--repeats", "2", "--budget", "15"]
    where = ["--benchmark", str(table), "--results", str(tmp_path / "r")]
    page = tmp_path / "page.html"
    result = CliRunner().invoke(app, ["search", *where, *given_, "--report", str(page)])
    assert result.exit_code == 0, result.output
    assert "within parameters=1100" in result.stdout
    assert "of the hypervolume" in result.stdout
    assert "the best there is" in page.read_text()
    frame = search(
        str(table), "random,nsga2", objectives=["accuracy", "latency_cpu"],
        limits={"parameters": 1100}, repeats=2, budget=15, results=tmp_path / "r",
    )  # fmt: skip
    assert {*frame["objective"]} == {"accuracy, latency_cpu"}
    assert {*frame["limits"]} == {"parameters=1100"}
    assert frame["broken"].notna().all()


def test_nothing_peeks() -> None:
    """What a search trains does not change with truth, nor with what it has not trained."""
    table = small_table(40)
    other = small_table(40)
    other.columns["test_accuracy"][:] = other.columns["test_accuracy"][::-1].copy()
    planned: list[PlannedSearch] = SearchExperiment(
        table, ["nsga2", "evolution"], "bayes-lin-reg", 20, 1,
        objectives=["accuracy", "latency_cpu"],
    ).plan()[0]  # fmt: skip
    for each in planned:
        runs = table.starts[:-1]
        simulations = [Simulation(one, runs, each.job.goal, "valid") for one in (table, other)]
        if each.predictor is None:
            logs = [
                one.run_search(Search(each.strategy, one.pool, np.random.default_rng(1)), 20)
                for one in simulations
            ]
            for log in logs:
                log.predictor_seconds.clear()  # measured
            assert logs[0] == logs[1]


@pytest.mark.parametrize(
    ("asked", "last"),
    [
        ({"objectives": ("accuracy", "latency_cpu")}, "distance"),
        ({"limits": {"latency_cpu": 1.5}}, "broken"),
    ],
)
def test_the_measured_table_has_a_row_a_kind_of_search(
    asked: dict[str, Any], last: str, tmp_path: Path
) -> None:
    experiment = SearchExperiment(small_table(40), "evolution", "gp", 30, 2, **asked)
    every = SearchExperiment(small_table(40), "random", None, 40, 2, **asked)
    found, whole = (measure_searches(each.run(tmp_path)) for each in (experiment, every))
    head, _, *rows = of_searches(found, whole).splitlines()
    assert head.strip("| ").split(" | ")[-2] == last
    names = [row.split(" | ")[0].strip("| ") for row in rows]
    assert sorted(names[:-1]) == ["`evolution`", "`evolution` with `gp`", "`random`"]
    assert names[-1] == "all: what noise allows"


def test_limits_that_nothing_keeps_together_are_refused() -> None:
    table = small_table(20, runs=1)
    table.columns["latency_cpu"] = np.linspace(1.0, 2.0, 20)
    table.columns["parameters"] = np.linspace(2_000, 1_000, 20)
    limits = {"latency_cpu": 1.2, "parameters": 1_200.0}
    with pytest.raises(InputError, match="keeps all of these; loosen one"):
        chosen_goal(table, None, None, limits)
    assert chosen_goal(table, None, None, {**limits, "latency_cpu": 2.0}).limits


def test_the_best_that_a_refusal_names_is_kept_by_something() -> None:
    table = small_table(20, runs=1)
    table.columns["latency_cpu"] = np.linspace(1.00012345, 2.0, 20)
    with pytest.raises(InputError, match=r"the best there is 1\.0001235 ms"):
        chosen_goal(table, None, None, {"latency_cpu": 0.5})
    assert chosen_goal(table, None, None, {"latency_cpu": 1.0001235}).limits


def test_where_the_judging_runs_keep_no_limit_a_search_says_so() -> None:
    found = records(TABLE, "random", limits={"parameters": 1_100.0})[0]
    lost = found.model_copy(update={"front": [], "values": [], "others": [], "error": "none"})
    rows = measure_searches([lost, found])
    assert rows["error"].notna().sum() == 1
    job = found.job.model_copy(update={"limits": (Limit(PARAMETERS, 1.0),)})
    record = run_search_job(PlannedSearch(job, to_strategy("random"), None), TABLE)
    assert record.error is not None
    assert "nothing keeps the limits" in record.error


def test_what_is_a_little_worse_than_all_that_was_trained_still_adds_to_a_front() -> None:
    told = np.array([[0.0, 10.0], [10.0, 0.0]])
    found = prospect(FAST, told, told, [True, True])
    candidates = np.array([[[-0.5, 30.0], [-5.0, 90.0], [1.0, 1.0]]])
    rng = np.random.default_rng(0)
    assert found.choose(candidates, 1, "hypervolume", rng) == [0]


def test_a_table_is_no_judge_of_itself() -> None:
    goal = Goal(FAST.objectives)
    with pytest.raises(InputError, match="is no judge of itself"):
        Judge(TABLE, small_table(), goal)


def test_robust_accuracy_is_that_of_the_stronger_attack() -> None:
    table = small_table()
    table.columns["pgd_accuracy"] = table.columns["test_accuracy"] / 2
    assert table.objective("robust_accuracy") == table.objective("pgd_accuracy")
    with pytest.raises(InputError, match="no objective 'robust_accuracy'"):
        TABLE.objective("robust_accuracy")


def test_names_may_have_blanks_and_a_limit_one_value(tmp_path: Path) -> None:
    path = write_small_table(tmp_path)
    command = f"search --benchmark {path} --budget 3 --repeats 1 --results {tmp_path}"
    found = CliRunner().invoke(app, [*command.split(), "--objectives", "accuracy, latency_cpu"])
    assert found.exit_code == 0, found.output
    twice = CliRunner().invoke(app, [*command.split(), "--limit", "parameters=1,parameters=2"])
    assert isinstance(twice.exception, InputError)
    assert "'parameters' has two" in str(twice.exception)


def test_expected_gains_are_compared_by_the_same_draws() -> None:
    mean, std = np.zeros((3, 2)), np.ones((3, 2))
    rng = np.random.default_rng(0)
    expected = drawn("ei", mean, std, 1.0, rng)
    np.testing.assert_array_equal(expected[:, 0], expected[:, 2])
    [thompson] = drawn("its", mean, std, 1.0, rng)
    assert len({*thompson.ravel().tolist()}) == 6, "independent"


def test_a_predictor_that_has_nothing_on_what_is_counted_may_guide() -> None:
    table = open_table("nasbench201-mini")
    experiment = SearchExperiment(
        table, "evolution", "transfer(gp)", 20, 1, objectives=["accuracy", "flops"]
    )
    assert "transfer(gp)" in {planned.job.predictor for planned in experiment.plan()[0]}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--seconds 90", "1.5 min of training, median of 2"),
        ("--budget 3 --seconds 90", "3 evaluations and 1.5 min of training"),
    ],
)
def test_budgets_of_seconds_are_told(options: str, said: str, tmp_path: Path) -> None:
    path = write_small_table(tmp_path)
    command = f"search --benchmark {path} --repeats 2 --results {tmp_path} --strategy random"
    page = tmp_path / "page.html"
    found = CliRunner().invoke(app, [*command.split(), *options.split(), "--report", str(page)])
    assert found.exit_code == 0, found.output
    assert said in " ".join(found.output.split())
    assert page.exists()
