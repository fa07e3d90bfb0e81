"""Records as a frame, a row each: what was asked, how well it ranked, and what it cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from archcast.evaluation import registry as metrics
from archcast.evaluation.metrics import KENDALL_TAU, Matrix, Metric
from archcast.evaluation.record import BaseRecord, Record
from archcast.evaluation.split_means import split_taus
from archcast.predictors.predictor import Vector

# What tells one split, with its truth, from another.
SPLIT = ["table", "benchmark", "dataset", "test_size", "objective", "truth", "seed", "repeat"]
SECONDS = [
    *("init_seconds", "query_seconds", "label_seconds", "fit_seconds", "evidence_seconds"),
    "source_seconds",  # on top, and in none of the others
]


def measure(records: Iterable[Record]) -> pd.DataFrame:
    """A row a record, in their order.

    Metrics, by the names of their columns, and seconds are NaN where the job failed, metrics of
    values also where there are none or they have no relative errors, and seconds where the table
    does not say what training takes; `error` is None where it did not fail. Columns
    of objects, None where it failed: `split_tau`, with what each architecture adds to Kendall's tau
    (see `SplitMeans`), and the `predictions` and `truths` of the architectures.
    """
    kinds = metrics.all()
    of_scores = [each for each in kinds if not each.of_values]
    of_values = [each for each in kinds if each.of_values]
    of_percent = {each.column for each in kinds if each.of_percent}
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
    listed = list(records)
    rows = [_row(record) for record in listed]
    by_truth: dict[tuple[str, bytes], list[int]] = {}
    for at, record in enumerate(listed):
        if not record.failed:
            same = record.job.objective.direction, rows[at]["truths"].tobytes()
            by_truth.setdefault(same, []).append(at)
    for positions in by_truth.values():
        objective, truth = listed[positions[0]].job.objective, rows[positions[0]]["truths"]
        predicted = np.stack([rows[at]["predictions"] for at in positions])
        qualities = _qualities(objective.signed(truth), predicted, of_scores)
        for at, quality in zip(positions, qualities, strict=True):
            rows[at] |= {
                name: value
                for name, value in quality.items()
                if objective.unit == "%" or name not in of_percent
            }
            values = listed[at].values
            if values is not None and objective.unit != "%" and (truth > 0).all():
                in_unit = np.array([values])
                rows[at] |= {each.column: each.of_all(truth, in_unit)[0] for each in of_values}
    return pd.DataFrame(rows, columns=columns)


def provenance(record: BaseRecord) -> dict[str, str]:
    """What a frame says of where a record was made."""
    versions = ", ".join(f"{name} {number}" for name, number in record.versions.items())
    return {"versions": versions, "machine": record.machine}


def versions_in(measured: pd.DataFrame) -> list[dict[str, str]]:
    """The versions of libraries that `provenance` tells of, each combination once."""
    texts = [text.split(", ") for text in measured["versions"].unique() if text]
    return [dict(each.rsplit(" ", 1) for each in text) for text in texts]


def _row(record: Record) -> dict[str, Any]:
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
        parts = cost.labels, cost.fit, cost.evidence, cost.source
        seconds = cost.init_seconds, cost.query_seconds, *parts
        row |= dict(zip(SECONDS, map(_known, seconds), strict=True))
    if not record.failed:
        row |= {"predictions": np.array(record.predictions), "truths": np.array(record.truth)}
    return row


def _qualities(
    truth: Vector, predicted: Matrix, kinds: Sequence[Metric]
) -> Iterator[dict[str, Any]]:
    """What each row of predictions is worth, by columns."""
    taus = split_taus(truth, predicted)
    found = {each.column: each.of_all(truth, predicted) for each in kinds if each != KENDALL_TAU}
    found[KENDALL_TAU.column] = np.array([each.tau for each in taus])
    for at, tau in enumerate(taus):
        yield {"split_tau": tau, **{column: values[at] for column, values in found.items()}}


def _known(seconds: float | None) -> float:
    return np.nan if seconds is None else seconds
