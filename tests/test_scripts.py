"""What scripts of `reproduce` tell of what they ran."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from archcast.benchmarks.opening import open_table
from archcast.search.search_job import SearchRecord
from archcast.studies.searches import SearchExperiment
from reproduce import robust_search


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
