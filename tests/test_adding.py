"""What one touches to add something: a file, and an entry point or in archcast itself a line.

`tests/toys` has a file for each kind. Here each does what it would do if it shipped.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

import archcast
from archcast import benchmarks, encodings, evaluation, networks, predictors, search, spaces
from archcast import zero_cost as proxies
from archcast.cli import main
from archcast.studies.experiment import Experiment
from archcast.testing import check_predictor, check_proxy, check_space, check_strategy
from tests.toys import ENTRY_POINTS
from tests.toys.a_backend import Elsewhere

ROOMS: list[Any] = [
    benchmarks, encodings, evaluation, networks, predictors, proxies, search, spaces,
]  # fmt: skip
SMALL = {"train_sizes": (20,), "test_size": 12, "repeats": 2}


def points(group: str) -> list[EntryPoint]:
    return [EntryPoint(*ENTRY_POINTS[group], group)] if group in ENTRY_POINTS else []


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setattr("archcast.core.registry._entry_points", lambda: Mock(select=points))
    monkeypatch.chdir(tmp_path)
    forget()
    yield
    forget()


def forget() -> None:
    for room in ROOMS:
        room.registry.__dict__.pop("entries", None)
        room.registry._left_out.clear()


def added(room: Any) -> Any:
    return room.registry.get(name_in(room))


def name_in(room: Any) -> str:
    return ENTRY_POINTS[room.registry.group][0]


@pytest.mark.parametrize("group", ENTRY_POINTS)
def test_it_is_one_file(group: str) -> None:
    modules = [target.partition(":")[0] for _, target in ENTRY_POINTS.values()]
    assert modules.count(ENTRY_POINTS[group][1].partition(":")[0]) == 1


def test_a_predictor() -> None:
    check_predictor(added(predictors)())
    board = archcast.leaderboard("ladders", ["widest", "random"], **SMALL)
    assert list(board.predictor) == ["widest", "random"]
    assert board.kendall_tau[0] > 0.8


def test_a_proxy_is_a_predictor() -> None:
    check_proxy(added(proxies))
    board = archcast.leaderboard("nasbench201-mini", "largest-weight", **SMALL)
    assert board.failed.tolist() == [0]


def test_a_metric() -> None:
    board = archcast.leaderboard("ladders", ["widest", "random"], by="worst-miss", **SMALL)
    assert list(board.predictor) == ["widest", "random"], "fewer ranks off is better"
    assert 0 <= board.worst_miss[0] < board.worst_miss[1] < 30


def test_a_strategy() -> None:
    check_strategy(added(search)())
    found = archcast.search("ladders", "in-pairs", budget=20, repeats=2)
    assert set(found.strategy) == {"in-pairs", "random"}


def test_an_encoding() -> None:
    board = archcast.leaderboard("ladders", "bayes-lin-reg(encoding=kernel-counts)", **SMALL)
    assert board.kendall_tau[0] > 0.8


def test_a_space_and_a_benchmark_with_an_objective() -> None:
    check_space(added(spaces))
    table = archcast.open_table("ladders")
    assert table.objective().direction == "min"
    board = archcast.leaderboard("ladders", ["xgb", "gcn", "gpwl"], **SMALL)
    assert (board.kendall_tau > 0.6).all()


def test_networks_of_a_space() -> None:
    """Without images there are noise-input and data-free proxies; weight sharing says why not."""
    once = {**SMALL, "repeats": 1}
    board = archcast.leaderboard("ladders", ["l2-norm", "zen", "synflow"], **once)
    assert board.failed.sum() == 0
    with pytest.raises(archcast.InputError, match=r"can't run rsws \(the table has no images\)"):
        archcast.leaderboard("ladders", "rsws", **SMALL)


def test_a_backend() -> None:
    elsewhere = Elsewhere()
    experiment = Experiment(archcast.open_table("ladders"), "widest,xgb", **SMALL)
    there = experiment.run("there", elsewhere)
    assert elsewhere.jobs == 4
    here = experiment.run("here")
    assert [each.predictions for each in there] == [each.predictions for each in here]


@pytest.mark.parametrize(
    "room", [each for each in ROOMS if each is not networks], ids=lambda room: room.__name__
)
def test_it_is_listed(
    room: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plural = room.registry.group.partition(".")[2]
    monkeypatch.setattr(sys, "argv", ["archcast", "list", plural])
    monkeypatch.setattr(logging.root, "handlers", [])
    with pytest.raises(SystemExit):
        main()
    assert name_in(room) in capsys.readouterr().out
