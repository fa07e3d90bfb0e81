"""How well predicted scores rank architectures by their true accuracy in percent.

Each metric takes (truth, predicted), arrays of one value an architecture. Where a prediction or the
truth is constant there is no ranking, and a correlation is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import comb

Values = Sequence[float] | NDArray[np.float64]


def kendall_tau(truth: Values, predicted: Values) -> float:
    """Kendall's tau-b.

    >>> kendall_tau([70.0, 80.0, 90.0], [1, 2, 4])
    1.0
    >>> kendall_tau([70.0, 80.0, 90.0], [7, 7, 7])
    0.0
    """
    if _constant(truth) or _constant(predicted):
        return 0.0
    return float(stats.kendalltau(np.asarray(truth), np.asarray(predicted)).statistic)


def sparse_kendall_tau(truth: Values, predicted: Values) -> float:
    """Kendall's tau-b with the truth rounded to 0.1 %, so that noise is not ranked (Yu 2020)."""
    return kendall_tau(np.round(np.asarray(truth), 1), predicted)


def spearman(truth: Values, predicted: Values) -> float:
    """Spearman's rank correlation."""
    return pearson(stats.rankdata(np.asarray(truth)), stats.rankdata(np.asarray(predicted)))


def pearson(truth: Values, predicted: Values) -> float:
    """Pearson's linear correlation."""
    if _constant(truth) or _constant(predicted):
        return 0.0
    return float(np.corrcoef(np.asarray(truth), np.asarray(predicted))[0, 1])


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
    return bool(np.ptp(np.asarray(values)) == 0)
