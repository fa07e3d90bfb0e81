"""A leaderboard of what is trained for it, within some seconds of training."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from archcast.benchmarks.table import read_table
from archcast.cli import app
from archcast.core.errors import InputError
from archcast.making import sampled_training
from archcast.making.recipe import Recipe
from archcast.making.robustness import Attack
from archcast.making.sampled_training import train_within
from archcast.making.table_training import Setting, drawn, draws
from archcast.spaces import registry as spaces
from archcast.studies.front_door import leaderboard, train_sample
from tests.test_networks import save_images

SPACE = spaces.get("size")


@pytest.fixture
def setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setting:
    monkeypatch.setattr("archcast.making.table_training.RECIPE", Recipe(epochs=2))
    monkeypatch.setattr("archcast.making.table_training.ATTACK", Attack(images=9))
    return Setting.mini(SPACE, str(save_images(tmp_path / "squares.npz")), "cpu")


def costing(monkeypatch: pytest.MonkeyPatch, seconds: float, most: int = 1_000) -> list[Any]:
    """Every epoch takes so long; after so many runs comes an interrupt."""
    made: list[Any] = []
    train = sampled_training.train_one

    def trained(run: Any, setting: Setting) -> dict[str, Any]:
        if len(made) == most:
            raise KeyboardInterrupt
        made.append(run)
        return train(run, setting) | {"epoch_seconds": seconds}

    monkeypatch.setattr(sampled_training, "train_one", trained)
    return made


def test_as_many_as_the_seconds_allow(
    setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.parquet"
    made = costing(monkeypatch, 1.0)
    table = train_within(setting, 17.0, out)
    assert len(made) == 10, "two runs of two epochs each, begun while there is a second left"
    assert {*table.architectures} == {*drawn(SPACE, 5)}
    assert np.diff(table.starts).tolist() == [2] * 5
    again = train_within(setting, 17.0, out)
    assert len(made) == 10
    assert again.hash == table.hash
    more = train_within(setting, 21.0, out)
    assert {*table.architectures} < {*more.architectures}
    with pytest.raises(InputError, match="1 architectures were trained, too few"):
        train_within(setting, 1.0, tmp_path / "few.parquet")
    with pytest.raises(InputError, match="give more than 0"):
        train_within(setting, 0.0, out)


def test_what_was_interrupted_goes_on(
    setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.parquet"
    with monkeypatch.context() as until:
        first = costing(until, 1.0, most=5)
        with pytest.raises(KeyboardInterrupt):
            train_within(setting, 17.0, out)
    rest = costing(monkeypatch, 1.0)
    table = train_within(setting, 17.0, out)
    assert not {*first} & {*rest}
    assert len(first) + len(rest) == 10
    assert np.diff(table.starts).tolist() == [2] * 5


def test_draws_never_repeat_themselves() -> None:
    space = spaces.get("nasbench101")

    def some() -> Iterator[Any]:
        return (each for each, _ in zip(draws(space), range(30), strict=False))

    assert len({*some()}) == 30
    assert [*some()] == drawn(space, 30)
    assert len([*draws(spaces.get("nasbench-macro"))]) == 3_969


def test_from_images_to_a_board(
    setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    costing(monkeypatch, 1.0)
    train_within(setting, 41.0, tmp_path / "results" / f"sample-{setting.file}")
    asked = ["leaderboard", "--live", "--space", "size", "--predictors", "bayes-lin-reg,params"]
    asked += ["--device", "cpu", "--format", "csv", "--repeats", "2", "--task", "squares.npz"]
    done = CliRunner().invoke(app, [*asked, "--seconds", "41"])
    assert done.exit_code == 0, (done.output, done.exception)
    [path] = (tmp_path / "results").glob("sample-size-squares-*.parquet")
    table = read_table(path)
    assert np.diff(table.starts).tolist() == [2] * len(table)
    rows = done.stdout.strip().splitlines()
    assert len(rows) == 3
    assert f"{path.name}" in rows[1]
    assert len(table) == 11
    assert all(",6," in row or ",0," in row for row in rows[1:]), "five are ranked, six are left"
    same = train_sample("size", "squares.npz", 41.0, device="cpu")
    assert same.architectures == table.architectures
    board = leaderboard(same, "params", train_sizes=(6,), test_size=5, repeats=2)
    assert board["predictor"].tolist() == ["params"]
    for wrong, said in (
        ([*asked[:1], "--space", "size"], "add --live"),
        (["leaderboard", "--live", "--benchmark", "nasbench201"], "leave --benchmark"),
    ):
        failed = CliRunner().invoke(app, wrong)
        assert said in str(failed.exception)


def test_the_first_training_tells_how_many_may_fly(
    setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Waiting(Executor):
        """Does what it was given only when a result is asked for."""

        flying = most = 0

        def submit(self, job: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            self.flying += 1
            self.most = max(self.most, self.flying)
            future: Future[Any] = Future()

            def end() -> None:
                self.flying -= 1
                future.set_result(job(*args, **kwargs))

            threading.Timer(0.2, end).start()
            return future

    costing(monkeypatch, 1.0)
    executor = Waiting()
    table = train_within(setting, 17.0, tmp_path / "out.parquet", executor)
    assert len(table.epochs) <= 12
    assert executor.most <= 11
