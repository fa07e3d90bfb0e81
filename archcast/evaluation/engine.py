"""Run one job: split, fit, query, and account for every second."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archcast.benchmarks.table import CURVES, Table
from archcast.evaluation.job import Job, PredictorJob
from archcast.evaluation.network_fields import (
    NETWORK_FIELDS,
    missing_network_fields,
    network_field,
)
from archcast.evaluation.record import Cost, Record
from archcast.predictors.predictor import Context, Curves, Predictor, Tags
from archcast.predictors.predictor_text import make_predictor, parse_predictor

WARM_UP_SIZE = 12
UNLABELED_SIZE = 1_000  # architectures that a semi-supervised predictor may look at


class Split(NamedTuple):
    """Positions of architectures in the table, and the row of the one run that each is known by."""

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    unlabeled: NDArray[np.int64]  # a random part of the space; it may hold any of the others
    run: NDArray[np.int64]  # (architectures of the table,)
    seed: int  # of untrained networks and the minibatch


def split(job: PredictorJob, table: Table) -> Split:
    """The architectures of a job: a larger train set starts with the smaller one's."""
    rng = job.split_rng(table.hash)
    order = rng.permutation(len(table))
    run = draw_runs(table, rng)
    unlabeled = rng.permutation(len(table))[:UNLABELED_SIZE]
    train, test = order[job.test_size :][: job.train_size], order[: job.test_size]
    return Split(train, test, unlabeled, run, seed=int(rng.integers(2**31)))


def draw_runs(table: Table, rng: np.random.Generator) -> NDArray[np.int64]:
    """The row of one run of each architecture, drawn at random."""
    runs = np.diff(table.starts)
    drawn: NDArray[np.int64] = table.starts[:-1] + (rng.random(len(table)) * runs).astype(np.int64)
    return drawn


def run_job(job: Job, table: Table) -> Record:
    """Fit and query a predictor; whatever goes wrong inside it becomes the record's error."""
    parts = split(job, table)
    record = Record(
        job=job,
        table=table.hash,
        architectures=parts.test.tolist(),
        truth=truth_of(table, job.truth)[parts.test].tolist(),
    )
    return record.model_copy(update=outcome_or_error(lambda: _predict(job, table, parts)))


def outcome_or_error(predict: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `predict` returns, or the reason why it failed as a record's `error`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries inside predictors, about themselves
            return predict()
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return {"error": f"{reason} ({Path(where.filename).name}:{where.lineno})"}


def _predict(job: Job, table: Table, parts: Split) -> dict[str, Any]:
    warm_up(job.spec, job.epochs, job.device, table)
    predictor = make_predictor(job.predictor, job.params, job.predictor_seed(), job.device)
    train_runs, test_runs = parts.run[parts.train], parts.run[parts.test]
    labels = table.final_accuracy(job.label)[train_runs]
    train, test = ([table.architectures[i] for i in at] for at in (parts.train, parts.test))
    train_context, test_context = (
        context(table, runs, predictor, job.epochs, parts.unlabeled, parts.seed)
        for runs in (train_runs, test_runs)
    )

    start = perf_counter()
    predictor.fit(train, labels, train_context)
    fitted, saved = perf_counter(), predictor.saved_seconds_
    predictions = predictor.query(test, test_context)
    queried = perf_counter()

    if not np.isfinite(predictions).all():
        wrong = int((~np.isfinite(predictions)).sum())
        raise ValueError(f"{wrong} of {len(predictions)} predictions are not finite")
    evidence = _training_seconds(table, test_runs, job.epochs)
    labels_cost = _training_seconds(table, train_runs, None)
    cost = Cost(
        labels=None if labels_cost is None else float(labels_cost.sum()),
        fit=fitted - start + saved,
        evidence=None if evidence is None else float(evidence.mean()),
        query=(queried - fitted + predictor.saved_seconds_) / len(test),
    )
    return {
        "predictions": predictions.tolist(),
        "fallbacks": predictor.fallbacks_,
        "cost": cost,
    }


def context(
    table: Table,
    rows: NDArray[np.int64],
    predictor: Predictor,
    epochs: int,
    unlabeled: NDArray[np.int64],
    seed: int,
) -> Context:
    """What the predictor's tags name and nothing else, for one run an architecture.

    Arrays are copies, and curves end at `epochs`: there is no way from them to the rest.
    """
    facts: dict[str, Any] = {}
    for name in predictor.tags.needs:
        if name == "curves":
            curves = {
                curve: np.array(table.columns[curve][rows, :epochs], dtype=np.float64)
                for curve in predictor.tags.curves or CURVES
                if curve in table.columns
            }
            facts[name] = Curves(
                horizon=int(table.epochs.max()),
                **curves,
                diverged=table.diverged[rows] & (table.epochs[rows] < epochs),
            )
        elif name == "unlabeled":
            facts[name] = [table.architectures[i] for i in unlabeled]
        elif name in NETWORK_FIELDS:
            facts[name] = network_field(table, name, seed)
        elif column := fact_column(table, name):
            facts[name] = np.array(table.columns[column][rows], dtype=np.float64)
    return Context(**facts)


def fact_column(table: Table, need: str) -> str | None:
    """The column that holds a context field of one value an architecture."""
    return next((c for c in sorted(table.columns) if c == need or c.startswith(f"{need}_")), None)


def missing_needs(table: Table, tags: Tags) -> list[str]:
    """The context fields and curves that this table can't give."""
    given = {"unlabeled"}
    if table.epochs.max() > 1:  # one value is the final result, and no curve
        given.add("curves")
    missing = {need for need in tags.needs - given if not fact_column(table, need)}
    missing = missing - NETWORK_FIELDS | missing_network_fields(table, missing)
    return sorted(missing | (tags.curves - set(table.columns)))


@lru_cache(maxsize=1)
def truth_of(table: Table, truth: str) -> NDArray[np.float64]:
    """The accuracy that predictions are held against: of each architecture, mean over its runs."""
    return table.mean_over_runs(table.final_accuracy(truth))


@lru_cache(maxsize=64)
def warm_up(predictor: str, epochs: int, device: str, table: Table) -> None:
    """One toy fit and query in this process, so that imports and first calls are not timed."""
    name, params = parse_predictor(predictor)
    toy = make_predictor(name, params, 0, device)
    n = min(WARM_UP_SIZE, len(table))
    rows = table.starts[:n]
    facts = context(table, rows, toy, epochs, np.arange(n), seed=0)
    toy.fit(table.architectures[:n], np.linspace(0.0, 100.0, n), facts)
    toy.query(table.architectures[:n], facts)


def _training_seconds(
    table: Table, rows: NDArray[np.int64], epochs: int | None
) -> NDArray[np.float64] | None:
    """Simulated seconds of each run, whole or for its first epochs; None if the table can't say."""
    trained = table.epochs[rows]
    paid = trained if epochs is None else np.minimum(trained, epochs)
    if epochs == 0 or not len(rows):
        return np.zeros(len(rows))
    if "epoch_seconds" not in table.columns or not trained.all():
        return None
    seconds: NDArray[np.float64] = table.columns["epoch_seconds"][rows].astype(np.float64)
    return paid * seconds
