from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from archcast.evaluation import metrics as metrics_module
from archcast.evaluation import registry as metrics
from archcast.evaluation.metrics import (
    kendall_tau,
    pairs,
    precision_at_10,
    regret_at_10,
    sparse_kendall_tau,
    spearman,
    top_decile_spearman,
)

values = st.lists(st.integers(0, 30), min_size=3, max_size=25)


@given(values, st.randoms(use_true_random=False))
def test_kendall_tau_by_counting_pairs(truth: list[int], random: np.random.Generator) -> None:
    predicted = [random.randint(0, 10) for _ in truth]  # type: ignore[attr-defined]
    pairs = list(combinations(range(len(truth)), 2))
    signs = [(np.sign(truth[i] - truth[j]), np.sign(predicted[i] - predicted[j])) for i, j in pairs]
    untied = [sum(sign[k] != 0 for sign in signs) for k in (0, 1)]
    agreement = sum(a * b for a, b in signs)
    expected = agreement / (untied[0] * untied[1]) ** 0.5 if all(untied) else 0.0
    assert kendall_tau(truth, predicted) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("n", [3, 40, 3_000])
@pytest.mark.parametrize("digits", [0, 1, 8])
def test_kendall_tau_agrees_with_scipy(n: int, digits: int) -> None:
    """Three thousand are more than are compared at once."""
    truth, predicted = np.random.default_rng(n).normal(size=(2, n)).round(digits)
    expected = stats.kendalltau(truth, predicted).statistic
    assert kendall_tau(truth, predicted) == pytest.approx(np.nan_to_num(expected), abs=1e-12)


@pytest.mark.parametrize("n", [2, 63, 64, 65, 300])
@pytest.mark.parametrize("compared", [1, 10_000, 2**21])
def test_pairs_of_many_predictions_by_comparing_all(
    n: int, compared: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With and without ties; in parts of rows, in parts of one, and at once."""
    monkeypatch.setattr(metrics_module, "_PART", compared)
    rng = np.random.default_rng(n)
    untied, tied = rng.normal(size=(3, n)), rng.integers(0, 9, size=(4, n)).astype(float)
    for truth in (untied[0], tied[0]):
        predicted = np.concatenate([untied[1:], tied[1:], untied[:1]])
        for rows in (predicted, predicted[:2]):
            signs = np.sign(rows[:, :, None] - rows[:, None])
            of_truth = np.sign(truth[:, None] - truth)
            agreement, ties, ties_predicted = pairs(truth, rows)
            assert (agreement == (signs * of_truth).sum(axis=2)).all()
            assert (ties == (of_truth == 0).sum(axis=1) - 1).all()
            assert (ties_predicted == (signs == 0).sum(axis=2) - 1).all()


@given(values)
def test_spearman_agrees_with_scipy(truth: list[int]) -> None:
    predicted = [(7 * value) % 11 for value in truth]
    if len(set(truth)) > 1 and len(set(predicted)) > 1:
        expected = stats.spearmanr(truth, predicted).statistic
        assert spearman(truth, predicted) == pytest.approx(expected)


@pytest.mark.parametrize("name", list(metrics))
def test_perfect_and_constant_predictions(name: str) -> None:
    truth = np.random.default_rng(0).permutation(np.linspace(60.0, 90.0, 40))
    best = 0.0 if metrics.get(name).direction == "min" else 1.0
    assert metrics.get(name)(truth, truth) == pytest.approx(best)
    assert np.isfinite(metrics.get(name)(truth, np.ones(40)))
    assert np.isfinite(metrics.get(name)(np.ones(40), truth))


@pytest.mark.parametrize("name", list(metrics))
@pytest.mark.parametrize("digits", [0, 1, 8])
def test_many_predictions_of_a_truth_at_once(name: str, digits: int) -> None:
    rng = np.random.default_rng(digits)
    truth, predicted = rng.normal(size=70).round(digits), rng.normal(size=(5, 70)).round(digits)
    predicted[3] = 1.0
    alone = [metrics.get(name)(truth, row) for row in predicted]
    np.testing.assert_allclose(metrics.get(name).of_all(truth, predicted), alone, atol=1e-12)


def test_sparse_tau_does_not_rank_noise() -> None:
    truth = [70.00, 70.04, 80.0, 90.0]
    assert kendall_tau(truth, [2, 1, 3, 4]) < 1.0
    assert sparse_kendall_tau(truth, [2, 1, 3, 4]) == sparse_kendall_tau(truth, [1, 2, 3, 4])


def test_metrics_of_the_top_by_hand() -> None:
    truth = np.arange(100.0)
    predicted = truth.copy()
    predicted[-10:] = predicted[-10:][::-1]  # the top decile in reverse
    assert top_decile_spearman(truth, predicted) == pytest.approx(-1.0)
    assert precision_at_10(truth, predicted) == 1.0
    assert regret_at_10(truth, predicted) == 0.0
    predicted[-5:] = -1.0  # the five best are missed
    assert precision_at_10(truth, predicted) == 0.5
    assert regret_at_10(truth, predicted) == 5.0


def test_ties_at_the_edge_do_not_count_against_a_perfect_predictor() -> None:
    saturated = np.minimum(np.arange(200.0), 170.0)  # thirty share the best accuracy
    order = np.random.default_rng(0).permutation(200)
    truth = saturated[order]
    assert precision_at_10(truth, truth) == 1.0
    assert precision_at_10(truth, np.arange(200.0)[order]) == 1.0
    assert regret_at_10(truth, truth) == 0.0
    edge = np.maximum(np.arange(200.0), 185.0)  # fifteen tie, the last of the ten among them
    assert precision_at_10(edge, np.arange(200.0)) == 1.0
    decile = np.array([*np.arange(70.0), *np.full(25, 80.0), *np.arange(90.0, 95.0)])
    assert top_decile_spearman(decile, decile) == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["precision-at-10", "regret-at-10", "top-decile-spearman"])
def test_metrics_of_the_top_do_not_depend_on_the_order(name: str) -> None:
    rng = np.random.default_rng(1)
    truth, predicted = rng.integers(0, 20, 60).astype(float), rng.integers(0, 6, 60)
    values = []
    for _ in range(5):
        order = rng.permutation(60)
        values.append(metrics.get(name)(truth[order], predicted[order]))
    np.testing.assert_allclose(values, values[0])


@given(st.lists(st.integers(0, 5), min_size=12, max_size=16), st.randoms(use_true_random=False))
def test_ties_in_predictions_by_all_choices(
    predicted: list[int], random: np.random.Generator
) -> None:
    """The mean over all ways to fill the ten from those that tie at the edge."""
    truth = np.array([random.randint(0, 8) for _ in predicted])  # type: ignore[attr-defined]
    edge = sorted(predicted, reverse=True)[9]
    sure = [i for i, value in enumerate(predicted) if value > edge]
    tied = [i for i, value in enumerate(predicted) if value == edge]
    best = truth >= np.sort(truth)[::-1][9]
    ways = [[*sure, *rest] for rest in combinations(tied, 10 - len(sure))]
    precision = np.mean([best[way].mean() for way in ways])
    regret = np.mean([truth.max() - truth[way].max() for way in ways])
    assert precision_at_10(truth, predicted) == pytest.approx(precision)
    assert regret_at_10(truth, predicted) == pytest.approx(regret)
