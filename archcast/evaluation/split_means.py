"""How sure a mean Kendall tau over random splits of a table is, and which rows splits tell apart.

What is estimated is the mean of tau over all random splits of the table. Two things are known of
its error. How the taus of a few splits spread says little. Within each split, the architectures
that are ranked are a sample too, and each says by how much it moves tau: that is many values, but
not what drawing other labelled architectures adds. A prior takes the second, and a share for the
labels, and is moderated by the first as the variances of genes are by their own (Smyth, 2004):

    variance = (d0 * prior + (splits - 1) * observed) / (d0 + splits - 1)

has about d0 + splits - 1 degrees of freedom. Of n ranked and m labelled architectures, the prior is
the sampling variance of tau times 1 + `LABEL_SHARE` * n / m. Both constants were measured on
hundreds of splits of three tables (docs/decisions.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv, ndtr

from archcast.core.workers import one_thread
from archcast.evaluation.metrics import Vector, pairs, tau_b
from archcast.evaluation.statistics import ALPHA, UNKNOWN, Interval, Matrix

Bools = NDArray[np.bool_]

PRIOR_DF = 30  # d0
LABEL_SHARE = 0.75
_LEAST_VARIANCE = 1e-20  # what is less is rounding


@dataclass(frozen=True, slots=True, eq=False)
class SplitTau:
    """Kendall's tau on one split, and by how much each architecture moves it."""

    tau: float
    influence: Matrix  # (architectures,), mean 0; tau's variance is about its mean square over n


def split_taus(truth: Vector, predicted: Matrix) -> list[SplitTau]:
    """Kendall's tau-b of each row, and the first-order (Hoeffding) influences on it.

    Where truth or prediction is constant, tau is 0 whatever is drawn, and no influence is left.
    """
    agreement, *ties = pairs(truth, predicted)
    tau, n = tau_b(agreement, *ties), len(truth)
    untied = [np.atleast_2d(1 - each / (n - 1)) for each in ties]
    means = [share.mean(axis=1, keepdims=True) for share in untied]
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = (untied[0] / means[0] + untied[1] / means[1]) / 2
        scale = np.sqrt(means[0] * means[1])
        influence = 2 * (agreement / (n - 1) / scale - tau[:, None] * relative)
    known = scale > 0
    return list(map(SplitTau, tau.tolist(), np.where(known, influence, 0.0)))


