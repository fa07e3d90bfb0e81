"""Records as a frame, a row each: what was asked, how well it ranked, and what it cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from archcast.evaluation import registry as metrics
from archcast.evaluation.metrics import KENDALL_TAU, Metric
from archcast.evaluation.record import BaseRecord, Record
from archcast.evaluation.split_means import SplitTau, split_tau
from archcast.predictors.predictor import Vector

# What tells one split, with its truth, from another.
SPLIT = ["table", "benchmark", "dataset", "test_size", "objective", "truth", "seed", "repeat"]
SECONDS = ["init_seconds", "query_seconds", "label_seconds", "fit_seconds", "evidence_seconds"]


def measure(records: Iterable[Record]) -> pd.DataFrame:
    """A row a record, in their order.

    Metrics, by the names of their columns, and seconds are NaN where the job failed, and seconds
    where the table does not say what training takes; `error` is None where it did not fail. Columns
    of objects, None where it failed: `split_tau`, with what each architecture adds to Kendall's tau
    (see `SplitMeans`), and the `predictions` and `truths` of the architectures.
    """
    kinds = metrics.all()
    columns = [
        *SPLIT,
        "unit",
        "predictor",
        "family",
        "train_size",
        "epochs",
        "label",
        "error",
        "fallbacks",
    ]
    columns += [*(metric.column for metric in kinds), *SECONDS]
    columns += ["split_tau", "predictions", "truths", "versions", "machine"]
    return pd.DataFrame([_row(record, kinds) for record in records], columns=columns)


def provenance(record: BaseRecord) -> dict[str, str]:
    """What a frame says of where a record was made."""
    versions = ", ".join(f"{name} {number}" for name, number in record.versions.items())
    return {"versions": versions, "machine": record.machine}


def _row(record: Record, kinds: Sequence[Metric]) -> dict[str, Any]:
    job, cost = record.job, record.cost
    row: dict[str, Any] = {
        "table": record.table,
        "benchmark": job.benchmark,
        "dataset": job.dataset,
        "test_size": job.test_size,
        "objective": job.objective.name,
        "unit": job.objective.unit,
        "truth": job.truth,
        "seed": job.seed,
        "repeat": job.repeat,
        "predictor": job.predictor,
        "family": job.family,
        "train_size": job.train_size,
        "epochs": job.epochs,
        "label": job.label,
        "error": record.error,
        "fallbacks": record.fallbacks,
        "split_tau": None,
        "predictions": None,
        "truths": None,
        **provenance(record),
    }
    if cost:
        seconds = cost.init_seconds, cost.query_seconds, cost.labels, cost.fit, cost.evidence
        row |= dict(zip(SECONDS, map(_known, seconds), strict=True))
    if not record.failed:
        predicted = np.array(record.predictions)
        truth = np.array(record.truth)
        row |= _quality(job.objective.signed(truth), predicted, kinds)
        row |= {"predictions": predicted, "truths": truth}
    return row


def _quality(truth: Vector, predicted: Vector, kinds: Sequence[Metric]) -> dict[str, Any]:
    split: SplitTau = split_tau(truth, predicted)
    others = {each.column: each(truth, predicted) for each in kinds if each is not KENDALL_TAU}
    return {KENDALL_TAU.column: split.tau, "split_tau": split, **others}


def _known(seconds: float | None) -> float:
    return np.nan if seconds is None else seconds
