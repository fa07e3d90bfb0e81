"""Spaces, tables, objectives and columns that are data, with odd input; see `tests/doors.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import archcast
from archcast.core.errors import LONGEST, InputError
from archcast.tasks.images import load_images
from tests.doors import DOORS, trials
from tests.results import small_table


def test_odd_input_ends_well_or_in_one_line() -> None:
    assert not [*trials(0, 25 * len(DOORS))]


@pytest.mark.parametrize("name", ["a" * 300, "a\0b", "", "\udc80"])
def test_names_that_no_file_can_have(name: str) -> None:
    with pytest.raises(InputError, match="neither a file nor one of"):
        load_images(name)


def test_messages_are_cut_in_their_middle() -> None:
    with pytest.raises(InputError) as caught:
        raise InputError("begin\nx" + "x" * 1_000_000 + " mend")
    message = str(caught.value)
    assert message.startswith("begin x")
    assert message.endswith("x mend")
    assert len(message.splitlines()) == 1
    assert len(message) < LONGEST + 10


def test_tables_of_one_name_are_told_apart_or_refused() -> None:
    asked = {"predictors": "params", "repeats": 1, "test_size": 20}
    table = small_table(30)
    with pytest.raises(InputError, match="is given twice"):
        archcast.over_benchmarks([table, table], **asked)


def test_text_stands_for_a_list_where_names_are_asked_for(tmp_path: Path) -> None:
    table, asked = small_table(60), {"repeats": 2, "test_size": 20, "results": tmp_path}
    boards = [
        archcast.combine(given, table, train_size=20, **asked)
        for given in ("rf,params", ["rf", "params"])
    ]
    assert boards[0]["variant"].tolist() == boards[1]["variant"].tolist()
    fronts = archcast.pareto("accuracy,latency_cpu", "rf", table, train_size=20, **asked)
    assert {"accuracy", "latency_cpu"} <= {*fronts}


@pytest.mark.parametrize("given", [{"train_sizes": 100}, {"train_sizes": "100"}, {"epochs": 4}])
def test_numbers_in_place_of_lists_are_one_line(given: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give a list of whole numbers"):
        archcast.leaderboard(small_table(30), "params", results=tmp_path, **given)
