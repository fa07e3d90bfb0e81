"""Do intervals and ties hold, and what do they tell apart: on boards simulated from the sweep.

    python -m reproduce.intervals --boards 1000

From records of many splits of one table, as `archcast leaderboard --repeats 100` leaves them, it
draws boards of few: whether what all splits say is covered, and how far the two constants of
`archcast.evaluation.split_means` are from what these records say.

    python -m reproduce.intervals --results results
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from archcast.evaluation.measure import measure
from archcast.evaluation.record import Record, RecordStore
from archcast.evaluation.split_means import PRIOR_DF, SplitMeans, SplitTau
from archcast.studies.leaderboard import taus_by_setting
from reproduce.page import table
from tests.boards import Board, shares

SPLITS = (3, 5, 10)
GAP = 0.1


def simulated(boards: int) -> None:
    board = Board.of_the_sweep()
    columns = ("all intervals hold", "a best one lost its tie", "the worse one lost it")
    found = []
    for rows in (2, 20, 60):
        for splits in SPLITS:
            equal = shares(board, rows, splits, 0.0, boards)
            worse = shares(board, rows, splits, GAP, boards)
            lost = max(equal.lost, worse.lost)
            told = (min(equal.covered, worse.covered), lost, worse.found)
            found.append([str(rows), str(splits), *(f"{share:.1%}" for share in told)])
    print(table(["predictors", "splits", *columns], found))


def resampled(folder: Path, boards: int) -> None:
    """As if the means of all splits were the truth; ties are of boards where all are equal."""
    by_setting = taus_by_setting(measure(r for r in RecordStore(folder, Record) if not r.failed))
    found = list(by_setting.values())
    sizes = [setting.train_size for setting in by_setting]
    most = max(map(len, found))
    whole = [i for i, each in enumerate(found) if len(each) == most]
    rows, sizes = [found[i] for i in whole], [sizes[i] for i in whole]
    means = [float(np.mean([one.tau for one in row.values()])) for row in rows]
    centred = [
        {split: SplitTau(one.tau - mean, one.influence) for split, one in row.items()}
        for row, mean in zip(rows, means, strict=True)
    ]
    names = list(rows[0])
    rng = np.random.default_rng(0)
    print(f"{folder}: {len(rows)} rows of {most} splits")
    for splits in SPLITS:
        held, lost = 0, 0
        for _ in range(boards):
            drawn = [names[i] for i in rng.choice(most, splits, replace=False)]
            board = SplitMeans([{name: row[name] for name in drawn} for row in centred], sizes)
            held += all(low <= 0.0 <= high for low, high in board.intervals())
            lost += not all(board.best(int(board.difference[:-1, -1].argmax())))
        print(f"{splits} splits: all hold {held / boards:.1%}, a tie lost {lost / boards:.1%}")
    board = SplitMeans(rows, sizes)
    count = most - 1
    taus = np.array([[row[name].tau for name in names] for row in rows])
    spread = np.cov(taus)
    observed = np.diag(spread)[:, None] + np.diag(spread) - 2 * spread
    variance = board.deviation[:-1, :-1] ** 2 * most
    prior = (variance * (PRIOR_DF + count) - count * observed) / PRIOR_DF
    pairs = np.triu(prior > 1e-9, k=1)
    ratio = observed[pairs] / prior[pairs]
    beyond = max(1e-9, np.log(ratio).var() - 2 / count)
    print(
        f"variances over their prior: median {np.median(ratio):.2f}, of 90 % at most"
        f" {np.quantile(ratio, 0.9):.2f}; they vary as with {2 / beyond:.0f} degrees of freedom"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--boards", type=int, default=1_000)
    parser.add_argument("--results", type=Path)
    options = parser.parse_args()
    with threadpool_limits(1):
        if options.results:
            resampled(options.results, options.boards)
        else:
            simulated(options.boards)