class SplitMeans:
    """Means of tau over splits, and their differences on the splits that two rows share.

    Every statement holds for all rows at once: with 95 % probability, all of its kind are true.
    """

    @one_thread()  # on small matrices, several wait for each other
    def __init__(self, rows: Sequence[Mapping[Any, SplitTau]], train_sizes: Sequence[int]) -> None:
        """Take the taus of each row by split, and how many labels it learns from, 0 if from none.

        A split's architectures are the same for all rows, and in the same order.
        """
        self.rows = k = len(rows)
        labels = np.array([size or np.inf for size in train_sizes], dtype=np.float64)
        # Index (i, j) is the difference of rows i and j, and (i, k) row i alone.
        labels = np.append(labels, np.inf)
        shape = (k + 1, k + 1)
        self.count = np.zeros(shape, dtype=np.int64)
        total, square, prior = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        for split in {split: None for row in rows for split in row}:
            there = [i for i, row in enumerate(rows) if split in row]
            n = len(rows[there[0]][split].influence)
            taus = np.array([*(rows[i][split].tau for i in there), 0.0])
            influence = np.stack([*(rows[i][split].influence for i in there), np.zeros(n)])
            covariance = influence @ influence.T / (n * (n - 1))
            own = np.diag(covariance)
            sampling = np.maximum(own[:, None] + own - 2 * covariance, 0.0)
            learned = labels[[*there, k]]
            alone = own / learned
            both = sampling / np.minimum(learned[:, None], learned)
            training = LABEL_SHARE * n * np.minimum(both, alone[:, None] + alone)
            at = np.ix_([*there, k], [*there, k])
            difference = taus[:, None] - taus
            self.count[at] += 1
            total[at] += difference
            square[at] += difference**2
            prior[at] += sampling + training
        count = np.maximum(self.count, 1)
        spread = np.maximum(square - total**2 / count, 0.0)
        self.difference = total / count
        self.df = PRIOR_DF + count - 1
        variance = (PRIOR_DF * prior / count + spread) / self.df
        self.deviation = np.sqrt(np.maximum(variance, _LEAST_VARIANCE) / count)
        self.known = self.count > 1

    def intervals(self) -> list[Interval]:
        """The interval of each row's mean; NaN of fewer than two splits."""
        several = self.known[:-1, -1]
        found: list[Interval] = []
        for i, known in enumerate(several):
            if not known:
                found.append(UNKNOWN)
                continue
            factor = largest_quantile(int(several.sum()), int(self.df[i, -1]))
            mean, half = self.difference[i, -1], factor * self.deviation[i, -1]
            found.append((max(-1.0, float(mean - half)), min(1.0, float(mean + half))))
        return found

    def difference_intervals(self) -> tuple[Matrix, Matrix]:
        """Bounds of the mean of row i less row j, (rows, rows); NaN of fewer than two splits."""
        k = self.rows
        half = self._bound(k) * self.deviation[:k, :k]
        middle = np.where(self.known[:k, :k], self.difference[:k, :k], np.nan)
        return middle - half, middle + half

    def told_apart(self) -> Bools:
        """Which pairs of rows differ, (rows, rows), by Tukey's range test (Kramer, 1956)."""
        return np.abs(self._differences()) > self._bound(self.rows)

    def best(self, first: int) -> list[bool | None]:
        """Which rows may be the best of those that share two splits with row `first`; else None.

        Rows that are told to be worse than another leave, until the range test of those that are
        left finds none: the model confidence set (Hansen, Lunde & Nason, 2011).
        """
        among = self.known[: self.rows, first].copy()
        found: list[bool | None] = [None if not each else True for each in among]
        lead = self._differences()
        while True:
            beaten = among & (lead > self._bound(int(among.sum())))[among].any(axis=0)
            if not beaten.any():
                return [known and bool(still) for known, still in zip(found, among, strict=True)]
            among &= ~beaten

    def _differences(self) -> Matrix:
        """Differences in standard deviations, 0 where they are unknown."""
        k = self.rows
        return np.where(self.known, self.difference / self.deviation, 0.0)[:k, :k]

    def _bound(self, k: int) -> Matrix:
        """How many standard deviations none of the differences between k equal rows exceeds."""
        df = self.df[: self.rows, : self.rows]
        found = np.empty(df.shape)
        for each in np.unique(df):
            found[df == each] = range_quantile(k, int(each)) / np.sqrt(2)
        return found


@cache
def range_quantile(k: int, df: int) -> float:
    """The 95 % quantile of the range of k standard normal values over an estimated deviation."""
    if k < 2:
        return 0.0
    z = np.linspace(-9.0, 9.0, 241)[:, None]
    density = k * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1, 0] - z[0, 0])
    return _quantile(lambda w: (density * (ndtr(z + w) - ndtr(z)) ** (k - 1)).sum(axis=0), df)


@cache
def largest_quantile(k: int, df: int) -> float:
    """The 95 % quantile of the largest size of k such values; if they correlate it is less."""
    return _quantile(lambda w: (2 * ndtr(w) - 1) ** k, df)


def _quantile(probability: Callable[[Matrix], Matrix], df: int) -> float:
    """Where the probability is 95 %, its argument divided by a deviation estimated with df."""
    middles = (np.arange(400) + 0.5) / 400
    deviations = np.sqrt(2 * gammaincinv(df / 2, middles) / df)
    return _crossing(lambda q: float(probability(q * deviations).mean()) - 1 + ALPHA)


def _crossing(rising: Callable[[float], float]) -> float:
    """Where a function of positive numbers crosses 0 (regula falsi with the Illinois rule)."""
    low, high = 0.0, 4.0
    at_low, at_high, last = rising(low), rising(high), 0.0
    while at_high < 0:
        low, at_low, high = high, at_high, 2 * high
        at_high = rising(high)
    while True:
        middle = (low * at_high - high * at_low) / (at_high - at_low)
        value = rising(middle)
        if abs(value) < 1e-14 or not low < middle < high:
            return middle
        if value > 0:
            high, at_high, at_low = middle, value, at_low / 2 if last > 0 else at_low
        else:
            low, at_low, at_high = middle, value, at_high / 2 if last < 0 else at_high
        last = value
