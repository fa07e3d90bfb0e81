"""The shortest mean of gradients, beside a closed form, a grid, and a general solver."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize

from archcast.making.minimum_norm import minimum_norm

Floats = NDArray[np.float64]


def found(gradients: Floats) -> tuple[Floats, Floats]:
    """The weights and the mean, of gradients (number, parameters)."""
    weights = minimum_norm(torch.from_numpy(gradients)).numpy()
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    return weights, weights @ gradients


def drawn(seed: int, number: int, parameters: int) -> Floats:
    """Of lengths that differ, and often far from orthogonal."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=parameters) * rng.choice([0.0, 2.0])
    lengths = 10.0 ** rng.uniform(-2, 2, size=(number, 1))
    return lengths * (common + rng.normal(size=(number, parameters)))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 12))
def test_all_objectives_fall_at_least_by_its_square(
    seed: int, number: int, parameters: int
) -> None:
    """What is optimal: no gradient reaches less far along the mean than the mean itself."""
    gradients = drawn(seed, number, parameters)
    weights, mean = found(gradients)
    square = mean @ mean
    reach = gradients @ mean
    scale = np.linalg.norm(gradients, axis=1).max() ** 2
    assert reach.min() >= square - 1e-9 * scale
    np.testing.assert_allclose(reach[weights > 1e-6], square, atol=1e-6 * scale)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 12))
def test_two_by_the_closed_form(seed: int, parameters: int) -> None:
    one, other = gradients = drawn(seed, 2, parameters)
    first = np.clip((other - one) @ other / ((one - other) @ (one - other)), 0, 1)
    np.testing.assert_allclose(found(gradients)[0], [first, 1 - first], atol=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_three_by_a_grid_and_by_a_general_solver(seed: int) -> None:
    gradients = np.random.default_rng(seed).normal(size=(3, 5))
    weights, mean = found(gradients)
    steps = np.linspace(0, 1, 101)
    grid = [(a, b, 1 - a - b) for a, b in product(steps, steps) if a + b <= 1 + 1e-12]
    lengths = np.linalg.norm(np.array(grid) @ gradients, axis=1)
    assert np.linalg.norm(mean) <= lengths.min() + 1e-12
    assert np.abs(grid[lengths.argmin()] - weights).max() < 0.05
    solved = minimize(
        lambda w: np.sum((w @ gradients) ** 2), np.full(3, 1 / 3), method="SLSQP",
        bounds=[(0, 1)] * 3, constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-14, "maxiter": 500},
    )  # fmt: skip
    np.testing.assert_allclose(mean, solved.x @ gradients, atol=1e-6)


def test_gradients_that_are_parallel_opposite_equal_or_nothing() -> None:
    one = np.array([3.0, -1.0, 2.0])
    zero = np.zeros(3)
    np.testing.assert_allclose(found(np.stack([2 * one, one, 5 * one]))[0], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(found(np.stack([one, -3 * one]))[1], zero, atol=1e-12)
    np.testing.assert_allclose(found(np.stack([one, one]))[1], one)
    np.testing.assert_allclose(found(np.stack([one, zero]))[1], zero, atol=1e-12)
    np.testing.assert_allclose(found(np.stack([zero, zero]))[1], zero)
    np.testing.assert_allclose(found(np.stack([one, -2 * one]))[0], [2 / 3, 1 / 3])
    np.testing.assert_allclose(found(np.diag([1.0, 2.0]) * 1e-12)[0], [0.8, 0.2])
    assert minimum_norm(torch.eye(4).reshape(2, 2, 4)).tolist() == [0.5, 0.5], "of any shape"
