"""How sure a mean, a share or a median over independent repeats is.

`of` is how many intervals are to hold at once, as those in a column of a table: with 95 %
confidence all do, whichever of them is then looked at (Bonferroni's correction).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Matrix = NDArray[np.float64]
Interval = tuple[float, float]

UNKNOWN: Interval = (np.nan, np.nan)

ALPHA = 0.05


def mean_interval(values: Sequence[float], of: int = 1) -> Interval:
    """Student's interval of the mean of what `values` are drawn from.

    A single value says nothing of its spread, and has an interval of NaN.
    """
    if len(values) < 2:
        return UNKNOWN
    array = np.sort(np.asarray(values, dtype=np.float64))
    deviation = array.std(ddof=1) / np.sqrt(len(array))
    half = -stdtrit(len(array) - 1, ALPHA / of / 2) * deviation
    return float(array.mean() - half), float(array.mean() + half)


def share_interval(successes: int, trials: int, of: int = 1) -> Interval:
    """The exact interval of a probability (Clopper & Pearson, 1934); NaN without trials.

    >>> low, high = share_interval(10, 10)
    >>> round(low, 3), high  # of probability .692, ten of ten have 2.5 %
    (0.692, 1.0)
    """
    if not trials:
        return UNKNOWN
    from scipy.stats import binomtest

    found = binomtest(successes, trials).proportion_ci(1 - ALPHA / of, method="exact")
    return float(found.low), float(found.high)


def median_interval(values: Sequence[float], of: int = 1) -> Interval:
    """An interval that holds the median of what `values` are drawn from.

    It is exact and asks nothing of the distribution: two order statistics, chosen by the binomial
    number of values below the median. Fewer than six values have one of NaN.
    """
    from scipy.stats import binom

    below = int(binom.ppf(ALPHA / of / 2, len(values), 0.5)) if values else 0
    if below < 1:
        return UNKNOWN
    ordered = sorted(values)
    return float(ordered[below - 1]), float(ordered[-below])


def mean(values: Iterable[float]) -> float:
    """The mean; NaN of none, and where a value is NaN.

    >>> mean([1.0, 2.0]), mean([1.0, float("nan")]), mean([])
    (1.5, nan, nan)
    """
    found = list(values)
    return fmean(found) if found else np.nan


def win_rates(scores: Mapping[str, Sequence[float]]) -> Matrix:
    """Share of blocks in which the row's predictor scores above the column's; ties count a half.

    `scores[name][i]` is how well a predictor did in block i, which all share; higher is better.
    Rows and columns stand in their order.

    Raises:
        ValueError: a predictor without a score in a block.
    """
    values = np.array(list(scores.values()), dtype=np.float64).T
    rows, columns = values[:, :, None], values[:, None, :]
    rates: Matrix = ((rows > columns) + 0.5 * (rows == columns)).mean(axis=0)
    return rates
