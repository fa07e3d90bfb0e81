"""Predicted Pareto fronts, by brute force."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import archcast
from archcast.core.errors import InputError
from archcast.evaluation.metrics import Matrix
from archcast.evaluation.pareto_front import front_quality, on_front
from archcast.predictors import Column
from tests.results import small_table


def dominated(values: Matrix) -> list[bool]:
    return [any((o >= v).all() and (o > v).any() for o in values) for v in values]


def volume(points: Matrix) -> int:
    """Unit cells between the origin and points of whole numbers."""
    most = int(points.max())
    cells = np.indices([most] * points.shape[1]).reshape(points.shape[1], -1).T
    return int((points[:, None] > cells).all(axis=2).any(axis=0).sum())


@pytest.mark.parametrize("objectives", [2, 3])
@pytest.mark.parametrize("seed", range(5))
def test_quality_by_counting(objectives: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 9, (25, objectives)).astype(float)
    truth[0], truth[1] = 0.0, 8.0 * (np.arange(objectives) == 0)
    truth[2:4] = truth[2]  # twins
    predicted = truth + rng.normal(0.0, 3.0, truth.shape)
    best, chosen = ~np.array(dominated(truth)), ~np.array(dominated(predicted))
    np.testing.assert_array_equal(on_front(truth), best)
    found = front_quality(truth, predicted)
    assert found.chosen == chosen.sum()
    assert found.recall == pytest.approx((best & chosen).sum() / best.sum())
    counted = truth - truth.min(axis=0)
    lost = 1.0 - volume(counted[chosen]) / volume(counted)
    assert found.hypervolume_regret == pytest.approx(lost)
    scaled = front_quality(truth * 10.0 ** np.arange(objectives) - 5.0, np.exp(predicted))
    assert scaled == pytest.approx(found), "units, and scales of predictions, make no difference"


def test_the_best_and_the_worst() -> None:
    truth = np.array([[3.0, 0.0], [2.0, 2.0], [0.0, 3.0], [1.0, 1.0]])
    assert front_quality(truth, truth) == (0.0, 1.0, 3)
    same = np.ones((4, 2))
    assert front_quality(same, truth).hypervolume_regret == 0.0
    assert front_quality(truth, same) == (0.0, 1.0, 4)


def test_fronts_of_a_table(tmp_path: Path) -> None:
    table = small_table(runs=1)
    given = {
        "accuracy": ["bayes-lin-reg", "random"],
        "latency_cpu": Column("parameters", direction="min"),  # which have the order of latencies
    }
    sizes = {"train_size": 30, "test_size": 20, "repeats": 2, "results": tmp_path}
    board = archcast.pareto(["accuracy", "latency_cpu"], given, table, **sizes)
    assert board["accuracy"].tolist() == ["bayes-lin-reg", "random"]
    assert {*board["latency_cpu"]} == {"column(parameters, direction=min)"}
    assert board["train_size"].tolist() == [30, 0]
    assert (board["hypervolume_regret"].diff()[1:] > 0).all()
    assert board["failed"].sum() == 0
    assert board["recall"].between(0.0, 1.0).all()
    assert board["init_seconds"][0] > 30 * 12.0, "labels of accuracy are trained for"


@pytest.mark.parametrize("objectives", [["accuracy"], ["accuracy", "accuracy"], "accuracy"])
def test_a_front_needs_two_objectives(objectives: list[str]) -> None:
    with pytest.raises(InputError, match="two different objectives or more"):
        archcast.pareto(objectives, "additive", small_table())


def test_predictors_are_given_for_each_objective() -> None:
    with pytest.raises(InputError, match="give some for each of accuracy, latency_cpu"):
        archcast.pareto(["accuracy", "latency_cpu"], {"accuracy": "additive"}, small_table())


def test_trainings_that_objectives_share_are_paid_for_once(tmp_path: Path) -> None:
    table = small_table(40)
    table.columns["pgd_accuracy"] = table.columns["test_accuracy"] / 2
    sizes = {"train_size": 20, "test_size": 10, "repeats": 1, "results": tmp_path}
    both = archcast.pareto(["accuracy", "pgd_accuracy"], "bayes-lin-reg", table, **sizes)
    alone = archcast.leaderboard(
        table, "bayes-lin-reg", train_sizes=(20,), test_size=10, repeats=1, results=tmp_path
    )
    assert both["init_seconds"][0] == pytest.approx(alone["init_seconds"][0], abs=5.0)
