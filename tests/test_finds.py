"""What searches return, by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import archcast
from archcast.cli import app
from archcast.core.errors import InputError
from archcast.evaluation.pareto_front import on_front
from archcast.search.search_job import SearchRecord
from archcast.studies.finds import finds
from archcast.studies.searches import SearchExperiment
from tests.results import small_table, write_small_table

TABLE = small_table(60)


def searched(tmp_path: Path, **options: Any) -> list[SearchRecord]:
    return SearchExperiment(TABLE, "evolution", budget=20, repeats=2, **options).run(tmp_path)


def test_the_best_that_was_seen_is_returned(tmp_path: Path) -> None:
    records = searched(tmp_path)
    found = finds(records, TABLE)
    assert len(found) == len(records)
    for record, (_, row) in zip(records, found.iterrows(), strict=True):
        at = int(np.argmax(record.values))
        assert row["architecture"] == str(TABLE.architectures[record.architectures[at]])
        assert (row["strategy"], row["repeat"]) == (record.job.strategy, record.job.repeat)
        assert row["accuracy_seen"] == record.values[at] == max(record.values)
        assert row["accuracy"] == record.truth[at]


def test_all_of_a_front_are_returned(tmp_path: Path) -> None:
    found = finds(searched(tmp_path, objectives=["accuracy", "latency_cpu"]), TABLE)
    for _, front in found.groupby(["strategy", "repeat"]):
        signed = front[["accuracy_seen", "latency_cpu_seen"]].to_numpy() * [1, -1]
        assert on_front(signed).all()
        assert front["architecture"].is_unique
        for _, row in front.iterrows():
            at = TABLE.index(TABLE.space.parse(row["architecture"]))
            latencies = TABLE.columns["latency_cpu"][TABLE.starts[at] : TABLE.starts[at + 1]]
            assert row["latency_cpu_seen"] in latencies


def test_a_file_of_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    table = str(write_small_table(tmp_path))
    options = {"budget": 10, "repeats": 1}
    archcast.search(table, found="python.csv", **options)
    command = f"search --benchmark {table} --budget 10 --repeats 1 --found typed.csv"
    app(command.split(), standalone_mode=False)
    shown = " ".join(capsys.readouterr().out.split())
    python, typed = (pd.read_csv(f"{name}.csv") for name in ("python", "typed"))
    pd.testing.assert_frame_equal(python, typed)
    assert "Found, with what the search saw of it in brackets:" in shown
    assert all(each in shown for each in typed["architecture"])
    with pytest.raises(InputError, match="it is what is read"):
        archcast.search(table, found=table, **options)
