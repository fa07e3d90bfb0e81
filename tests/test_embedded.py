"""The benchmarks that were trained here are whole, and are what the trainer makes."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from archcast.benchmarks.opening import open_table
from archcast.benchmarks.table import CURVES
from archcast.making.ground_truth import setting_of
from archcast.making.trainer import Run, train
from archcast.networks.table_networks import blueprint_of, task_of

# Architectures, seeds and epochs.
MADE = {
    "nasbench101-mini": (1_000, 2, 12),
    "size-mini": (1_000, 3, 12),
    "nasbench-macro-mini": (400, 6, 6),
    "darts-mini": (400, 4, 12),
    "darts-rnn-mini": (300, 3, 6),
    "nago-mini": (600, 2, 6),
}


@pytest.mark.parametrize("name", list(MADE))
def test_architectures_differ(name: str) -> None:
    table = open_table(name)
    differ = {table.space.canonical(each) for each in table.architectures}
    assert len(differ) == len(table) == MADE[name][0]


@pytest.mark.parametrize("name", list(MADE))
def test_every_run_is_whole(name: str) -> None:
    table = open_table(name)
    _, seeds, epochs = MADE[name]
    assert table.columns["seed"].reshape(-1, seeds).tolist() == [[*range(seeds)]] * len(table)
    for column, values in table.columns.items():
        assert np.isfinite(values).all(), column
    assert len(table.curves) == len(CURVES)
    for column in table.curves:
        assert table.columns[column].shape[1] == epochs
    for column in ("epoch_seconds", "parameters", "flops", "memory", "latency_cpu"):
        by_run = table.columns[column].reshape(-1, seeds)
        assert (by_run > 0).all(), column
        assert (by_run == by_run[:, :1]).all(), column


@pytest.mark.parametrize("name", list(MADE))
def test_training_again_gives_the_first_epoch(name: str) -> None:
    """To the last digit on the machine that made it; elsewhere arithmetic differs a little."""
    run, row = _again(name, attack=None, goes_on=lambda run: False)
    for column in ("parameters", "flops", "memory"):
        assert getattr(run, column) == row[column], column
    assert run.train_loss[0] == pytest.approx(row["train_loss"][0], rel=0.01)


def test_training_again_gives_the_row() -> None:
    run, row = _again("size-mini")
    assert run.test_score == pytest.approx(row["test_accuracy"], abs=4.0)
    assert run.attacked is not None
    assert run.attacked.pgd == pytest.approx(row["pgd_accuracy"], abs=8.0)


def _again(name: str, **how: Any) -> tuple[Run, dict[str, Any]]:
    """A run of the benchmark, trained again, and what the table has of it."""
    table = open_table(name)
    number = len(table) // 2
    architecture, at = table.architectures[number], table.starts[number] + 1
    blueprint, task = blueprint_of(table), task_of(table)
    assert blueprint is not None
    assert task is not None
    recipe = setting_of(table, "cpu").recipe
    build = partial(blueprint.network, architecture)
    run = train(build, str(architecture), 1, task.data("cpu"), recipe, **how)
    return run, {column: values[at] for column, values in table.columns.items()}
