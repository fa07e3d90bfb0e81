"""Early stopping in a search: who is trained to the end, and what that saves (Baker 2017).

A search trains architectures one after another. A predictor sees each learning curve grow, and
training stops when the chance that the final validation accuracy exceeds the best so far falls
below a threshold. What the predictor said of every curve at every epoch is recorded, so that any
threshold can be replayed. Successive halving and Hyperband get the same architectures and as many
epochs.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from archcast.benchmarks.objective import Objective
from archcast.benchmarks.table import Table
from archcast.core.errors import InputError, check_number
from archcast.core.identity import versioned
from archcast.evaluation.engine import check_labels, context, outcome_or_error, split
from archcast.evaluation.job import Planned, PredictorJob
from archcast.evaluation.record import BaseRecord
from archcast.evaluation.statistics import mean, mean_interval, share_interval
from archcast.predictors.predictor import OBJECTIVE, Predictor, Vector
from archcast.predictors.predictor_text import configured, text_of
from archcast.search.stop_rule import is_hopeless
from archcast.studies.experiment import (
    Predictors,
    check_jobs,
    choose_predictors,
    facts_of,
)

Bools = NDArray[np.bool_]
_logger = logging.getLogger("archcast")

METHODS = ("early stopping", "successive halving", "hyperband")


class StopJob(PredictorJob):
    """A search through `test_size` architectures; the predictor has learned from others."""


class StopRecord(BaseRecord):
    """What a predictor said of learning curves as they grew, and how they went on.

    Values are as higher is better. `means[e][i]` and `stds[e][i]` are of the final validation value
    of architecture i, predicted after epoch e + 1. Curves of runs that ended early are short.
    """

    job: StopJob
    curves: list[list[float]] = Field(default_factory=list)  # (architectures, epochs)
    diverged: list[bool] = Field(default_factory=list)  # (architectures,)
    means: list[list[float]] = Field(default_factory=list)
    stds: list[list[float]] = Field(default_factory=list)

    def lists(self) -> Iterable[tuple[Sequence[float], int]]:
        if self.failed:
            return
        size = self.job.test_size
        yield from ((values, size) for values in (self.architectures, self.diverged))
        yield [len(curve) for curve in self.curves], size
        longest = max(map(len, self.curves), default=1)
        for answers in (self.means, self.stds):
            yield [len(values) for values in answers], max(longest - 1, len(answers))
            yield from ((values, size) for values in answers)
        yield from ((curve, len(curve)) for curve in self.curves)


class Outcome(NamedTuple):
    """How one search went."""

    speed_up: float  # epochs of training all to the end, over epochs spent
    best_kept: float  # 1 if the best architecture was trained to the end, else 0
    regret: float  # the best final validation value less the best one found


def stop_jobs(
    table: Table,
    predictors: Predictors,
    train_size: int,
    architectures: int,
    repeats: int,
    seed: int,
) -> list[Planned[StopJob]]:
    """The searches of a comparison.

    Raises:
        InputError: a predictor that can't say how likely a final accuracy is, or too few
            architectures in the table.
    """
    objective = table.objective()
    curve = table.curve_of(objective)
    if curve is None:
        raise InputError(
            f"{table.source} has no curve of {objective.name}, and a search with early stopping"
            " can't run without it"
        )
    chosen, _ = choose_predictors(predictors, table, objective)
    check_number("--seed", seed, 0)
    check_jobs(len(chosen) * repeats)
    for remark in table.remarks():
        _logger.warning(remark)
    for predictor in chosen:
        check_foretells(predictor, objective, curve)
    if train_size + architectures > len(table):
        raise InputError(
            f"{table.source} has {len(table)} architectures, fewer than train size {train_size}"
            f" + {architectures} to search; lower --train-size or --architectures"
        )
    return [
        Planned(
            StopJob(
                **said,
                objective=objective,
                label="valid",
                train_size=train_size if predictor.tags.learns else 0,
                test_size=architectures,
                seed=seed,
                repeat=repeat,
            ),
            predictor,
        )
        for predictor in chosen
        for said in [facts_of(predictor, table, "cpu", run_stop_job)]
        for repeat in range(repeats)
    ]


def check_foretells(
    predictor: Predictor, objective: Objective, curve: str, option: str = "--predictor"
) -> None:
    """Refuse a predictor that can't say how likely the end of a curve is.

    Raises:
        InputError: it gives no deviations, or is of another curve.
    """
    tags = predictor.tags
    if not (tags.probabilistic and tags.in_unit and "curves" in tags.needs):
        raise InputError(
            f"{option} {text_of(predictor)}: does not say how likely a learning curve ends above a"
            " value; choose lcsvr, lc-pfn, lce or lce-m"
        )
    read = tags.curves
    if not (tags.learns or not read or read & {OBJECTIVE, curve}):
        raise InputError(
            f"{option} {text_of(predictor)}: foretells {', '.join(sorted(read))}"
            f" and not {objective.name}; choose lcsvr"
        )


@versioned(3)
def run_stop_job(planned: Planned[StopJob], table: Table) -> StopRecord:
    """Ask the predictor about every architecture after every epoch but the last."""
    job = planned.job
    objective, column = job.objective, table.curve_of(job.objective)
    assert column is not None, "stop_jobs tells"
    parts = split(job, table)
    curves = objective.signed(table.columns[column][parts.run[parts.test]])
    record = StopRecord(
        job=job,
        table=table.hash,
        architectures=parts.test.tolist(),
        curves=[[float(value) for value in row if np.isfinite(value)] for row in curves],
        diverged=table.diverged[parts.run[parts.test]].tolist(),
    )

    def predict() -> dict[str, Any]:
        check_labels(parts, job)
        predictor = configured(planned.predictor, job.predictor_seed(), job.device)
        train_at = parts.train[~table.diverged[parts.run[parts.train]]]  # these came to an end
        train, test = ([table.architectures[i] for i in at] for at in (train_at, parts.test))
        runs = parts.run[train_at], parts.run[parts.test]
        labels = objective.signed(table.values(objective, "valid")[runs[0]])
        answers, fallbacks = [], 0
        for epochs in range(1, curves.shape[1]):
            known, asked = (
                context(table, r, predictor, objective, epochs, parts.unlabeled, parts.seed)
                for r in runs
            )
            predictor.fit(train, labels, known)
            answers.append(predictor.query(test, asked, return_std=True))
            fallbacks += predictor.fallbacks_
        means, stds = (np.array(values).tolist() for values in zip(*answers, strict=True))
        return {"means": means, "stds": stds, "fallbacks": fallbacks}

    return record.model_copy(update=outcome_or_error(predict))


def replay(record: StopRecord, threshold: float) -> Outcome:
    """The search of a record, one architecture after another, with early stopping."""
    best, spent = -np.inf, 0
    finals = _padded(record)[:, -1]
    finished = np.zeros(len(finals), dtype=bool)
    for i, curve in enumerate(record.curves):
        epochs = len(curve)
        for epoch in range(1, len(curve)):
            mean, std = record.means[epoch - 1][i], record.stds[epoch - 1][i]
            if is_hopeless(mean, std, best, threshold):
                epochs = epoch
                break
        spent += epochs
        finished[i] = epochs == len(curve)
        if finished[i]:
            best = max(best, finals[i])
    return _outcome(record, spent, finished)


def halve(record: StopRecord, keep: float, brackets: int) -> Outcome:
    """The search of a record by successive halving (Jamieson & Talwalkar, 2016).

    At epochs 1, 2, 4, ... the share `keep` of the architectures with the best validation accuracy
    goes on. With several brackets it is Hyperband (Li et al., 2017): each gets a part of the
    architectures, and the next bracket begins to choose an epoch later in that row.
    """
    curves = _padded(record)
    horizon = curves.shape[1]
    rungs = [2**k for k in range(horizon.bit_length()) if 2**k < horizon]
    spent, finished = 0, np.zeros(len(curves), dtype=bool)
    for bracket in range(brackets):
        alive = np.arange(bracket, len(curves), brackets)
        done = 0
        for rung in rungs[bracket:]:
            spent += _epochs(record, alive, rung) - _epochs(record, alive, done)
            order = np.argsort(-curves[alive, rung - 1], kind="stable")
            alive, done = alive[order[: max(1, round(keep * len(alive)))]], rung
        spent += _epochs(record, alive, horizon) - _epochs(record, alive, done)
        finished[alive] = True
    return _outcome(record, spent, finished)


def halve_like(record: StopRecord, speed_up: float, brackets: int) -> Outcome:
    """Successive halving or Hyperband that saves about as much as another method, never more.

    Among shares to keep, the smallest that does not save more than `speed_up`.
    """
    shares = np.linspace(0.02, 1.0, 99)
    outcomes = (halve(record, float(share), brackets) for share in shares)
    return next(outcome for outcome in outcomes if outcome.speed_up <= speed_up + 1e-9)


def summarise(records: Iterable[StopRecord], thresholds: Sequence[float]) -> pd.DataFrame:
    """One row for each predictor, threshold and method, means over the repeats.

    `_low` and `_high` bound a mean with 95 % confidence that they do so in every row. The mean
    regret has no bounds: most regrets are 0 and few are large, so that no few repeats can give any
    that hold. The rows of successive halving and Hyperband follow the row whose epochs they were
    given. What is unknown is NaN.
    """
    groups: dict[tuple[str, int], list[StopRecord]] = {}
    for record in records:
        groups.setdefault((record.job.predictor, record.job.train_size), []).append(record)
    rows: list[dict[str, Any]] = []
    of = len(groups) * len(thresholds) * len(METHODS)
    for group in groups.values():
        good = [record for record in group if not record.failed]
        for threshold in thresholds:
            stopped = [replay(record, threshold) for record in good]
            budgets = list(zip(good, stopped, strict=True))
            outcomes: list[list[Outcome]] = [
                stopped,
                [halve_like(r, o.speed_up, 1) for r, o in budgets],
                [halve_like(r, o.speed_up, 3) for r, o in budgets],
            ]
            rows += [
                _row(method, group, threshold, found, of)
                for method, found in zip(METHODS, outcomes, strict=True)
            ]
    return pd.DataFrame(rows)


def _row(
    method: str,
    records: Sequence[StopRecord],
    threshold: float,
    outcomes: Sequence[Outcome],
    of: int,
) -> dict[str, Any]:
    job = records[0].job
    row: dict[str, Any] = {
        "method": method,
        "predictor": job.predictor,
        "benchmark": job.benchmark,
        "dataset": job.dataset,
        "threshold": threshold,
        "train_size": job.train_size,
        "architectures": job.test_size,
        "repeats": len(records),
        "failed": sum(record.failed for record in records),
        "fallbacks": sum(record.fallbacks for record in records),
    }
    speed_ups = [outcome.speed_up for outcome in outcomes]
    kept = [outcome.best_kept for outcome in outcomes]
    for name, values, (low, high) in (
        ("speed_up", speed_ups, mean_interval(speed_ups, of)),
        ("best_kept", kept, share_interval(round(sum(kept)), len(kept), of)),
    ):
        row |= {name: mean(values), f"{name}_low": low, f"{name}_high": high}
    return row | {"regret": mean([outcome.regret for outcome in outcomes])}


def _outcome(record: StopRecord, spent: int, finished: Bools) -> Outcome:
    finals = _padded(record)[:, -1]
    return Outcome(
        speed_up=sum(map(len, record.curves)) / spent,
        best_kept=float(finished[finals == finals.max()].any()),
        regret=float(finals.max() - finals[finished].max(initial=finals.min())),
    )


def _epochs(record: StopRecord, which: NDArray[np.int64], epochs: int) -> int:
    """Epochs of training some of the architectures for `epochs`, or until they diverge."""
    return sum(min(len(record.curves[i]), epochs) for i in which)


def _padded(record: StopRecord) -> Vector:
    """Curves of equal length: the last value holds; after a run diverged the worst, 0 at most."""
    worst = min(0.0, *(value for curve in record.curves for value in curve))
    padded = np.zeros((len(record.curves), max(map(len, record.curves))))
    for row, curve, diverged in zip(padded, record.curves, record.diverged, strict=True):
        row[: len(curve)] = curve
        row[len(curve) :] = worst if diverged or not curve else curve[-1]
    return padded
