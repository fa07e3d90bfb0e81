"""What scripts of `reproduce` tell of what they ran."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from archcast.benchmarks.opening import open_table
from archcast.search.search_job import SearchRecord, own_seed
from archcast.studies.searches import SearchExperiment
from reproduce import robust_search
from reproduce.live_search import Searches


def test_what_a_robust_search_took_has_the_training_of_its_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = open_table("nasbench201-mini")

    def run(experiment: SearchExperiment, *_: Any) -> list[SearchRecord]:
        costs = {"total_training_seconds": 3.0, "total_predictor_seconds": 4.0}
        jobs = [each.job for each in experiment.plan()[0]]
        return [SearchRecord(job=job, table=known.hash, architectures=[0], **costs) for job in jobs]

    monkeypatch.setattr(SearchExperiment, "run", run)
    monkeypatch.setattr(sys, "argv", ["robust_search", "--repeats", "2"])
    robust_search.main()
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| `darts`")]
    assert len(rows) == 1
    assert rows[0].endswith("| 7.0 s |")


def test_journals_hold_each_training_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    searches = Searches(tmp_path / "searches", budget=2, at_once=2)
    known = open_table("nasbench201-mini")
    [_, planned], _ = SearchExperiment(known, "evolution", budget=2, live=True, at_once=2).plan()
    one, other = map(str, known.architectures[:2])
    record = SearchRecord(job=planned.job, table=known.hash, beyond=[one, other])
    monkeypatch.setattr(searches, "records", lambda: [record])
    path = searches.folder / f"results/search/trainings/{record.job.key(known.hash)}.journal"
    path.parent.mkdir(parents=True)

    def holds(*architectures: str) -> bool:
        asked = [[each, own_seed(record.job)] for each in architectures]
        lines = [json.dumps([json.dumps(each), 1.0, None]) for each in asked]
        path.write_text("".join(f"{line}\n" for line in lines))
        return searches.are_whole

    assert holds(one, other)
    assert holds(other, one)
    assert not holds(one)
    assert not holds(one, other, one)
