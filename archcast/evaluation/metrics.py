"""How well predicted scores rank architectures by their truth.

Each function takes (truth, predicted), arrays of one value an architecture, both higher is better,
and is known by its `Metric`. Those that are `of_values` take both in the objective's unit. Where a
prediction or the truth is constant there is no ranking, and a correlation is 0. Those that ship
compute many predictions of one truth at once.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import comb

from archcast.core.errors import told

Values = Sequence[float] | NDArray[np.float64]
Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]  # (predictions, architectures)
Counts = NDArray[np.int64]
Bits = NDArray[np.uint64]

_logger = logging.getLogger("archcast")
_PART = 2**21  # pairs that are compared at once, for memory


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that says how well predictions rank, and all that is shown of it.

    `format` is how people read it, as in `format(value, ".3f")`, and `heading` what stands above it
    in a table; a metric without one is in a table only where rows are ranked by it. One `of_values`
    is of predicted values, in place of scores, of an objective that is positive and no percentage;
    elsewhere it is NaN, and in no table. One `of_percent` is NaN where the unit is another.
    """

    name: str
    function: Callable[[Values, Values], float]
    direction: Literal["max", "min"]  # of better values
    format: str
    help: str
    heading: str = ""
    of_values: bool = False
    of_percent: bool = False

    def __call__(self, truth: Values, predicted: Values) -> float:
        return self.function(truth, predicted)

    def of_all(self, truth: Vector, predicted: Matrix) -> Vector:
        """The value of each row of `predicted`."""
        if isinstance(self.function, _OfRows):
            return self.function.of_all(truth, predicted)
        return np.array([self._of_one(truth, row) for row in predicted])

    def _of_one(self, truth: Vector, predicted: Vector) -> float:
        """NaN where a function of another package fails, which is logged."""
        try:
            return float(self.function(truth, predicted))
        except Exception as error:
            _logger.warning("metric %s is missing where it failed: %s", self.name, told(error))
            return np.nan

    @property
    def column(self) -> str:
        """Its name in frames, JSON and CSV."""
        return self.name.replace("-", "_")


class _OfRows:
    """Makes a function of a truth and many predictions one of a truth and a prediction."""

    def __init__(self, of_all: Callable[[Vector, Matrix], Vector]) -> None:
        self.of_all = of_all
        update_wrapper(self, of_all)

    def __call__(self, truth: Values, predicted: Values) -> float:
        one = np.asarray(predicted, dtype=np.float64)[None]
        return float(self.of_all(np.asarray(truth, dtype=np.float64), one)[0])


@_OfRows
def kendall_tau(truth: Vector, predicted: Matrix) -> Vector:
    """Kendall's tau-b.

    >>> kendall_tau([70.0, 80.0, 90.0], [1, 2, 4])
    1.0
    >>> kendall_tau([70.0, 80.0, 90.0], [7, 7, 7])
    0.0
    """
    return tau_b(*pairs(truth, predicted))


