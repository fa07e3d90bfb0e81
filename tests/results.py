"""Small made-up results that tests share."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from archcast.benchmarks.objective import ACCURACY
from archcast.benchmarks.table import Table
from archcast.evaluation.job import BaseJob, Planned
from archcast.predictors.predictor_text import to_predictor
from archcast.search.strategy_text import strategy_text, to_strategy
from archcast.spaces import registry as spaces
from archcast.studies.experiment import facts_of
from archcast.testing import toy

K = TypeVar("K", bound=BaseJob)

EPOCHS = 6
EPOCH_SECONDS = 2.0


def small_table(n: int = 60, runs: int = 2, seed: int = 0) -> Table:
    """A table of `n` cells with all columns, whose runs differ by noise."""
    cells = toy(n, seed)
    rng = np.random.default_rng(seed)
    rows = [(i, run) for i in range(n) for run in range(runs)]
    curves = cells.context.curves
    assert curves is not None
    noise = rng.normal(0.0, 0.3, (len(rows), 1))
    owners = [i for i, _ in rows]
    valid = curves.columns["valid_accuracy"][owners] + noise
    return Table(
        spaces.get("nasbench201"),
        "toy",
        [str(cells.architectures[i]) for i in owners],
        {
            "seed": [run for _, run in rows],
            "train_loss": 3.0 - valid / 40.0,
            "valid_accuracy": valid,
            "test_accuracy": valid[:, -1] - 1.0,
            "epoch_seconds": np.full(len(rows), EPOCH_SECONDS),
            "parameters": np.arange(len(rows)) + 1_000,
            "latency_cpu": np.linspace(1.0, 2.0, len(rows)),
        },
        {"description": "made up"},
    )


def write_small_table(folder: Path, n: int = 60) -> Path:
    """The same, as a file."""
    path = folder / "toy.parquet"
    small_table(n).write(path)
    return path


def said(predictor: str) -> dict[str, Any]:
    """What a job on a small table says of it, and of a predictor's text; of none, where empty."""
    if not predictor:
        return {**_facts_of_none(), "objective": ACCURACY}
    return {**_facts(predictor), "objective": ACCURACY}


@cache
def _facts(predictor: str) -> dict[str, Any]:
    return facts_of(to_predictor(predictor), small_table(2), "cpu")


@cache
def _facts_of_none() -> dict[str, Any]:
    return facts_of(None, small_table(2), "cpu")


def searched(predictor: str | None, strategy: str) -> dict[str, Any]:
    """The same of a search job."""
    made = to_strategy(strategy)
    text = strategy_text(made)
    return {**said(predictor or ""), "strategy": text, "unguided": made.traits.unguided or text}


def planned(job: K) -> Planned[K]:
    """A job with the predictor that its text stands for."""
    return Planned(job, to_predictor(job.predictor))


def why_left_out(remark: str, name: str) -> str:
    """The reason that a remark gives; empty where it does not name it."""
    for part in remark.removeprefix("left out: ").split("; "):
        names, _, reason = part.partition(" (")
        if name in names.split(", "):
            return reason.removesuffix(")")
    return ""
