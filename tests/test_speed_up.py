"""What searches find at what cost, by hand and against slow loops."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from archcast.evaluation.statistics import median_interval
from archcast.report.text import rows_of
from archcast.search.search_job import SearchJob, SearchRecord
from archcast.studies.regrets import incumbent_regrets
from archcast.studies.speed_up import (
    Axis,
    Effort,
    agreement,
    clock,
    comparable_searches,
    default_target,
    effort,
    measure_searches,
    speed_up,
    summarise,
    trajectories,
)
from tests.results import searched

BEST = 90.0


def record(
    regrets: Sequence[float],
    evaluations: Sequence[float] | None = None,
    strategy: str = "random",
    predictor: str = "",
    seconds: float | None = 10.0,
    error: str | None = None,
    **job: Any,
) -> SearchRecord:
    """A search whose incumbent has these regrets: each trial is better than the one before.

    An evaluation takes `seconds`, and the predictor a second more for each trial.
    """
    facts = {"epochs": 0, "budget": 100, "label": "valid", "truth": "test", "repeat": 0, **job}
    n = len(regrets)
    paid = list(map(float, range(1, n + 1) if evaluations is None else evaluations))
    seconds_of_predictor = [float(i) if predictor else 0.0 for i in range(1, n + 1)]
    return SearchRecord(
        job=SearchJob(**searched(predictor, strategy), **facts),
        table="t",
        best=BEST,
        architectures=list(range(n)),
        epochs=[12] * n,
        values=[float(i) for i in range(n)],
        truth=[BEST - regret for regret in regrets],
        evaluations=paid,
        training_seconds=[] if seconds is None else [seconds * each for each in paid],
        predictor_seconds=seconds_of_predictor,
        total_evaluations=max(paid, default=0.0),
        total_training_seconds=(seconds or 0.0) * max(paid, default=0.0),
        total_predictor_seconds=max(seconds_of_predictor, default=0.0),
        error=error,
    )


def random_record(seed: int) -> SearchRecord:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 30))
    found = record(rng.uniform(0, 20, n), np.cumsum(rng.uniform(0.1, 1.0, n)), repeat=seed)
    return found.model_copy(
        update={
            "epochs": rng.choice([3, 6, 12], n).tolist(),
            "values": rng.integers(50, 60, n).astype(float).tolist(),
        }
    )


# Incumbents and costs


def test_incumbents_were_trained_the_longest() -> None:
    one = record([9.0, 8.0, 4.0, 6.0, 2.0, 1.0]).model_copy(
        update={
            "epochs": [3, 3, 12, 12, 3, 12],
            "values": [50.0, 55.0, 40.0, 60.0, 99.0, 59.0],
        }
    )
    # 60 % beats 40 % in validation and is worse in truth; 99 % is of three epochs only.
    assert incumbent_regrets(one).tolist() == [9.0, 8.0, 4.0, 6.0, 6.0, 6.0]


def test_incumbents_by_slow_loop() -> None:
    for seed in range(20):
        one = random_record(seed)
        keys = list(zip(one.epochs, one.values, strict=True))
        for end, regret in enumerate(incumbent_regrets(one), start=1):
            chosen = keys.index(max(keys[:end]))
            assert regret == pytest.approx(BEST - one.truth[chosen])


def test_costs() -> None:
    searches = measure_searches(
        [record([5.0, 4.0], [0.5, 2.0], predictor="rf"), record([5.0], seconds=None, repeat=1)]
    )
    assert [cost.tolist() for cost in searches["evaluations"]] == [[0.5, 2.0], [1.0]]
    assert searches["seconds"][0].tolist() == [6.0, 22.0]
    assert searches["seconds"][1] is None
    assert searches["total_seconds"][0] == 22.0
    assert np.isnan(searches["total_seconds"][1])


# Expected running time


def test_effort_by_hand() -> None:
    runs = [record([9, 4, 1]), record([9, 9, 9, 9, 9]), record([9, 9, 4], [1, 1.5, 2.5])]
    found = effort(measure_searches(runs), 4.0, "evaluations")
    assert found is not None
    assert found.spent.tolist() == [2.0, 5.0, 2.5]
    assert found.reached.tolist() == [1.0, 0.0, 1.0]
    assert found.expected() == pytest.approx((2 + 5 + 2.5) / 2)
    searches = measure_searches(runs)
    assert effort(searches, 0.5, "evaluations").expected() == pytest.approx(3 + 5 + 2.5)
    assert effort(searches, 4.0, "seconds").spent.tolist() == [20.0, 50.0, 25.0]
    timeless = measure_searches([*runs, record([1.0], seconds=None)])
    assert effort(timeless, 4.0, "seconds") is None
    assert effort(measure_searches([]), 4.0, "evaluations") is None


def test_who_leaves_the_target_again_has_not_reached_it() -> None:
    searches = measure_searches([record([9, 4, 9, 3]), record([4, 9, 9])])
    np.testing.assert_array_equal(searches["regrets"][0], [9, 4, 9, 3])
    found = effort(searches, 4.0, "evaluations")
    assert found is not None
    assert found.spent.tolist() == [4.0, 3.0]
    assert found.reached.tolist() == [1.0, 0.0]


def test_a_target_that_is_met_to_rounding_is_met() -> None:
    one = record([0.7])
    assert incumbent_regrets(one)[0] > 0.7
    assert effort(measure_searches([one]), 0.7, "evaluations").reached.tolist() == [1.0]


def test_expected_running_time_is_that_of_restarts() -> None:
    """Restart one of the runs at random until one gets there, and count all that was spent."""
    one = Effort(np.array([2.0, 5.0, 7.0, 3.0, 5.0]), np.array([1.0, 0.0, 1.0, 1.0, 0.0]))
    rng = np.random.default_rng(0)
    totals = []
    for _ in range(5_000):
        total, there = 0.0, False
        while not there:
            at = rng.integers(5)
            total, there = total + one.spent[at], bool(one.reached[at])
        totals.append(total)
    assert one.expected() == pytest.approx(np.mean(totals), rel=0.03)


@pytest.mark.parametrize(
    ("baseline", "this", "sign", "value", "bounded"),
    [
        ([1, 1], [1, 1], "=", 4.0, (True, True)),
        ([0, 1], [1, 1], "=", 8.0, (True, True)),
        ([0, 0], [1, 1], ">", 8.0, (True, False)),
        ([1, 1], [0, 0], "<", 2.0, (False, True)),
        ([0, 0], [0, 0], "?", 4.0, (False, False)),
    ],
)
def test_speed_up_says_when_it_is_a_bound(
    baseline: list[int], this: list[int], sign: str, value: float, bounded: tuple[bool, bool]
) -> None:
    found = speed_up(
        Effort(np.array([8.0, 8.0]), np.array(baseline, dtype=float)),
        Effort(np.array([2.0, 2.0]), np.array(this, dtype=float)),
    )
    assert found["sign"] == sign
    assert found["value"] == value
    assert (not np.isnan(found["low"]), not np.isnan(found["high"])) == bounded
    assert is_within(value, found)


def test_a_single_run_bounds_nothing() -> None:
    one = Effort(np.array([8.0]), np.array([1.0]))
    found = speed_up(one, one)
    assert found["value"] == 1.0
    assert np.isnan([found["low"], found["high"]]).all()


def is_within(value: float, found: dict[str, Any]) -> bool:
    return not (value < found["low"] or value > found["high"])


@pytest.mark.parametrize("runs", [3, 10, 100])
@pytest.mark.parametrize("cut", [5.0, 15.0])
def test_speed_up_and_its_interval_hold_the_truth(runs: int, cut: float) -> None:
    """Exponential running times that are cut: by memorylessness, expectations stay."""
    rng = np.random.default_rng(0)

    def drawn(mean: float, n: int) -> Effort:
        times = rng.exponential(mean, n)
        return Effort(np.minimum(times, cut), (times < cut).astype(float))

    assert speed_up(drawn(10.0, 4_000), drawn(2.0, 4_000))["value"] == pytest.approx(5.0, rel=0.1)
    found = [speed_up(drawn(10.0, runs), drawn(2.0, runs)) for _ in range(100)]
    covered = [is_within(5.0, each) for each in found]
    assert np.mean(covered) >= 0.93
    if runs == 100:
        wide = [each["high"] / each["low"] for each in found]
        assert np.median(wide) < 4.0, "or it would say nothing"


# Rows


def search_rows(records: Sequence[SearchRecord], target: float) -> list[dict[str, Any]]:
    return rows_of(summarise(measure_searches(records), target))


def searches(strategy: str, ends: Sequence[float], **options: Any) -> list[SearchRecord]:
    """Runs of two trials, the second of which has a regret of `ends`."""
    return [
        record([9.0, end], strategy=strategy, repeat=repeat, **options)
        for repeat, end in enumerate(ends)
    ]


def by_name(rows: Sequence[dict[str, Any]]) -> dict[tuple[str, str | None], dict[str, Any]]:
    return {(row["strategy"], row["predictor"]): row for row in rows}


def test_rows_by_hand() -> None:
    records = [
        *searches("random", [3.0, 1.0, 5.0]),
        *searches("evolution", [3.0, 3.0, 4.0], evaluations=[1.0, 1.5]),
        *searches("evolution", [2.0, 3.0, 9.0], evaluations=[0.25, 0.5], predictor="rf"),
    ]
    assert default_target(measure_searches(records)) == 3.0
    rows = search_rows(records, 3.0)
    named = by_name(rows)
    guided, evolution = named["evolution", "rf"], named["evolution", None]
    random = named["random", None]
    assert rows.index(guided) < rows.index(evolution)
    assert random["regret"] == 3.0
    assert random["value"] == BEST - 3.0
    assert guided["value_mean"] == pytest.approx(BEST - 14 / 3)
    assert (guided["family"], random["family"]) == ("model-based", None)
    # Each got there in two of three runs, of two trials each.
    for row, evaluations, seconds in (
        (random, 2.0, 20.0),
        (evolution, 1.5, 15.0),
        (guided, 0.5, 7.0),
    ):
        assert row["reached"] == pytest.approx(2 / 3)
        assert row["evaluations_to_target"] == pytest.approx(3 * evaluations / 2)
        assert row["seconds_to_target"] == pytest.approx(3 * seconds / 2)
        assert row["seconds"] == pytest.approx(seconds)
    assert guided["predictor_seconds"] == 2.0
    assert guided["speed_up_evaluations"] == pytest.approx(4.0)
    assert guided["speed_up_seconds"] == pytest.approx(20 / 7)
    assert guided["over_unguided_evaluations"] == pytest.approx(3.0)
    assert guided["over_unguided_seconds"] == pytest.approx(15 / 7)
    assert evolution["speed_up_seconds"] == pytest.approx(4 / 3)
    assert evolution["over_unguided_seconds"] is evolution["over_unguided_seconds_sign"] is None
    assert random["speed_up_seconds"] is None


def test_what_a_strategy_without_unguided_form_is_held_against() -> None:
    records = [
        *searches("random", [1.0] * 2),
        *searches("evolution", [1.0] * 2, evaluations=[1.0, 1.6]),
        *searches("evolution(batch=3)", [1.0] * 2, evaluations=[1.0, 1.2]),
        *searches(
            "evolution(batch=3)",
            [1.0] * 2,
            evaluations=[0.1, 0.2],
            predictor="rf",
        ),
        *searches("bayesian", [1.0] * 2, evaluations=[0.1, 0.4], predictor="gp"),
        *searches("proxy-then-evaluate", [1.0] * 2, evaluations=[0.1, 0.4], predictor="params"),
    ]
    rows = by_name(search_rows(records, 1.0))
    found = {key: row["over_unguided_evaluations"] for key, row in rows.items() if key[1]}
    assert found == pytest.approx(
        {
            ("evolution(batch=3)", "rf"): 1.2 / 0.2,
            ("bayesian", "gp"): 2.0 / 0.4,
            ("proxy-then-evaluate", "params"): 1.6 / 0.4,
        }
    )


def test_failures_are_counted_and_left_out() -> None:
    records = [
        *searches("random", [3.0, 1.0]),
        *searches("evolution", [2.0], predictor="rf"),
        record([], strategy="evolution", predictor="rf", repeat=1, error="no luck"),
        record([], strategy="evolution", predictor="gp", error="no luck"),
    ]
    rows = by_name(search_rows(records, 2.0))
    some, none = rows["evolution", "rf"], rows["evolution", "gp"]
    assert (some["repeats"], some["failed"], some["regret"]) == (2, 1, 2.0)
    assert (none["repeats"], none["failed"]) == (1, 1)
    for column in ("regret", "reached", "seconds", "speed_up_seconds", "seconds_to_target"):
        assert none[column] is None
    found = trajectories(measure_searches(records), "seconds")
    assert found["strategy"].unique().tolist() == ["random", "evolution"]
    assert default_target(measure_searches(records[2:])) is None


def test_without_seconds_speed_ups_count_evaluations() -> None:
    records = [
        *searches("random", [1.0] * 2, seconds=None),
        *searches("local-search", [1.0] * 2, seconds=None, evaluations=[0.5, 0.8]),
        *searches("evolution", [1.0] * 2, seconds=None, evaluations=[0.5, 1.0]),
    ]
    rows = search_rows(records, 1.0)
    assert clock(summarise(measure_searches(records), 1.0)) == "evaluations"
    found = {row["strategy"]: row["speed_up_evaluations"] for row in rows}
    assert found == {"random": None, "local-search": 2.5, "evolution": 2.0}
    assert list(found).index("local-search") < list(found).index("evolution")
    for row in rows:
        assert row["seconds"] is row["speed_up_seconds"] is row["seconds_to_target"] is None
        assert row["reached"] == 1.0
    assert trajectories(measure_searches(records), "seconds").empty
    timed = measure_searches(searches("random", [1.0]))
    assert clock(summarise(timed, 1.0)) == "seconds"


def test_the_most_searches_that_compare() -> None:
    many = [record([1.0], seed=1, repeat=repeat) for repeat in range(3)]
    others = [
        record([1.0], **change)
        for change in ({}, {"seed": 1, "budget": 50}, {"seed": 1, "label": "test"})
    ]
    mixed = [others[0], many[0], others[1], *many[1:], others[2]]
    assert comparable_searches(mixed) == many
    assert comparable_searches([]) == []


# Trajectories


def test_trajectory_by_hand() -> None:
    runs = [
        record([8.0, 4.0], [1.0, 3.0]),
        record([9.0, 5.0, 1.0], [2.0, 4.0, 6.0], repeat=1),
        record([7.0, 3.0], [1.0, 9.0], repeat=2),
    ]
    found = trajectories(measure_searches(runs), "evaluations")
    costs = found["cost"].to_numpy()
    assert (costs[0], costs[-1]) == (2.0, 6.0), "all have begun; the median run ends"
    steps = {2.0: 8.0, 2.9: 8.0, 3.1: 7.0, 4.1: 5.0, 5.9: 5.0, 6.0: 4.0}
    for cost, regret in steps.items():
        assert found["regret"][np.argmin(np.abs(costs - cost))] == regret
    assert found[["low", "high"]].isna().all(axis=None), "three runs have no interval"


@pytest.mark.parametrize("axis", ["evaluations", "seconds"])
def test_trajectories_by_slow_loop(axis: Axis) -> None:
    runs = [random_record(seed) for seed in range(9)]
    measured = measure_searches(runs)
    found = trajectories(measured, axis)[["cost", "regret", "low", "high"]]
    for cost, regret, low, high in found.itertuples(index=False):
        then = []
        for run, spent in zip(runs, measured[axis], strict=True):
            done = [
                r for c, r in zip(spent, incumbent_regrets(run), strict=True) if c <= cost + 1e-9
            ]
            then.append(done[-1])
        assert regret == pytest.approx(np.median(then))
        assert (low, high) == (sorted(then)[1], sorted(then)[-2])


def test_trajectories_end_best_first() -> None:
    records = [*searches("random", [3.0] * 3), *searches("evolution", [1.0] * 3)]
    ends = trajectories(measure_searches(records), "seconds").groupby("strategy", sort=False)
    assert ends["regret"].last().to_dict() == {"evolution": 1.0, "random": 3.0}
    assert list(ends.groups) == ["evolution", "random"]


# Agreement with the leaderboard


def ranked(predictor: str, size: int, tau: float | None, epochs: int = 0) -> dict[str, Any]:
    return {"predictor": predictor, "train_size": size, "kendall_tau": tau, "epochs": epochs}


def test_agreement_by_hand() -> None:
    spent = {"rf": 0.5, "gp": 1.0, "xgb": 0.25, "params": 0.8}
    records = searches("random", [1.0] * 3)
    for name, evaluations in spent.items():
        records += searches("evolution", [1.0] * 3, evaluations=[0.1, evaluations], predictor=name)
    records += searches(
        "evolution", [1.0] * 3, evaluations=[0.1, 0.2], predictor="sotl-e", epochs=4
    )
    rows = summarise(measure_searches(records), 1.0)
    ranks = [
        ranked("rf", 10, 0.1), ranked("rf", 100, 0.5), ranked("rf", 200, 0.99),
        ranked("gp", 100, 0.7), ranked("gp", 80, 0.2),
        ranked("xgb", 100, 0.6), ranked("params", 0, 0.3),
        ranked("sotl-e", 0, 0.8, epochs=2), ranked("mlp", 100, 0.9),
    ]  # fmt: skip
    board = pd.DataFrame(ranks)
    found = agreement(rows, board)
    assert found is not None
    assert found["predictors"] == 4
    # By tau: params, rf, xgb, gp; by speed-up: gp, params, rf, xgb.
    assert found["kendall_tau"] == pytest.approx((3 - 3) / 6)
    assert found["spearman"] == pytest.approx(1 - 6 * (1 + 1 + 1 + 9) / (4 * 15))
    assert agreement(rows, board[:4]) is None, "of two predictors only"
    with_epochs = agreement(rows, pd.DataFrame([*ranks, ranked("sotl-e", 0, 0.8, epochs=4)]))
    assert with_epochs is not None
    assert with_epochs["predictors"] == 5


# Intervals of medians


@pytest.mark.parametrize("n", [*range(6, 40), 100])
def test_median_interval_is_the_narrowest_of_95_percent(n: int) -> None:
    """The k-th and the k-th last value hold the median unless fewer than k fall on a side."""

    def coverage(k: float) -> float:
        return 1 - 2 * sum(math.comb(n, below) for below in range(int(k))) / 2**n

    low, high = median_interval([float(i) for i in range(n, 0, -1)])
    assert high == n + 1 - low
    assert coverage(low) >= 0.95 > coverage(low + 1)


def test_median_interval_of_too_few() -> None:
    for n in range(6):
        assert np.isnan(median_interval([1.0] * n)).all()


def test_median_interval_has_its_coverage() -> None:
    rng = np.random.default_rng(0)
    draws = rng.lognormal(0.0, 2.0, (2_000, 12))
    found = [median_interval(list(each)) for each in draws]
    covered = np.mean([low <= 1.0 <= high for low, high in found])
    assert covered == pytest.approx(1 - 2 * (1 + 12 + 66) / 2**12, abs=0.012)


def test_where_all_searches_stop_trainings_random_search_that_does_is_the_baseline() -> None:
    stopping = {"stop": "lcsvr", "threshold": 0.05}
    records = [
        each.model_copy(update={"job": each.job.model_copy(update=stopping)})
        for each in (
            *searches("random", [3.0, 1.0, 5.0]),
            *searches("evolution", [3.0, 3.0, 4.0], evaluations=[1.0, 1.5], predictor="rf"),
            *searches("evolution", [3.0, 3.0, 4.0], evaluations=[1.0, 3.0]),
        )
    ]
    assert default_target(measure_searches(records)) == 3.0
    guided = by_name(search_rows(records, 3.0))["evolution", "rf"]
    assert guided["speed_up_evaluations"] == pytest.approx(2.0 / 1.5)
    assert guided["over_unguided_evaluations"] == pytest.approx(3.0 / 1.5)


def test_live_regrets_are_from_the_best_that_was_returned() -> None:
    """Whose table has another best for each, as another run is left out."""
    one, two = (
        record([best - truth], repeat=at) for at, (best, truth) in enumerate([(80, 85), (82, 83)])
    )
    live = [
        each.model_copy(
            update={
                "best": best, "truth": [truth],
                "job": each.job.model_copy(update={"live": True}),
            }
        )
        for each, best, truth in ((one, 80.0, 85.0), (two, 82.0, 83.0))
    ]  # fmt: skip
    found = measure_searches(live)
    assert [regrets.tolist() for regrets in found["regrets"]] == [[0.0], [2.0]]
    assert found["best"].tolist() == [85.0, 85.0]
