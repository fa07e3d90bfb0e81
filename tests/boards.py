"""Leaderboards that might have been: splits resampled from real ones, where the truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archcast.evaluation.measure import measure
from archcast.evaluation.split_means import SplitMeans, SplitTau
from archcast.evaluation.statistics import Matrix
from archcast.studies.leaderboard import taus_by_setting
from archcast.studies.recommendation import shipped_sweep

LABELS = 100
# What drawing other labelled architectures adds, in variances of tau on as many test architectures:
# of most pairs of predictors on three tables between these, the mean .5.
TRAINING = 0.2, 0.9


@dataclass(frozen=True)
class Board:
    """What the sweep's predictors do with 100 labels and four epochs."""

    taus: Matrix  # (predictors,)
    influence: Matrix  # (predictors, architectures)
    train_sizes: tuple[int, ...]

    @classmethod
    def of_the_sweep(cls) -> Board:
        sweep = measure(shipped_sweep())
        kept = sweep["train_size"].isin([0, LABELS]) & sweep["epochs"].isin([0, 4])
        taus = taus_by_setting(sweep[kept])
        splits = [list(each.values()) for each in taus.values()]
        return cls(
            np.array([np.mean([found.tau for found in each]) for each in splits]),
            np.array([np.concatenate([found.influence for found in each]) for each in splits]),
            tuple(setting.train_size for setting in taus),
        )

    def some(self, rows: int, rng: np.random.Generator) -> Board:
        """As many of the predictors, drawn at random."""
        at = rng.choice(len(self.taus), rows, replace=False)
        return Board(self.taus[at], self.influence[at], tuple(self.train_sizes[i] for i in at))

    def draw(
        self, taus: Matrix, splits: int, architectures: int, rng: np.random.Generator
    ) -> SplitMeans:
        """What some splits say if the predictors' mean taus are these."""
        learns = np.array(self.train_sizes) > 0
        labels = round(LABELS / rng.uniform(*TRAINING))
        rows: list[dict[int, SplitTau]] = [{} for _ in taus]
        for split in range(splits):
            at = rng.integers(self.influence.shape[1], size=architectures)
            influence = self.influence[:, at]
            means = influence.mean(axis=1)
            learned = rng.integers(self.influence.shape[1], size=labels)
            training = self.influence[:, learned].mean(axis=1)
            for row, values in enumerate(influence):
                tau = taus[row] + means[row] + learns[row] * training[row]
                rows[row][split] = SplitTau(float(tau), values - means[row])
        return SplitMeans(rows, self.train_sizes)


@dataclass(frozen=True)
class Shares:
    """Shares of boards."""

    covered: float  # of which all intervals hold their mean
    lost: float  # on which a predictor that is best lost its tie
    found: float  # on which the one that is worse was told to be; of a single worse one


def shares(
    board: Board, rows: int, splits: int, gap: float, boards: int, architectures: int = 200
) -> Shares:
    """All predictors are equally good but one, which is worse by `gap`."""
    rng = np.random.default_rng([rows, splits, architectures])
    covered, lost, found = [], [], []
    for _ in range(boards):
        some = board.some(rows, rng)
        taus = np.full(rows, 0.5)
        taus[0] -= gap
        means = some.draw(taus, splits, architectures, rng)
        bounds = zip(means.intervals(), taus, strict=True)
        covered.append(all(low <= tau <= high for (low, high), tau in bounds))
        tied = means.best(first=int(means.difference[:-1, -1].argmax()))
        lost.append(not all(tied[1:]) or (gap == 0 and not tied[0]))
        found.append(not tied[0])
    return Shares(float(np.mean(covered)), float(np.mean(lost)), float(np.mean(found)))
