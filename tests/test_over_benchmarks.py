"""Mean ranks, comparisons won and critical differences, by hand."""

from __future__ import annotations

import logging
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import archcast
from archcast.core.errors import InputError
from archcast.studies.over_benchmarks import critical_difference, over_benchmarks


def board(taus: dict[str, float]) -> pd.DataFrame:
    rows = [
        {"predictor": name, "family": "some", "train_size": 10, "kendall_tau": tau,
         "regret_at_10": 1 - tau}
        for name, tau in taus.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


BOARDS = {
    "a": board({"one": 0.9, "two": 0.8, "three": 0.1}),
    "b": board({"one": 0.5, "two": 0.5, "three": 0.7}),
    "c": board({"three": 0.2, "one": 0.6, "two": 0.4}),
}


def test_ranks_by_hand() -> None:
    found = over_benchmarks(BOARDS).set_index("predictor")
    assert found.index.tolist() == ["one", "two", "three"]
    np.testing.assert_allclose(found["mean_rank"], [4.5 / 3, 6.5 / 3, 7 / 3])
    assert found["first"].tolist() == [2, 0, 1]
    assert found["b"].tolist() == [0.5, 0.5, 0.7]
    turned = over_benchmarks(BOARDS, "regret-at-10").set_index("predictor")
    pd.testing.assert_series_equal(turned["mean_rank"], found["mean_rank"])


def test_comparisons_are_counted() -> None:
    rng = np.random.default_rng(0)
    names = [f"p{i}" for i in range(7)]
    boards = {
        f"b{i}": board(dict(zip(names, rng.integers(0, 5, 7) / 5.0, strict=True))) for i in range(4)
    }
    found = over_benchmarks(boards).set_index("predictor")["won"]
    wins = dict.fromkeys(names, 0.0)
    for each in boards.values():
        taus = each.set_index("predictor")["kendall_tau"]
        for one, other in combinations(names, 2):
            half = 0.5 if taus[one] == taus[other] else float(taus[one] > taus[other])
            wins[one] += half
            wins[other] += 1 - half
    for name in names:
        assert found[name] == pytest.approx(wins[name] / (4 * 6))


@pytest.mark.parametrize(("predictors", "quantile"), [(2, 1.960), (4, 2.569), (10, 3.164)])
def test_critical_differences_as_published(predictors: int, quantile: float) -> None:
    """Those of Demsar, 2006, table 5a."""
    expected = quantile * np.sqrt(predictors * (predictors + 1) / (6 * 14))
    assert critical_difference(predictors, 14) == pytest.approx(expected, rel=1e-3)


def test_chance_is_within_the_critical_difference() -> None:
    """Of random boards, at most one in twenty has any two mean ranks further apart."""
    rng = np.random.default_rng(0)
    limit, apart = critical_difference(6, 12), 0
    for _ in range(400):
        ranks = rng.permuted(np.tile(np.arange(1.0, 7.0), (12, 1)), axis=1).mean(axis=0)
        apart += np.ptp(ranks) > limit
    assert apart / 400 < 0.08
    assert apart > 0


def test_what_is_not_on_all_boards_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    boards = {**BOARDS, "d": board({"one": 0.5, "two": np.nan, "three": 0.4})}
    with caplog.at_level(logging.WARNING, logger="archcast"):
        assert over_benchmarks(boards)["predictor"].tolist() == ["one", "three"]
    assert "left out: two" in caplog.text
    with pytest.raises(InputError, match="fewer than two predictors"):
        over_benchmarks({"a": board({"one": 1.0}), "b": board({"two": 1.0})})
    with pytest.raises(InputError, match="give several"):
        over_benchmarks({"a": BOARDS["a"]})


def test_from_python(tmp_path: Path) -> None:
    found = archcast.over_benchmarks(
        "nasbench201:cifar10,nasbench201:cifar100", ["params", "random"], repeats=2,
        results=tmp_path,
    )  # fmt: skip
    assert found["predictor"].tolist() == ["params", "random"]
    assert found["nasbench201:cifar10"][0] > found["nasbench201:cifar10"][1]


def test_what_compares_nothing_is_said_before_it_is_run(tmp_path: Path) -> None:
    asked = {"repeats": 2, "results": tmp_path}
    with pytest.raises(InputError, match="fewer than two predictors run on every benchmark"):
        archcast.over_benchmarks("nasbench201:cifar10,nasbench201:cifar100", "params", **asked)
    with pytest.raises(InputError, match="one benchmark compares nothing"):
        archcast.over_benchmarks("nasbench201-mini", "params,random", **asked)
    assert not list(tmp_path.iterdir())


def test_comparisons_are_at_one_number_of_epochs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="several benchmarks are compared at one number"):
        archcast.over_benchmarks(
            "nasbench201-mini,size-mini", ["sotl-e", "random"], epochs=(2, 4), results=tmp_path
        )
    with pytest.raises(InputError, match="variants are compared at one number"):
        archcast.combine(["xgb", "sotl-e"], epochs=(2, 4), results=tmp_path)
    with pytest.raises(InputError, match="fronts are compared at one number"):
        archcast.pareto(["accuracy", "latency_cpu"], "sotl-e", epochs=(2, 4), results=tmp_path)
    assert not list(tmp_path.iterdir())
