"""What scripts of `reproduce` tell of what they ran."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from archcast.benchmarks.opening import open_table
from archcast.search.search_job import SearchRecord, own_seed
from archcast.studies.searches import SearchExperiment
from reproduce import kills, robust_search
from reproduce.live_search import Searches
from reproduce.part import run


def test_what_a_robust_search_took_has_the_training_of_its_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = open_table("nasbench201-mini")

    def searched(experiment: SearchExperiment, *_: Any) -> list[SearchRecord]:
        costs = {"total_training_seconds": 3.0, "total_predictor_seconds": 4.0}
        jobs = [each.job for each in experiment.plan()[0]]
        return [SearchRecord(job=job, table=known.hash, architectures=[0], **costs) for job in jobs]

    monkeypatch.setattr(SearchExperiment, "run", searched)
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


def test_a_kill_that_comes_after_the_end_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(kills.COMMANDS, "quick", "list spaces")
    trials = kills.Trials("quick", tmp_path)
    record = trials.folder / "results" / "record.json"
    record.parent.mkdir()
    for after, struck in ((0.0, 1), (60.0, 1)):
        record.parent.mkdir(exist_ok=True)
        record.write_text("{}")
        assert [*trials.kill(signal.SIGKILL, True, after)] == []
        assert trials.struck == struck
        assert record.exists() == (after == 0.0), "of what has ended all is removed"


@pytest.mark.parametrize("fails", [False, True])
def test_a_fault_does_not_hide_how_many_kills_there_were(
    fails: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Struck:
        def __init__(self, *_: Any) -> None:
            self.struck = 0

        def kill(self, *_: Any) -> Iterator[str]:
            self.struck += 1
            if fails and self.struck == 2:
                raise OSError("unreadable")
            yield from ()

        def share(self) -> Iterator[str]:
            yield from ()

        finish = share

    monkeypatch.setattr(kills, "Trials", Struck)
    monkeypatch.setattr(kills, "begin_cluster", lambda *_: 0)
    monkeypatch.setattr(kills, "COMMANDS", {"one": "list", "other": "list"})
    assert kills.main(4, 0, 1.0) == int(fails)
    shown, said = capsys.readouterr()
    assert shown.startswith(f"4 kills at random moments, {2 * fails} faults:")
    assert f"| one | 2 | {int(fails)} |" in shown
    assert ("OSError: unreadable" in said) == fails


def test_what_a_command_printed_that_fails_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        run("python -c 'print(1234); raise SystemExit(1)'", {}, tmp_path)
    assert capsys.readouterr().err == "1234\n"
