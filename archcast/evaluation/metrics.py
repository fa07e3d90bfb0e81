"""How well predicted scores rank architectures by their true accuracy in percent.

Each metric takes (truth, predicted), arrays of one value an architecture. Where a prediction or the
truth is constant there is no ranking, and a correlation is 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

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
    """Spearman's correlation among the truly best 10 % (at least two), where a search ends up."""
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    top = np.argsort(-truth, kind="stable")[: max(2, round(0.1 * len(truth)))]
    return spearman(truth[top], predicted[top])


def precision_at_10(truth: Values, predicted: Values) -> float:
    """Share of the 10 predicted best that are among the 10 truly best."""
    chosen, best = _top(predicted, 10), _top(truth, 10)
    return len(set(chosen) & set(best)) / len(best)


def regret_at_10(truth: Values, predicted: Values) -> float:
    """The best accuracy of all less the best among the 10 predicted best, in percent points."""
    truth = np.asarray(truth)
    return float(truth.max() - truth[_top(predicted, 10)].max())


def _top(values: Values, k: int) -> list[int]:
    order = np.argsort(-np.asarray(values), kind="stable")
    return [int(i) for i in order[:k]]


def _constant(values: Values) -> bool:
    return bool(np.ptp(np.asarray(values)) == 0)
