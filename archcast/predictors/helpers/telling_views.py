"""Which encodings of architectures tell something of their labels."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from archcast.core.errors import InputError
from archcast.encodings import registry as encodings
from archcast.predictors.helpers.labels import Axis, rescale
from archcast.predictors.helpers.weighed_kernel import matern, minus_log_posterior
from archcast.predictors.predictor import Vector
from archcast.spaces.space import Architecture

AUTO = "auto"
# By name, the part of the largest weight from which on a view tells something.
VIEWS = {"graph-features": 0.05, "one-hot": 0.3, "adjacency": 0.3}
MOST_WEIGHED = 200  # labels: the time grows with their cube
LEAST = 1e-9  # deviation of a feature that differs by more than rounding
JITTER = 1e-6
MOST = 10.0  # of the logarithm of a weight, the signal or the noise, and the least below 0
NOISE = np.log(0.1)  # the prior mean of its logarithm


@dataclass(frozen=True, slots=True)
class Views:
    """Encodings side by side."""

    names: tuple[str, ...]

    def __call__(self, architectures: Sequence[Architecture]) -> Vector:
        """Features (architectures, width)."""
        return np.hstack([encodings.get(name)(architectures) for name in self.names])


class ScaledViews:
    """Encodings that tell something of the labels, scaled such that distances are about 1.

    Without labels there are none, and no distances.

    Args:
        architectures: that have `labels`.
        others: whose features count in the scales, too.
    """

    def __init__(
        self,
        architectures: Sequence[Architecture],
        labels: Vector,
        others: Sequence[Architecture] = (),
    ) -> None:
        from sklearn.preprocessing import StandardScaler

        self.views = look(AUTO, architectures, labels) if architectures else None
        if self.views is not None:
            features = self.views([*others, *architectures])
            self.scaler = StandardScaler().fit(features)
            self.width = max(1, int((features.std(axis=0) > 0).sum()))

    def __call__(self, architectures: Sequence[Architecture]) -> Vector:
        """Features (architectures, width)."""
        if self.views is None or not architectures:
            return np.zeros((len(architectures), 1))
        found: Vector = self.scaler.transform(self.views(architectures)) / np.sqrt(self.width)
        return found


def views_of(encoding: str) -> tuple[str, ...]:
    """The encodings that `look` may choose."""
    return tuple(VIEWS) if encoding == AUTO else (encoding,)


def look(encoding: str, architectures: Sequence[Architecture], labels: Vector) -> Views:
    """The encoding of that name; or for `auto` those that tell something of the labels."""
    if encoding != AUTO:
        return Views((encoding,))
    return Views(tuple(telling_views(architectures, labels)))


def telling_views(architectures: Sequence[Architecture], labels: Vector) -> list[str]:
    """The encodings among `VIEWS` that tell something of the labels, one at least.

    A Gaussian process weighs the squared distances of all views in one kernel, Matern 5/2, such
    that the labels' evidence is largest under a wide log-normal prior. A view is kept whose weight
    is no small part of the largest; graph features, also where it is a small one. So a predictor
    sees cells as graphs, and lists of decisions as options, as far as the labels say which they
    are. Views that a space is too large for are left out. Of more than 200 labels as many are
    weighed, evenly spread.
    """
    at = np.unique(np.linspace(0, len(labels) - 1, MOST_WEIGHED).astype(int))
    some = [architectures[i] for i in at]
    known = {}
    for name in VIEWS:
        with suppress(InputError):
            known[name] = _distances(Views((name,))(some))
    distances = {name: each for name, each in known.items() if each is not None}
    y = rescale(labels[at], "normal")
    if len(distances) < 2 or np.ptp(y) == 0:
        return [*distances] or [*known][:1] or ["one-hot"]
    weights = weigh(np.array([*distances.values()]), Axis(y).standardise(y))
    return [
        name
        for name, weight in zip(distances, weights, strict=True)
        if weight >= VIEWS[name] * weights.max()
    ]


def _distances(x: Vector) -> Vector | None:
    """Squared distances of standardised features, with mean 1; None where all rows are equal."""
    x = x[:, x.std(axis=0) > LEAST]
    if not x.shape[1]:
        return None
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    squares = (x**2).sum(axis=1)
    found: Vector = np.maximum(squares[:, None] + squares - 2 * x @ x.T, 0.0)
    found /= found.sum() / (len(x) * (len(x) - 1))
    return found


def weigh(distances: Vector, y: Vector) -> Vector:
    """The weights (views,) of squared distances (views, n, n) with the largest posterior."""
    from scipy.optimize import minimize

    prior = np.array([-np.log(len(distances))] * len(distances) + [0.0, NOISE])
    found = minimize(
        minus_log_posterior, prior, (distances, y, prior, matern, JITTER), "L-BFGS-B", jac=True,
        bounds=[(-MOST, MOST)] * len(prior), options={"maxiter": 40},
    )  # fmt: skip
    return np.asarray(np.exp(found.x[: len(distances)]))
