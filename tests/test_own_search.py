"""Searches whose trainings are somebody else's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import archcast
from archcast.benchmarks.objective import Objective
from archcast.benchmarks.table import read_table
from archcast.core.errors import InputError
from archcast.search.own_search import OwnSearch
from archcast.spaces.space import Architecture

SIZE = {"strategy": "evolution(population=4, start=4)", "predictor": "bayes-lin-reg"}


def width(architecture: Architecture) -> float:
    return sum(map(float, str(architecture).split(":"))) / 4


def gone_on(path: Path, trainings: int, at_once: int = 1, **options: Any) -> list[str]:
    """What has been trained once there are so many trainings."""
    with OwnSearch(path, "size", **{**SIZE, **options}) as search:
        while len(search.trained) < trainings:
            cells = [search.ask() for _ in range(at_once)]
            for cell in reversed(cells[: trainings - len(search.trained)]):
                assert cell is not None
                search.tell(cell, width(cell), test_accuracy=width(cell) + 1, train_seconds=2.0)
        return [row["architecture"] for row in search.trained]


def test_it_searches_and_leaves_a_benchmark(tmp_path: Path) -> None:
    trained = gone_on(tmp_path / "mine.parquet", 20)
    assert len({*trained}) == 20
    table = read_table(tmp_path / "mine.parquet")
    assert [*map(str, table.architectures)] == trained
    values = [width(each) for each in table.architectures]
    assert sum(values[10:]) > sum(values[:10])
    board = archcast.leaderboard(
        table, "random,bayes-lin-reg", train_sizes=(8,), test_size=8, repeats=1, results=tmp_path
    )
    assert board["predictor"].tolist() == ["bayes-lin-reg", "random"]


@pytest.mark.parametrize("at_once", [1, 3])
def test_it_goes_on_as_if_nothing_had_been(tmp_path: Path, at_once: int) -> None:
    whole = gone_on(tmp_path / "whole.parquet", 12, at_once)
    for trainings in (3, 6, 9, 12):
        found = gone_on(tmp_path / "parts.parquet", trainings, at_once)
    assert found == whole


def test_what_a_kill_left_pending_is_asked_for_first(tmp_path: Path) -> None:
    path = tmp_path / "mine.parquet"
    with OwnSearch(path, "size", **SIZE) as search:
        pending = [search.ask() for _ in range(3)]
        assert pending[1] is not None
        search.tell(pending[1], width(pending[1]))
    journal = tmp_path / "mine.parquet.search"
    journal.write_bytes(journal.read_bytes() + b'{"told": {"archi')  # cut by the kill
    with OwnSearch(path, "size", **SIZE) as search:
        assert len(search.trained) == 1
        again = [search.ask() for _ in range(3)]
        assert again[:2] == [pending[0], pending[2]]
        assert again[2] not in pending
        for each in again:
            assert each is not None
            search.tell(each, width(each))


def test_less_may_be_better(tmp_path: Path) -> None:
    bits = Objective("bits", "min", "bits", valid="valid_bits")
    with OwnSearch(tmp_path / "mine.parquet", "size", **SIZE, objective=bits) as search:
        for _ in range(20):
            cell = search.ask()
            assert cell is not None
            search.tell(cell, width(cell))
    values = read_table(tmp_path / "mine.parquet").columns["valid_bits"].tolist()
    assert sum(values[10:]) < sum(values[:10])


def test_what_is_wrong_is_said_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "mine.parquet"
    with OwnSearch(path, "size", **SIZE) as search:
        cell, other = search.ask(), search.ask()
        assert cell is not None
        assert other is not None
        with pytest.raises(InputError, match="is nan: give a finite number"):
            search.tell(cell, float("nan"))
        with pytest.raises(InputError, match="give a finite number"):
            search.tell(cell, "high")  # type: ignore[arg-type]
        search.tell(cell, 50.0, train_seconds=1.0)
        with pytest.raises(InputError, match="not what was asked for, or is told of already"):
            search.tell(cell, 50.0, train_seconds=1.0)
        with pytest.raises(InputError, match="tell architecture, valid_accuracy, train_seconds of"):
            search.tell(other, 50.0)
        with pytest.raises(InputError, match="another process searches"):
            OwnSearch(path, "size", **SIZE).__enter__()
        search.tell(other, 60.0, train_seconds=1.0)
    assert len(read_table(path)) == 2
    with pytest.raises(InputError, match="is of another search"):
        gone_on(path, 3, seed=1)
    assert len(read_table(path)) == 2


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"strategy": "hyperband"}, "trains for some epochs"),
        ({"strategy": "rsps", "predictor": None}, "trains a supernet, itself"),
        ({"strategy": "random"}, "takes no predictor; leave bayes-lin-reg out"),
        ({"predictor": "synflow"}, "predictor synflow: needs"),
        ({"strategy": "bayesian", "predictor": "xgb"}, r"choose ensemble\(xgb\)"),
        ({"strategy": "bayesian", "predictor": None}, "wants a predictor"),
        ({"space": "sizes"}, "did you mean size"),
    ],
)
def test_what_can_not_search_is_refused(
    tmp_path: Path, options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        OwnSearch(tmp_path / "mine.parquet", **{"space": "size", **SIZE, **options})
