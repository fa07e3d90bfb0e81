"""Who ranks best over several benchmarks: mean ranks, comparisons won, critical differences."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from archcast.core.errors import InputError
from archcast.evaluation import registry as metrics
from archcast.evaluation.metrics import KENDALL_TAU
from archcast.studies.experiment import Experiment

KEY = ["predictor", "train_size"]
ONE_BENCHMARK = "one benchmark compares nothing over benchmarks; give several"
ONE_ROW = "fewer than two predictors run on every benchmark; choose others"
_logger = logging.getLogger("archcast")


def check_experiments(experiments: Iterable[Experiment]) -> None:
    """Refuse, before anything is run, what could not be compared over benchmarks.

    Raises:
        InputError: several numbers of epochs, fewer than two benchmarks, or than two rows that all
            of them would have.
    """
    asked = []
    for each in experiments:
        each.check_one_number("several benchmarks")
        asked.append({(job.job.predictor, job.job.train_size) for job in each.plan()[0]})
    if len(asked) < 2:
        raise InputError(ONE_BENCHMARK)
    if len(set.intersection(*asked)) < 2:
        raise InputError(ONE_ROW)


def over_benchmarks(boards: Mapping[str, pd.DataFrame], by: str = KENDALL_TAU.name) -> pd.DataFrame:
    """One row for each predictor and number of labels that is on all boards, the best first.

    `mean_rank` is over benchmarks, 1 the best, ties shared. `won` is the share of all comparisons
    with another row on a benchmark that it wins, a tie being half of one; `first` the number of
    benchmarks on which none is better. A row is `near_best` if its mean rank is within the critical
    difference of the least (Nemenyi's test at 95 %; Demsar, 2006, Statistical Comparisons of
    Classifiers over Multiple Data Sets), which is `frame.attrs["critical_difference"]`. Benchmarks
    are taken for a sample of all: data sets of one space tell less than that. A column named like
    each benchmark has the metric there.

    Args:
        boards: what `studies.leaderboard.summarise` makes, by the name of the benchmark, each with
            one number of epochs.
        by: the name of a metric.

    Raises:
        InputError: there are fewer than two boards, or than two rows that all of them have.
    """
    metric = metrics.get(by)
    if len(boards) < 2:
        raise InputError(ONE_BENCHMARK)
    values = pd.concat(
        [board.set_index(KEY)[metric.column].rename(name) for name, board in boards.items()],
        axis=1,
    )
    known = values.notna().all(axis=1)
    if left := sorted({str(predictor) for predictor, _ in values.index[~known]}):
        _logger.warning("not on every benchmark, and left out: %s", ", ".join(left))
    values = values[known]
    if len(values) < 2:
        raise InputError(ONE_ROW)
    ranks = values.rank(ascending=metric.direction == "min")
    mean_rank = ranks.mean(axis=1)
    rivals = len(values) - 1
    families = pd.concat(list(boards.values())).drop_duplicates(KEY).set_index(KEY)["family"]
    difference = critical_difference(*values.shape)
    board = pd.DataFrame(
        {
            "family": families.reindex(values.index),
            "mean_rank": mean_rank,
            "won": (len(values) - mean_rank) / rivals,
            "first": (ranks == ranks.min()).sum(axis=1),
            "near_best": mean_rank <= mean_rank.min() + difference,
        }
    )
    board = board.join(values).sort_values(["mean_rank", *KEY]).reset_index()
    board.attrs["critical_difference"] = difference
    return board


def critical_difference(predictors: int, benchmarks: int) -> float:
    """How far mean ranks are apart by chance, at most, with 95 % confidence for all pairs at once.

    From the studentised range, by Nemenyi.
    """
    from scipy.stats import studentized_range

    quantile = float(studentized_range.ppf(0.95, predictors, np.inf)) / math.sqrt(2)
    return quantile * math.sqrt(predictors * (predictors + 1) / (6 * benchmarks))