def pairs(truth: Vector, predicted: Matrix) -> tuple[Counts, Counts, Counts]:
    """What Kendall's tau counts: of each architecture, how it stands to all others.

    That is how many it is in the right order with, less those with which it is in the wrong one,
    (predictions, architectures); and how many it ties with in truth, (architectures,), and in
    prediction. Each prediction takes n * n comparisons.
    """
    (less, no_more), (less_predicted, no_more_predicted) = map(_places, (truth, predicted))
    tied, tied_predicted = no_more - less - 1, no_more_predicted - less_predicted - 1
    above, below = _sides(less[None], tied.any())
    agreement = np.empty(predicted.shape, dtype=np.int64)
    step = max(1, _PART // len(truth) ** 2)
    for at in range(0, len(predicted), step):
        part = slice(at, at + step)
        over, under = _sides(less_predicted[part], tied_predicted[part].any())
        agreement[part] = _ones((above & over) | (below & under))
        agreement[part] -= _ones((above & under) | (below & over))
    return agreement, tied, tied_predicted


def _sides(places: Counts, any_tied: np.bool_) -> tuple[Bits, Bits]:
    """Which ones of its row each is above, and which below: (rows, n, n bits in whole words)."""
    n = places.shape[1]
    words = math.ceil(n / 64)
    above = _compared(np.greater, places, n, words)
    if any_tied:
        return above, _compared(np.less, places, 0, words)
    others = np.zeros((n, 64 * words), dtype=bool)
    others[:, :n] = ~np.eye(n, dtype=bool)
    return above, np.packbits(others, axis=-1).view(np.uint64) & ~above


def _compared(compare: np.ufunc, places: Counts, never: int, words: int) -> Bits:
    """Each of a row compared with all of the row, and with `never`, which fills the words."""
    rows, n = places.shape
    own = places.astype(np.min_scalar_type(n))
    others = np.full((rows, 1, 64 * words), never, dtype=own.dtype)
    others[..., :n] = own[:, None]
    step = max(1, _PART // (64 * words * rows))
    parts = (own[:, at : at + step, None] for at in range(0, n, step))
    bits = [np.packbits(compare(part, others), axis=-1) for part in parts]
    return np.concatenate(bits, axis=1).view(np.uint64)


def _ones(bits: Bits) -> Counts:
    counts = np.bitwise_count(bits)
    total = np.zeros(bits.shape[:-1], dtype=np.int64)
    for word in range(bits.shape[-1]):  # `sum` is slow along short axes
        total += counts[..., word]
    return total


def tau_b(agreement: Counts, tied: Counts, tied_predicted: Counts) -> Vector:
    """Kendall's tau-b of each prediction, from what `pairs` counts."""
    right, of, of_predicted = (each.sum(axis=-1) // 2 for each in (agreement, tied, tied_predicted))
    all_pairs = math.comb(agreement.shape[1], 2)
    untied = np.sqrt(all_pairs - of), np.sqrt(all_pairs - of_predicted)
    with np.errstate(divide="ignore", invalid="ignore"):
        tau = np.clip(right / untied[0] / untied[1], -1.0, 1.0)
    return np.where((untied[0] > 0) & (untied[1] > 0), tau, 0.0)


def _places(values: NDArray[Any]) -> tuple[Counts, Counts]:
    """Of each value of each row, how many of the row are less, and how many are no greater."""
    order = values.argsort(axis=-1)
    ordered = np.take_along_axis(values, order, axis=-1)
    begins = np.ones(values.shape, dtype=bool)
    begins[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    ends = np.roll(begins, -1, axis=-1)
    at = np.arange(values.shape[-1])
    less = np.maximum.accumulate(np.where(begins, at, 0), axis=-1)
    no_more = np.where(ends, at + 1, values.shape[-1])[..., ::-1]
    no_more = np.minimum.accumulate(no_more, axis=-1)[..., ::-1]
    places = np.empty((2, *values.shape), dtype=np.int64)
    for place, found in zip(places, (less, no_more), strict=True):
        np.put_along_axis(place, order, found, axis=-1)
    return places[0], places[1]


@_OfRows
def sparse_kendall_tau(truth: Vector, predicted: Matrix) -> Vector:
    """Kendall's tau-b with the truth rounded to 0.1 %, so that noise is not ranked (Yu 2020)."""
    return kendall_tau.of_all(np.round(truth, 1), predicted)


@_OfRows
def spearman(truth: Vector, predicted: Matrix) -> Vector:
    """Spearman's rank correlation."""
    return pearson.of_all(ranks(truth), ranks(predicted))


@_OfRows
def pearson(truth: Vector, predicted: Matrix) -> Vector:
    """Pearson's linear correlation."""
    t = truth - truth.mean()
    p = predicted - predicted.mean(axis=1, keepdims=True)
    known = (truth != truth[0]).any() & (predicted != predicted[:, :1]).any(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Sums by row, and no matrix product, whose last bit depends on the other rows.
        value = (p * t).sum(axis=1) / np.sqrt((t * t).sum()) / np.sqrt((p * p).sum(axis=1))
    return np.where(known, np.clip(value, -1.0, 1.0), 0.0)


def ranks(values: NDArray[Any]) -> Matrix:
    """Ranks from 1 in each row, the mean of those of equal values."""
    less, no_more = _places(values)
    found: Matrix = (less + no_more + 1) / 2
    return found


@_OfRows
def top_decile_spearman(truth: Vector, predicted: Matrix) -> Vector:
    """Spearman's correlation among the truly best 10 % (at least two), where a search ends up.

    Those that tie with the last of them are among them.
    """
    n = len(truth)
    top = truth >= np.sort(truth)[-min(n, max(2, round(0.1 * n)))]
    return spearman.of_all(truth[top], predicted[:, top])


@_OfRows
def precision_at_10(truth: Vector, predicted: Matrix) -> Vector:
    """Share of the 10 predicted best that are among the 10 truly best.

    Those that truly tie with the last of these are among them. Of those that are predicted to tie
    at the edge, a random part is chosen, and the share is its expected value.
    """
    k = min(10, len(truth))
    best = truth >= np.sort(truth)[-k]
    sure, tied, drawn = _chosen(predicted, k)
    hits: Vector = (best & sure).sum(axis=1) + (best & tied).sum(axis=1) * drawn / tied.sum(axis=1)
    return hits / k


@_OfRows
def regret_at_10(truth: Vector, predicted: Matrix) -> Vector:
    """What the best of the 10 predicted best lacks to the best of all, in the unit of the truth.

    Where predictions tie at the edge, the expected value over random choices.
    """
    sure, tied, drawn = _chosen(predicted, min(10, len(truth)))
    found = np.where(sure | tied, truth, -np.inf).max(axis=1)
    for row in np.flatnonzero(tied.sum(axis=1) > drawn):
        best_sure = truth[sure[row]].max(initial=-np.inf)
        best_first = np.sort(truth[tied[row]])[::-1]
        # Of all draws, this share has its best at each place: the others come from behind it.
        behind = np.arange(len(best_first))[::-1]
        shares = comb(behind, drawn[row] - 1) / comb(len(best_first), drawn[row])
        found[row] = shares @ np.maximum(best_first, best_sure)
    return np.asarray(truth.max() - found)


@_OfRows
def within_5(truth: Vector, predicted: Matrix) -> Vector:
    """Share of predictions that are off by 5 % of the truth at most."""
    return _within(0.05, truth, predicted)


@_OfRows
def within_10(truth: Vector, predicted: Matrix) -> Vector:
    """Share of predictions that are off by 10 % of the truth at most."""
    return _within(0.1, truth, predicted)


def _within(share: float, truth: Vector, predicted: Matrix) -> Vector:
    near = np.abs(predicted - truth) <= share * np.abs(truth)
    shares: Vector = near.mean(axis=1)
    return shares


def _chosen(predicted: Matrix, k: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Counts]:
    """Which of the `k` largest of a row are sure, which tie for the last places, of which so many
    are drawn.
    """
    edge = np.sort(predicted, axis=1)[:, -k, None]
    sure = predicted > edge
    return sure, predicted == edge, k - sure.sum(axis=1)


KENDALL_TAU = Metric(
    "kendall-tau", kendall_tau, "max", ".3f", "Kendall's tau-b with the truth", "tau"
)
SPARSE_KENDALL_TAU = Metric(
    "sparse-kendall-tau",
    sparse_kendall_tau,
    "max",
    ".3f",
    "tau with the truth rounded to 0.1 %",
    of_percent=True,
)
SPEARMAN = Metric(
    "spearman", spearman, "max", ".3f", "Spearman's rank correlation with the truth", "rho"
)
PEARSON = Metric("pearson", pearson, "max", ".3f", "Pearson's correlation with the truth")
TOP_DECILE_SPEARMAN = Metric(
    "top-decile-spearman",
    top_decile_spearman,
    "max",
    ".3f",
    "Spearman's rank correlation among the truly best 10 %",
    "top rho",
)
PRECISION_AT_10 = Metric(
    "precision-at-10",
    precision_at_10,
    "max",
    ".2f",
    "share of the 10 predicted best that are among the 10 truly best",
    "p@10",
)
REGRET_AT_10 = Metric(
    "regret-at-10",
    regret_at_10,
    "min",
    ".3g",
    "what the best of the 10 predicted best lacks to the best, in the objective's unit",
    "regret",
)
WITHIN_5 = Metric(
    "within-5", within_5, "max", ".2f", "share of predictions within 5 % of the truth", "", True
)
WITHIN_10 = Metric(
    "within-10",
    within_10,
    "max",
    ".2f",
    "share of predictions within 10 % of the truth",
    "within 10 %",
    True,
)
