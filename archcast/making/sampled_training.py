"""A table of as many random architectures as can be trained in some seconds."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Set
from concurrent.futures import Executor
from functools import partial
from itertools import islice
from math import inf
from pathlib import Path
from typing import Any

from archcast.benchmarks.table import Table, read_table
from archcast.core.errors import InputError
from archcast.core.workers import JobLost, Processes, run_each
from archcast.making.journal import Journal
from archcast.making.table_training import Setting, draws, lost, train_one
from archcast.spaces.space import Architecture

SEEDS = (0, 1)  # one run to learn from, and another that is the truth
LEAST = 4  # architectures, two to learn from and two to rank
MOST_LOST = 5  # trainings, after which there are no more
_logger = logging.getLogger("archcast")


def train_within(setting: Setting, seconds: float, out: Path, workers: int | Executor = 1) -> Table:
    """Train random architectures, twice each, until that has taken some seconds of training.

    They are those of one thread, as tables count them, of all that `out` holds: what was
    interrupted goes on, and what is complete is as it was. What has begun by then is finished.

    Raises:
        InputError: `seconds` are not above 0 or too few, or as `train_runs`.
    """
    if not 0 < seconds < inf:
        raise InputError(f"--seconds {seconds:g}: give more than 0, and an end")
    with Journal(out, setting.provenance()) as journal:
        lost_runs = set[tuple[str, int]]()

        def on_loss(run: tuple[Architecture, int], loss: JobLost) -> dict[str, Any]:
            lost_runs.add((str(run[0]), run[1]))
            if len(lost_runs) >= MOST_LOST:
                raise InputError(
                    f"{out}: {MOST_LOST} trainings were lost with their processes ({loss.how});"
                    " give them more memory, or smaller images"
                )
            return lost(run, loss)

        runs = _affordable(setting, journal, seconds, lost_runs)
        alone = Processes(1) if isinstance(workers, int) and workers > 1 else workers
        train = partial(train_one, setting=setting)
        # The first one tells what they take, before many are in flight.
        for some, who in ((islice(runs, 0 if journal.rows else 1), alone), (runs, workers)):
            for row in filter(None, run_each(train, some, who, on_loss=on_loss)):
                journal.append(row)
        spent = sum(map(_seconds, journal.rows.values()))
    table = read_table(out)
    if len(table) < LEAST:
        raise InputError(
            f"--seconds {seconds:g}: {len(table)} architectures were trained, too few to tell"
            " predictors apart; give more"
        )
    _logger.warning(
        "%s: %d architectures, %d runs, %.0f s of training",
        out,
        len(table),
        len(table.epochs),
        spent,
    )
    return table


def _affordable(
    setting: Setting, journal: Journal, seconds: float, lost_runs: Set[tuple[str, int]]
) -> Iterator[tuple[Architecture, int]]:
    """Runs, while what is spent, and what those in flight will take, leaves something."""
    begun: dict[tuple[str, int], None] = {}
    for architecture in draws(setting.space):
        known = [_seconds(row) for row in journal.rows.values()]
        flying = len(begun.keys() - journal.rows.keys() - lost_runs)
        if sum(known) + flying * sum(known) / max(1, len(known)) >= seconds:
            return
        for seed in SEEDS:
            if (run := (str(architecture), seed)) not in journal.rows:
                begun[run] = None
                yield architecture, seed


def _seconds(row: dict[str, Any]) -> float:
    return float(row["epoch_seconds"]) * max(1, len(row["train_loss"]))
