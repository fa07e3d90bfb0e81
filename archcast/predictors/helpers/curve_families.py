"""Parametric learning curves: accuracy, as a fraction, after x = 1, 2, ... epochs (Domhan 2015).

Each family is a function of x (epochs,) and of parameters (..., number) and gives (..., epochs).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from archcast.predictors.predictor import Vector


@dataclass(frozen=True, slots=True)
class Family:
    """A parametric curve, and the normal prior of its parameters: usual values and deviations.

    The levels that a curve runs to are left wide, and its shape is held near that of a training
    run: the few epochs seen determine no more. Parameters stay within three deviations.
    """

    curve: Callable[..., Vector]
    usual: tuple[float, ...]
    spread: tuple[float, ...]

    def __call__(self, x: Vector, parameters: Vector) -> Vector:
        return self.curve(x, *np.moveaxis(parameters, -1, 0)[..., None])


def _power(x: Vector, exponent: Vector) -> Vector:
    return np.exp(exponent * np.log(x))


FAMILIES: dict[str, Family] = {
    "vapor-pressure": Family(
        lambda x, a, b, c: np.exp(a + b / x + c * np.log(x)),
        (-0.3, -0.5, 0.02), (0.3, 0.15, 0.03),
    ),
    "pow3": Family(
        lambda x, c, a, alpha: c - a * _power(x, -alpha),
        (0.85, 0.4, 1.0), (0.3, 0.12, 0.25),
    ),
    "log-log-linear": Family(
        lambda x, a, b: np.log(a * np.log(x) + b),
        (0.2, 1.65), (0.05, 0.2),
    ),
    "hill3": Family(
        lambda x, y, eta, kappa: y / (1.0 + _power(kappa / x, eta)),
        (0.85, 1.0, 0.8), (0.28, 0.25, 0.2),
    ),
    "log-power": Family(
        lambda x, a, b, c: a / (1.0 + np.exp(c * (np.log(x) - b))),
        (0.85, -0.3, -1.0), (0.28, 0.3, 0.25),
    ),
    "pow4": Family(
        lambda x, c, a, b, alpha: c - _power(a * x + b, -alpha),
        (0.9, 2.0, 1.0, 1.0), (0.3, 0.5, 0.3, 0.25),
    ),
    "mmf": Family(
        lambda x, alpha, beta, kappa, delta: (
            alpha - (alpha - beta) / (1.0 + _power(kappa * x, delta))
        ),
        (0.85, 0.2, 1.0, 1.0), (0.28, 0.06, 0.3, 0.25),
    ),
    "exp4": Family(
        lambda x, c, a, b, alpha: c - np.exp(b - a * _power(x, alpha)),
        (0.85, 0.6, -0.5, 0.7), (0.3, 0.15, 0.2, 0.2),
    ),
    "janoschek": Family(
        lambda x, alpha, beta, kappa, delta: (
            alpha - (alpha - beta) * np.exp(-kappa * _power(x, delta))
        ),
        (0.85, 0.2, 0.6, 0.7), (0.28, 0.06, 0.15, 0.2),
    ),
    "weibull": Family(
        lambda x, alpha, beta, kappa, delta: (
            alpha - (alpha - beta) * np.exp(-_power(kappa * x, delta))
        ),
        (0.85, 0.2, 0.6, 0.7), (0.28, 0.06, 0.15, 0.2),
    ),
    "ilog2": Family(
        lambda x, c, a: c - a / np.log(x + 1.0),
        (0.95, 0.3), (0.3, 0.08),
    ),
}  # fmt: skip


def most_probable(
    family: Family, y: Vector, noise: Vector, widest: float, iterations: int = 20
) -> Vector:
    """Parameters (curves, number) of curves y (curves, epochs) with noise of deviations (epochs,).

    Levenberg-Marquardt steps for all curves at once, within `widest` deviations of the prior.
    """
    x = np.arange(1.0, y.shape[1] + 1)
    usual, spread = np.array(family.usual), np.array(family.spread)
    eye, step = np.eye(len(usual)), 1e-6

    def residuals(z: Vector, y: Vector) -> Vector:
        return np.concatenate([(family(x, usual + spread * z) - y) / noise, z], axis=-1)

    z = np.zeros((len(y), len(usual)))
    now = residuals(z, y)
    damping = np.full(len(y), 1e-2)
    for _ in range(iterations):
        jacobian = (residuals(z[:, None] + step * eye, y[:, None]) - now[:, None]) / step
        curvature = jacobian @ jacobian.swapaxes(1, 2) * (1.0 + damping[:, None, None] * eye)
        move = np.linalg.solve(curvature, jacobian @ now[..., None])[..., 0]
        moved = np.clip(z - move, -widest, widest)
        there = residuals(moved, y)
        better = (there**2).sum(axis=1) < (now**2).sum(axis=1)
        z[better], now[better] = moved[better], there[better]
        damping = np.where(better, damping / 3.0, np.minimum(damping * 3.0, 1e8))
    return usual + spread * z
