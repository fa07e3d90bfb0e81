"""What a table lacks is trained as its own runs were, once, and kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import archcast
from archcast.benchmarks.table import Table, read_table
from archcast.core.errors import InputError
from archcast.core.workers import JobLost
from archcast.making.ground_truth import Beyond, ground_truth, setting_of
from archcast.making.recipe import Recipe
from archcast.making.robustness import Attack
from archcast.making.table_training import Setting, drawn, draws, train_runs, train_table
from archcast.making.trainer import batches, train
from archcast.networks.blueprint import networks_of
from archcast.spaces import registry as spaces
from archcast.spaces.choices import ChoicesSpace
from archcast.spaces.decision import Decision
from archcast.tasks.loading import load_task
from tests.test_networks import save_images

SPACE = spaces.get("size")
ARCHITECTURES = drawn(SPACE, 4)
MEASURED = ["test_accuracy", "valid_accuracy", "pgd_accuracy", "parameters"]


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Table:
    """Two architectures, one run each; of one epoch, so that the recipe is none by default."""
    monkeypatch.setenv("ARCHCAST_CACHE", str(tmp_path / "cache"))
    images = save_images(tmp_path / "squares.npz")
    setting = replace(
        Setting.mini(SPACE, str(images), "cpu"), recipe=Recipe(epochs=1), attack=Attack(images=9)
    )
    out = tmp_path / "table.parquet"
    train_runs([(each, 0) for each in ARCHITECTURES[:2]], setting, out, 1)
    return read_table(out)


def test_it_is_trained_as_the_table_was(table: Table, tmp_path: Path) -> None:
    asked = [ARCHITECTURES[2], ARCHITECTURES[0]]
    found = ground_truth(table, asked, seeds=2, device="cpu")
    assert found["architecture"].tolist() == [str(asked[0])] * 2 + [str(asked[1])]
    assert found["trained"].tolist() == [True, True, False]
    assert found["seed"].tolist() == [0, 1, 0]
    own = table.index(asked[1])
    assert found["test_accuracy"][2] == table.columns["test_accuracy"][own]
    assert found["valid_accuracy"][2] == table.columns["valid_accuracy"][own][-1]

    setting = setting_of(table, "cpu")
    assert setting.recipe.epochs == 1
    assert setting.attack.images == 9
    again = tmp_path / "again.parquet"
    train_runs([(asked[0], seed) for seed in (0, 1)], setting, again, 1)
    alone = ground_truth(read_table(again), [asked[0]])
    pd.testing.assert_frame_equal(found[MEASURED][:2], alone[MEASURED])


def test_a_run_is_trained_once(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ground_truth(table, ARCHITECTURES[2:], seeds=2, device="cpu")
    train = Mock(side_effect=AssertionError("trained again"))
    monkeypatch.setattr("archcast.making.table_training.train", train)
    again = ground_truth(table, ARCHITECTURES[2:], seeds=2, device="cpu")
    pd.testing.assert_frame_equal(first, again)
    fewer = ground_truth(table, ARCHITECTURES[3:], seeds=1, device="cpu")
    pd.testing.assert_frame_equal(fewer, again[2:3].reset_index(drop=True))
    with pytest.raises(AssertionError, match="trained again"):
        ground_truth(table, ARCHITECTURES[3:], seeds=3, device="cpu")


def test_isomorphic_architectures_are_one() -> None:
    space = spaces.get("nasbench201")
    asked = [space.parse(each) for each in (
        "|none~0|+|none~0|nor_conv_3x3~1|+|nor_conv_3x3~0|none~1|none~2|",
        "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|",
    )]  # fmt: skip
    assert space.canonical(asked[0]) == space.canonical(asked[1])
    found = archcast.ground_truth([str(each) for each in asked])
    assert not found["trained"].any()
    half = len(found) // 2
    np.testing.assert_array_equal(found["test_accuracy"][:half], found["test_accuracy"][half:])
    alone = archcast.ground_truth(str(asked[1]))
    np.testing.assert_array_equal(alone["test_accuracy"], found["test_accuracy"][half:])


def test_the_architecture_that_was_asked_for_comes_first() -> None:
    """Of two isomorphic ones that a table has, each has its own runs."""
    space = spaces.get("nasbench201")
    one = space.parse("|none~0|+|none~0|nor_conv_3x3~1|+|nor_conv_3x3~0|none~1|none~2|")
    other = space.parse("|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|")
    both = Table(space, "mine", [str(one), str(other)], {"test_accuracy": [50.0, 60.0]})
    found = ground_truth(both, [other, one], device="cpu")
    assert found["test_accuracy"].tolist() == [60.0, 50.0]


def test_what_can_not_be_trained_is_told(table: Table, tmp_path: Path) -> None:
    lacking = ARCHITECTURES[2:3]
    with pytest.raises(InputError, match="seeds"):
        ground_truth(table, lacking, seeds=0)
    texts = [str(each) for each in ARCHITECTURES[:2]]
    bare = Table(SPACE, "somewhere", texts, {"test_accuracy": [1.5, 2.0]}, {})
    with pytest.raises(InputError, match="its task is not at hand"):
        ground_truth(bare, lacking)
    shipped = Table(SPACE, "fashion-mnist-14", texts, {"test_accuracy": [1.5, 2.0]}, {})
    with pytest.raises(InputError, match="does not say scale and recipe"):
        ground_truth(shipped, lacking)
    metadata = {**table.metadata, "recipe": '{"epochs": "many"}'}
    odd = Table(SPACE, table.dataset, texts, {"test_accuracy": [1.5, 2.0]}, metadata)
    with pytest.raises(InputError, match="its recipe can't be read"):
        ground_truth(odd, lacking)


def test_which_architectures_are_drawn() -> None:
    assert drawn(SPACE, 2) == ARCHITECTURES[:2], "a larger sample adds to a smaller one"
    cells = drawn(spaces.get("nasbench101"), 50)
    assert cells[:20] == drawn(spaces.get("nasbench101"), 20)
    assert len({*cells}) == 50
    assert len(drawn(spaces.get("nasbench-macro"), None)) == 3_969
    with pytest.raises(InputError, match="nasbench-macro has 3969 that differ"):
        drawn(spaces.get("nasbench-macro"), 4_000)
    with pytest.raises(InputError, match="423,624 architectures; give how many to train"):
        drawn(spaces.get("nasbench101"), None)


def test_a_sample_of_a_large_space_is_trained(tmp_path: Path) -> None:
    images = save_images(tmp_path / "squares.npz")
    out = tmp_path / "out.parquet"
    table = train_table(spaces.get("nasbench101"), str(images), [0], out, device="cpu", limit=2)
    assert {*table.architectures} == {*drawn(spaces.get("nasbench101"), 2)}
    assert (table.columns["memory"] > 0).all()


def test_dropout_draws_by_the_seed_of_the_run() -> None:
    task = load_task("fashion-mnist-14").data("cpu")
    few = {part: data.first(130 if part == "train" else 50) for part, data in task.items()}

    def build() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(196, 10))

    runs = []
    for before in (0, 1):
        torch.manual_seed(before)
        state = torch.get_rng_state()
        runs.append(train(build, "net", 3, few, Recipe(epochs=2), attack=None))
        assert torch.equal(torch.get_rng_state(), state)
    assert runs[0].train_loss == runs[1].train_loss


def test_an_example_that_is_left_over_joins_the_last_batch() -> None:
    assert [len(each) for each in batches(torch.arange(257), 128)] == [128, 129]
    assert [len(each) for each in batches(torch.arange(256 + 31), 128)] == [128, 159]
    assert [len(each) for each in batches(torch.arange(256 + 32), 128)] == [128, 128, 32]
    assert [len(each) for each in batches(torch.arange(30), 128)] == [30]
    assert [len(each) for each in batches(torch.arange(1), 128)] == [1]


def test_draws_end_where_nothing_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archcast.making.table_training.IDLE", 50)
    monkeypatch.setattr("archcast.making.table_training.ENUMERATED", 1)
    space = ChoicesSpace([Decision("one", ("a", "b")), Decision("two", ("c", "d"))])
    assert len([*draws(space)]) == 4


def test_a_training_that_is_lost_loses_no_other(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = setting_of(table, "cpu")

    def some_die(work: Any, items: Any, workers: Any, on_loss: Any) -> Iterator[Any]:
        for at, item in enumerate(items):
            yield on_loss(item, JobLost(item, "died")) if at == 1 else work(item)

    monkeypatch.setattr("archcast.making.table_training.run_each", some_die)
    runs = [(each, 0) for each in ARCHITECTURES[:3]]
    with pytest.raises(JobLost, match="1 of 3 trainings were lost"):
        train_runs(runs, setting, tmp_path / "t.parquet", 1)
    assert len(read_table(tmp_path / "t.parquet")) == 2
    monkeypatch.undo()
    train_runs(runs, setting, tmp_path / "t.parquet", 1)
    assert len(read_table(tmp_path / "t.parquet")) == 3


def test_runs_of_other_versions_are_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHCAST_CACHE", str(tmp_path / "cache"))
    out, images = tmp_path / "t.parquet", str(save_images(tmp_path / "squares.npz"))
    table = train_table(SPACE, images, [0], out, limit=1, device="cpu", epochs=1)
    before = Beyond.of(table, "cpu").name
    monkeypatch.setattr(type(networks_of(SPACE)), "version", 99)
    assert Beyond.of(table, "cpu").name != before
    with pytest.raises(InputError, match="was made by other versions of networks"):
        train_table(SPACE, images, [0], out, limit=1, device="cpu", epochs=1)
