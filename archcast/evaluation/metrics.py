"""How well predicted scores rank architectures by their truth.

Each function takes (truth, predicted), arrays of one value an architecture, both higher is better,
and is known by its `Metric`. Where a prediction or the truth is constant there is no ranking, and a
correlation is 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import comb

Values = Sequence[float] | NDArray[np.float64]
Counts = NDArray[np.int64]

_PART = 2**20  # pairs that are compared at once, for memory


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that says how well predictions rank, and all that is shown of it.

    `format` is how people read it, as in `format(value, ".3f")`, and `heading` what stands above it
    in a table; a metric without one is in a table only where rows are ranked by it.
    """

    name: str
    function: Callable[[Values, Values], float]
    direction: Literal["max", "min"]  # of better values
    format: str
    help: str
    heading: str = ""

    def __call__(self, truth: Values, predicted: Values) -> float:
        return self.function(truth, predicted)

    @property
    def column(self) -> str:
        """Its name in frames, JSON and CSV."""
        return self.name.replace("-", "_")


def kendall_tau(truth: Values, predicted: Values) -> float:
    """Kendall's tau-b.

    >>> kendall_tau([70.0, 80.0, 90.0], [1, 2, 4])
    1.0
    >>> kendall_tau([70.0, 80.0, 90.0], [7, 7, 7])
    0.0
    """
    return tau_b(*pairs(truth, predicted))


def pairs(truth: Values, predicted: Values) -> tuple[Counts, Counts, Counts]:
    """What Kendall's tau counts: of each architecture, how it stands to all others.

    That is how many it is in the right order with, less those with which it is in the wrong one;
    and how many it ties with in truth, and in prediction. It takes n * n comparisons.
    """
    below, tied = [], []
    for values in (truth, predicted):
        less, no_more = _places(values)
        below.append(less.astype(np.int32))
        tied.append(no_more - less - 1)
    t, p = below
    step = max(1, _PART // len(t))
    parts = (slice(at, at + step) for at in range(0, len(t), step))
    agreement = [
        np.einsum("ij,ij->i", np.sign(t[at, None] - t), np.sign(p[at, None] - p)) for at in parts
    ]
    return np.concatenate(agreement).astype(np.int64), tied[0], tied[1]


def tau_b(agreement: Counts, tied: Counts, tied_predicted: Counts) -> float:
    """Kendall's tau-b from what `pairs` counts."""
    right, *ties = (int(each.sum()) // 2 for each in (agreement, tied, tied_predicted))
    of, of_predicted = (math.comb(len(agreement), 2) - each for each in ties)
    if not of or not of_predicted:
        return 0.0
    return max(-1.0, min(1.0, right / math.sqrt(of) / math.sqrt(of_predicted)))


def _places(values: Values) -> tuple[Counts, Counts]:
    """Of each value, how many are less, and how many are no greater."""
    array = np.asarray(values)
    ordered = array.copy()
    ordered.sort()
    return ordered.searchsorted(array, "left"), ordered.searchsorted(array, "right")


def sparse_kendall_tau(truth: Values, predicted: Values) -> float:
    """Kendall's tau-b with the truth rounded to 0.1 %, so that noise is not ranked (Yu 2020)."""
    return kendall_tau(np.round(np.asarray(truth), 1), predicted)


def spearman(truth: Values, predicted: Values) -> float:
    """Spearman's rank correlation."""
    return pearson(_ranks(truth), _ranks(predicted))


def pearson(truth: Values, predicted: Values) -> float:
    """Pearson's linear correlation."""
    if _constant(truth) or _constant(predicted):
        return 0.0
    both = np.array([truth, predicted], dtype=np.float64)
    both -= both.sum(axis=1, keepdims=True) / both.shape[1]
    (own, common), (_, other) = ((both @ both.T) * (1 / (both.shape[1] - 1))).tolist()
    return max(-1.0, min(1.0, float(common) / math.sqrt(own) / math.sqrt(other)))


def _ranks(values: Values) -> NDArray[np.float64]:
    """Ranks from 1, the mean of those of equal values."""
    less, no_more = _places(values)
    ranks: NDArray[np.float64] = (less + no_more + 1) / 2
    return ranks


def top_decile_spearman(truth: Values, predicted: Values) -> float:
    """Spearman's correlation among the truly best 10 % (at least two), where a search ends up.

    Those that tie with the last of them are among them.
    """
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    top = _among_best(truth, max(2, round(0.1 * len(truth))))
    return spearman(truth[top], predicted[top])


def precision_at_10(truth: Values, predicted: Values) -> float:
    """Share of the 10 predicted best that are among the 10 truly best.

    Those that truly tie with the last of these are among them. Of those that are predicted to tie
    at the edge, a random part is chosen, and the share is its expected value.
    """
    best = _among_best(np.asarray(truth), 10)
    sure, tied, drawn = _chosen(np.asarray(predicted), 10)
    hits = best[sure].sum() + best[tied].sum() * drawn / tied.sum()
    return float(hits / (sure.sum() + drawn))


def regret_at_10(truth: Values, predicted: Values) -> float:
    """The best accuracy of all less the best among the 10 predicted best, in percent points.

    Where predictions tie at the edge, the expected value over random choices.
    """
    truth = np.asarray(truth, dtype=np.float64)
    sure, tied, drawn = _chosen(np.asarray(predicted), 10)
    best_sure = truth[sure].max(initial=-np.inf)
    best_first = np.sort(truth[tied])[::-1]
    # Of all draws, this share has its best at each place: the others come from behind it.
    behind = np.arange(len(best_first))[::-1]
    shares = comb(behind, drawn - 1) / comb(len(best_first), drawn)
    return float(truth.max() - shares @ np.maximum(best_first, best_sure))


def _among_best(values: NDArray[Any], k: int) -> NDArray[np.bool_]:
    """Which values are among the `k` largest, or tie with the least of them."""
    edge = np.sort(values)[::-1][min(k, len(values)) - 1]
    return np.asarray(values >= edge)


def _chosen(values: NDArray[Any], k: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_], int]:
    """Which of the `k` largest are sure, which tie for the last places, and how many these are."""
    edge = np.sort(values)[::-1][min(k, len(values)) - 1]
    sure = np.asarray(values > edge)
    return sure, np.asarray(values == edge), min(k, len(values)) - int(sure.sum())


def _constant(values: Values) -> bool:
    array = np.asarray(values)
    return bool((array == array[0]).all())


KENDALL_TAU = Metric(
    "kendall-tau", kendall_tau, "max", ".3f", "Kendall's tau-b with the truth", "tau"
)
SPARSE_KENDALL_TAU = Metric(
    "sparse-kendall-tau", sparse_kendall_tau, "max", ".3f", "tau with the truth rounded to 0.1 %"
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
    ".2f",
    "what the best of the 10 predicted best lacks to the best, in points",
    "regret",
)
