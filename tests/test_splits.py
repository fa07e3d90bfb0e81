"""Means over splits: influences against the jackknife, and statements against simulated boards."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from archcast.evaluation.metrics import kendall_tau
from archcast.evaluation.split_means import (
    PRIOR_DF,
    SplitMeans,
    SplitTau,
    largest_quantile,
    range_quantile,
    split_taus,
)
from tests.boards import Board, shares


@pytest.fixture(scope="module")
def board() -> Board:
    return Board.of_the_sweep()


@pytest.mark.parametrize(("rows", "boards"), [(2, 150), (20, 80), (60, 40)])
@pytest.mark.parametrize("splits", [3, 5, 10])
def test_no_more_than_5_percent_of_boards_are_wrong(
    board: Board, rows: int, splits: int, boards: int
) -> None:
    """All equally good: the winner is chosen by its result, and every interval must hold."""
    found = shares(board, rows, splits, gap=0.0, boards=boards)
    chance = 2.5 * np.sqrt(0.05 * 0.95 / boards)
    assert found.covered >= 0.95 - chance
    assert found.lost <= 0.05 + chance


@pytest.mark.parametrize(("rows", "boards"), [(2, 150), (20, 100), (60, 60)])
def test_a_tenth_is_told_apart_by_three_splits(board: Board, rows: int, boards: int) -> None:
    found = shares(board, rows, splits=3, gap=0.1, boards=boards)
    assert found.found >= 0.8
    assert found.lost <= 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / boards)


def jackknife(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    n, tau = len(truth), kendall_tau(truth, predicted)
    without = [kendall_tau(np.delete(truth, i), np.delete(predicted, i)) for i in range(n)]
    return (n - 1) * (tau - np.array(without))


@pytest.mark.parametrize("digits", [3, 0])
def test_influences_are_those_of_the_jackknife(digits: int) -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=150).round(digits)
    predicted = (truth + rng.normal(size=150)).round(digits)
    (found,) = split_taus(truth, predicted[None])
    assert found.tau == kendall_tau(truth, predicted)
    assert found.influence.mean() == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(found.influence, jackknife(truth, predicted), atol=0.05)


def test_sampling_variance_is_that_of_many_samples() -> None:
    rng = np.random.default_rng(1)
    draws = []
    for _ in range(300):
        truth = rng.normal(size=80)
        draws += split_taus(truth, (truth + rng.normal(size=80))[None])
    variance = np.mean([np.mean(draw.influence**2) / 80 for draw in draws])
    assert variance == pytest.approx(np.var([draw.tau for draw in draws]), rel=0.2)


def test_a_constant_prediction_has_no_error() -> None:
    (found,) = split_taus(np.array([1.0, 2.0, 3.0]), np.full((1, 3), 5.0))
    assert (found.tau, found.influence.tolist()) == (0.0, [0.0, 0.0, 0.0])


@pytest.mark.parametrize(("k", "df"), [(2, 31), (20, 32), (60, 40), (750, 32)])
def test_quantiles(k: int, df: int) -> None:
    expected = stats.studentized_range.ppf(0.95, k, df)
    assert range_quantile(k, df) == pytest.approx(expected, rel=1e-3)
    draws = np.abs(np.random.default_rng(0).normal(size=(4_000, k))).max(axis=1)
    draws /= np.sqrt(np.random.default_rng(1).chisquare(df, 4_000) / df)
    assert largest_quantile(k, df) == pytest.approx(np.quantile(draws, 0.95), rel=0.03)
    assert largest_quantile(1, df) == pytest.approx(stats.t.ppf(0.975, df), rel=1e-3)
    assert range_quantile(2, df) == pytest.approx(2**0.5 * stats.t.ppf(0.975, df), rel=1e-3)


def row(taus: list[float], seed: int, spread: float = 0.5) -> dict[int, SplitTau]:
    influence = np.random.default_rng(seed).normal(0.0, spread, (len(taus), 100))
    influence -= influence.mean(axis=1, keepdims=True)
    return {split: SplitTau(tau, influence[split]) for split, tau in enumerate(taus)}


def test_deviations_by_hand() -> None:
    a, b = row([0.7, 0.8, 0.75], 0), row([0.5, 0.7, 0.55], 1)
    means = SplitMeans([a, b], [100, 0])
    sampling = [
        [np.dot(one, one) / 100 / 99 for one in (x, x - y)]
        for x, y in ((a[split].influence, b[split].influence) for split in range(3))
    ]
    own, both = np.mean(sampling, axis=0)
    for at, prior, values in (
        ((0, 2), own * 1.75, [0.7, 0.8, 0.75]),  # of 100 ranked, and as many labels
        ((0, 1), both + 0.75 * own, [0.2, 0.1, 0.2]),  # b learns from none
    ):
        variance = (PRIOR_DF * prior + 2 * np.var(values, ddof=1)) / (PRIOR_DF + 2)
        assert means.difference[at] == pytest.approx(np.mean(values))
        assert means.deviation[at] == pytest.approx(np.sqrt(variance / 3))
        assert means.df[at] == PRIOR_DF + 2
    low, high = means.difference_intervals()
    half = stats.t.ppf(0.975, PRIOR_DF + 2) * means.deviation[0, 1]
    assert (low[0, 1], high[0, 1]) == pytest.approx((1 / 6 - half, 1 / 6 + half), rel=1e-3)
    assert low[1, 0] == pytest.approx(-high[0, 1])


def test_best_are_those_that_none_beats() -> None:
    rows = [row([tau] * 4, seed, 0.3) for seed, tau in enumerate((0.8, 0.79, 0.6, 0.59, 0.2))]
    means = SplitMeans(rows, [0] * 5)
    assert means.best(first=0) == [True, True, False, False, False]
    apart = means.told_apart()
    assert apart.tolist() == apart.T.tolist()
    assert [bool(apart[i, j]) for i, j in ((0, 1), (2, 3), (1, 2), (0, 4))] == [0, 0, 1, 1]


def test_fewer_that_remain_are_told_apart_more_easily() -> None:
    """Among thirty the second is not told from the first; once the bad ones are gone, it is."""
    gap = 0.0
    while not SplitMeans([row([0.8] * 3, 0), row([0.8 - gap] * 3, 1)], [0, 0]).told_apart()[0, 1]:
        gap += 0.005
    bad = [row([0.0] * 3, seed) for seed in range(2, 30)]
    means = SplitMeans([row([0.8] * 3, 0), row([0.8 - gap] * 3, 1), *bad], [0] * 30)
    assert not means.told_apart()[0, 1]
    assert means.best(first=0) == [True] + [False] * 29


def test_equal_predictions_are_tied() -> None:
    same = row([0.7, 0.8, 0.75], 0)
    means = SplitMeans([same, dict(same)], [0, 0])
    assert means.best(first=0) == [True, True]
    assert not means.told_apart().any()


def test_rows_that_share_few_splits() -> None:
    whole = row([0.8, 0.82, 0.81, 0.79], 0)
    part = {split: found for split, found in row([0.2] * 4, 1).items() if split > 1}
    single = {0: whole[0]}
    other = {f"other {split}": found for split, found in row([0.2] * 3, 2).items()}
    means = SplitMeans([whole, part, single, other, {}], [0] * 5)
    assert means.best(first=0) == [True, False, None, None, None]
    assert [bool(np.isnan(low)) for low, _ in means.intervals()] == [
        False,
        False,
        True,
        False,
        True,
    ]
    assert means.count[0, 1] == 2
    assert means.difference[0, 1] == pytest.approx(0.6)
    low, _ = means.difference_intervals()
    assert np.isnan(low[0, 2])


def test_rows_in_another_order_give_the_same() -> None:
    rows = [row([0.8 - seed / 50] * 3, seed) for seed in range(8)]
    one, other = SplitMeans(rows, [0] * 8), SplitMeans(rows[::-1], [0] * 8)
    assert one.best(first=0) == other.best(first=7)[::-1]
    np.testing.assert_allclose(one.intervals(), other.intervals()[::-1])
    turned = [dict(reversed(each.items())) for each in rows]
    np.testing.assert_allclose(SplitMeans(turned, [0] * 8).intervals(), one.intervals())


def test_bounds_of_tau_stay_within_its_range() -> None:
    means = SplitMeans([row([0.95, 1.0], 0, 3.0), row([-1.0, -0.95], 1, 3.0)], [0, 0])
    (_, high), (low, _) = means.intervals()
    assert (low, high) == (-1.0, 1.0)
