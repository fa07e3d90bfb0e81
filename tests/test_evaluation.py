from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archcast.benchmarks.objective import ACCURACY, known_objective
from archcast.benchmarks.opening import open_table
from archcast.benchmarks.table import Table
from archcast.core.errors import InputError
from archcast.core.registry import Entry
from archcast.core.workers import Processes
from archcast.evaluation.engine import context, run_job, split
from archcast.evaluation.job import Job, Planned
from archcast.evaluation.kept_measures import measured_jobs
from archcast.evaluation.measure import measure
from archcast.evaluation.preparing import PARTS, preparations
from archcast.evaluation.record import Record, RecordStore, save_record, stored_records
from archcast.evaluation.runner import run_jobs
from archcast.predictors import registry as predictors
from archcast.predictors.baselines import Random
from archcast.predictors.predictor import Context, Predictor, Tags
from archcast.report.text import Row, rows_of
from archcast.spaces.nasbench201 import SPACE
from archcast.spaces.space import Architecture
from archcast.studies.experiment import Experiment
from archcast.studies.leaderboard import summarise
from tests.ends import Ends
from tests.results import EPOCH_SECONDS, EPOCHS, planned, said, small_table, write_small_table

TABLE = small_table()


def leaderboard(records: Sequence[Record]) -> list[Row]:
    return rows_of(summarise(measure(records)))


def job(predictor: str = "random", **changes: Any) -> Job:
    values: dict[str, Any] = {
        **said(predictor),
        "train_size": 20,
        "epochs": 0,
        "test_size": 30,
        "label": "valid",
        "truth": "test",
        "repeat": 0,
    }
    return Job(**{**values, **changes})


def run(job: Job, table: Table = TABLE) -> Record:
    return run_job(planned(job), table)


class Spy(Predictor):
    """Shows what it was given; `fail` makes it raise, or return NaN."""

    seen: list[Any] = []  # noqa: RUF012
    tags = Tags(needs=frozenset({"curves", "columns"}), columns=frozenset({"parameters"}))

    def __init__(self, fail: str = "") -> None:
        self.fail = fail

    def _fit(self, architectures: Sequence[Architecture], labels: Any, context: Context) -> None:
        if self.fail == "raise":
            raise RuntimeError("no luck\ntoday")
        Spy.seen.append((list(architectures), labels, context))

    def _query(self, architectures: Sequence[Architecture], context: Context) -> Any:
        Spy.seen.append((list(architectures), None, context))
        return np.full(len(architectures), np.nan if self.fail == "nan" else 1.0)


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> type[Spy]:
    Spy.seen = []
    entries = {**predictors.entries, "spy": Entry(f"{__name__}:Spy", "a spy", "baseline")}
    monkeypatch.setitem(predictors.__dict__, "entries", entries)
    return Spy


def test_key_is_stable_and_sees_everything() -> None:
    one, two = ({"x": 1, "y": 2}, {"y": 2, "x": 1})
    assert job(params=one).key("t") == job(params=two).key("t")
    assert job(identity="").key("t") == "bb9392fa9fb14fff3973"
    changes = [
        {"predictor": "xgb"},
        {"params": one},
        {"objective": known_objective("flops")},
        {"train_size": 21},
        {"epochs": 2},
        {"test_size": 31},
        {"label": "test"},
        {"truth": "valid"},
        {"device": "cuda"},
        {"identity": "other"},
        {"seed": 1},
        {"repeat": 1},
    ]
    keys = {job(**change).key("t") for change in changes} | {job().key("t"), job().key("u")}
    assert len(keys) == len(changes) + 2


def test_split_is_paired_and_nested() -> None:
    small, large = split(job("rf"), TABLE), split(job("xgb", train_size=30, epochs=2), TABLE)
    np.testing.assert_array_equal(small.test, large.test)
    np.testing.assert_array_equal(small.train, large.train[:20])
    np.testing.assert_array_equal(small.run, large.run)
    assert not set(large.train) & set(large.test)
    other = split(job("rf", repeat=1), TABLE)
    assert set(other.test) != set(small.test)
    assert set(split(job("rf", seed=1), TABLE).test) != set(small.test)


def test_no_label_is_of_a_network_that_is_ranked() -> None:
    cells = SPACE.sample(400, np.random.default_rng(0))
    table = Table(
        SPACE, "toy", [str(cell) for cell in cells], {"test_accuracy": np.arange(400) / 4}
    )
    kinds = np.unique([str(SPACE.canonical(cell)) for cell in cells], return_inverse=True)[1]
    assert len(set(kinds)) < 380
    asked = {"test_size": 150, "label": "test"}
    some, more = (split(job("rf", train_size=n, **asked), table) for n in (100, 180))
    assert not set(kinds[more.train]) & set(kinds[more.test])
    np.testing.assert_array_equal(some.train, more.train[:100])
    table.mixed = True
    anything = split(job("rf", train_size=250, **asked), table)
    np.testing.assert_array_equal(anything.test, more.test)
    assert sorted([*anything.train, *anything.test]) == list(range(400))
    allowed = anything.train[~np.isin(kinds[anything.train], kinds[anything.test])]
    np.testing.assert_array_equal(more.train, allowed[:180])
    table.mixed = False
    record = run_job(planned(job("rf", train_size=250, **asked)), table)
    assert record.error is not None
    assert f"only {len(allowed)} architectures are not isomorphic" in record.error


def test_seeds_differ_between_settings_and_repeats() -> None:
    seeds = {
        job(text, repeat=repeat, seed=seed, train_size=size).predictor_seed()
        for text in ("rf", "xgb", "xgb(max_depth=2)")
        for repeat, seed in ((0, 0), (1, 0), (0, 1))
        for size in (5, 20)
    }
    assert len(seeds) == 9, "the same for all train sizes"


def test_run_of_an_architecture_is_drawn_among_its_runs() -> None:
    drawn = [split(job(repeat=r), TABLE).run - TABLE.starts[:-1] for r in range(20)]
    assert set(np.concatenate(drawn)) == {0, 1}


def test_predictor_sees_what_it_paid_for_and_no_more(spy: type[Spy]) -> None:
    record = run(job("spy", epochs=2))
    assert record.error is None
    (train, labels, given), (test, _, queried) = spy.seen[-2:]
    parts = split(job("spy", epochs=2), TABLE)
    assert train == [TABLE.architectures[i] for i in parts.train]
    assert test == [TABLE.architectures[i] for i in parts.test]
    runs = parts.run[parts.train]
    np.testing.assert_allclose(labels, TABLE.values(ACCURACY, "valid")[runs])
    for context_ in (given, queried):
        assert context_.curves.columns["valid_accuracy"].shape[1] == 2
        assert context_.curves.columns["valid_accuracy"].base is None, (
            "a view leads to the whole curve"
        )
        assert context_.curves.objective.base is None
        assert context_.curves.columns.keys() == {"train_loss", "valid_accuracy"}
        assert context_.columns.keys() == {"parameters"}
        assert context_.columns["parameters"].base is None
        assert context_.unlabeled is None
    np.testing.assert_allclose(
        given.curves.columns["train_loss"], TABLE.columns["train_loss"][runs][:, :2], rtol=1e-6
    )


def with_runs(*runs: int) -> Table:
    """Of `TABLE`'s architectures the first with so many runs, of other accuracies and seconds."""
    rng = np.random.default_rng(0)
    owners = np.repeat(np.arange(len(runs)), runs)
    size = (len(owners), EPOCHS)
    columns = {
        "seed": np.concatenate([np.arange(each) for each in runs]),
        "train_loss": rng.uniform(0.0, 2.0, size),
        "valid_accuracy": rng.uniform(10.0, 90.0, size),
        "test_accuracy": rng.uniform(10.0, 90.0, len(owners)),
        "epoch_seconds": rng.uniform(1.0, 9.0, len(owners)),
        "parameters": np.ones(len(owners), dtype=np.int64),
    }
    return Table(TABLE.space, "toy", [str(TABLE.architectures[i]) for i in owners], columns)


def test_truth_is_of_the_runs_that_no_predictor_sees(spy: type[Spy]) -> None:
    table = with_runs(*[3, 1, 2] * 20)
    rows = [range(*bounds) for bounds in pairwise(table.starts)]
    test, cost = table.columns["test_accuracy"], table.columns["epoch_seconds"]
    for repeat in range(3):
        planned_ = planned(job("spy", epochs=2, repeat=repeat))
        record, drawn = run_job(planned_, table), split(planned_.job, table).run
        assert record.error is None
        expected = [
            np.mean([test[row] for row in rows[at] if row != drawn[at]] or test[rows[at]])
            for at in record.architectures
        ]
        np.testing.assert_allclose(record.truth, expected, rtol=1e-6)
        *_, asked = spy.seen[-1]
        assert asked.curves is not None
        seen = table.columns["valid_accuracy"][drawn[record.architectures], :2]
        np.testing.assert_allclose(asked.curves.columns["valid_accuracy"], seen)
        assert record.cost is not None
        medians = [np.median([cost[row] for row in rows[at]]) for at in record.architectures]
        assert record.cost.evidence == pytest.approx(2 * np.mean(medians))


def test_single_runs_are_told() -> None:
    some = with_runs(*[2, 1, 1] * 20)
    kinds = (some, "sotl-e", True), (some, "params", False), (TABLE, "sotl-e", False)
    for table, name, told in kinds:
        _, remarks = Experiment(table, name, train_sizes=(20,), test_size=12).plan()
        said = [each for each in remarks if "40 of 60 architectures have a single run" in each]
        assert bool(said) == told


def test_cost_by_hand(spy: type[Spy]) -> None:
    cost = run(job("spy", epochs=2)).cost
    assert cost is not None
    assert cost.labels == pytest.approx(20 * EPOCHS * EPOCH_SECONDS)
    assert cost.evidence == pytest.approx(2 * EPOCH_SECONDS)
    assert cost.init_seconds == pytest.approx(cost.labels + cost.fit)
    assert cost.query_seconds == pytest.approx(cost.evidence + cost.query)
    long = run(job("spy", epochs=100)).cost
    assert long is not None
    assert long.evidence == pytest.approx(EPOCHS * EPOCH_SECONDS), "there are no more epochs to pay"
    free = run(job("random", train_size=0)).cost
    assert free is not None
    assert free.labels == free.evidence == 0.0


def test_cost_is_unknown_without_epoch_seconds() -> None:
    columns = {k: v for k, v in TABLE.columns.items() if k != "epoch_seconds"}
    texts = [str(a) for a in TABLE.architectures for _ in range(2)]
    cost = run(job("rf"), Table(TABLE.space, "toy", texts, columns)).cost
    assert cost is not None
    assert cost.labels is None
    assert cost.init_seconds is None
    assert cost.evidence == 0.0


def test_without_curves_a_label_costs_the_seconds_of_its_training() -> None:
    texts = [str(a) for a in TABLE.architectures for _ in range(2)]
    rng = np.random.default_rng(0)
    columns = {
        "seed": TABLE.columns["seed"],
        "valid_accuracy": rng.uniform(10.0, 90.0, len(texts)),
        "train_seconds": rng.uniform(100.0, 900.0, len(texts)),
    }
    final = Table(TABLE.space, "toy", texts, columns)
    record = run(job("rf", truth="valid"), final)
    medians = np.median(final.columns["train_seconds"].reshape(-1, 2), axis=1)
    assert record.cost is not None
    assert record.cost.labels == pytest.approx(medians[split(record.job, final).train].sum())
    assert record.cost.evidence == 0.0


def test_failures_are_records_with_reasons(spy: type[Spy]) -> None:
    raised = run(job("spy(fail=raise)", epochs=1))
    assert raised.error is not None
    assert raised.error.startswith("RuntimeError: no luck today (test_evaluation.py:")
    nan = run(job("spy(fail=nan)", epochs=1))
    assert nan.error is not None
    assert "30 of 30 predictions are not finite" in nan.error
    assert nan.predictions == []
    (row,) = leaderboard([nan])
    assert row["failed"] == row["repeats"] == 1
    assert row["kendall_tau"] is row["init_seconds"] is None


@pytest.mark.parametrize("text", ["two\nlines", "\ud800", "\x1b[31m", None])
def test_any_exception_is_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    class OddError(Exception):
        def __str__(self) -> str:
            if text is None:
                raise ValueError
            return text

    def query(*_: Any) -> Any:
        raise OddError

    monkeypatch.setattr(Random, "_query", query)
    store = RecordStore(tmp_path, Record)
    (record,) = run_jobs([planned(job())], TABLE, store, run_job)
    assert str(record.error).startswith("OddError")
    assert "\n" not in str(record.error)
    assert [*store] == [record]


def test_leaderboard_means_by_hand() -> None:
    records = [run(job(predictor="params", repeat=r)) for r in range(3)]
    taus = [leaderboard([record])[0]["kendall_tau"] for record in records]
    rows = leaderboard([*records, run(job("random"))])
    row = next(row for row in rows if row["predictor"] == "params")
    assert row["kendall_tau"] == pytest.approx(np.mean(taus))
    assert row["kendall_tau_low"] <= row["kendall_tau"] <= row["kendall_tau_high"]
    assert row["repeats"] == 3
    assert [r["kendall_tau"] for r in rows] == sorted(
        (r["kendall_tau"] for r in rows), reverse=True
    )


def test_record_survives_json() -> None:
    record = run(job("rf"))
    assert Record.model_validate_json(record.model_dump_json()) == record


def test_quick_jobs_first_and_supernets_before_proxies(tmp_path: Path) -> None:
    texts = ["snip", "rsws", "rf", "rank-sum([nwot, synflow])", "fairnas", "params"]
    jobs = [planned(job(text, repeat=repeat)) for text in texts for repeat in (0, 1)]
    ran = []

    def seen(each: Planned[Job], table: Table) -> Record:
        ran.append((each.job.name, each.job.repeat))
        return Record(job=each.job, table=table.hash, error="not run")

    records = run_jobs(jobs, TABLE, RecordStore(tmp_path, Record), seen)
    assert ran == [
        *[(name, repeat) for name in ("params", "rf") for repeat in (0, 1)],
        *[(name, repeat) for repeat in (0, 1) for name in ("rsws", "fairnas")],
        *[(name, repeat) for name in ("snip", "rank-sum") for repeat in (0, 1)],
    ]
    assert [record.job for record in records] == [each.job for each in jobs]


def test_finished_jobs_are_not_run_again(tmp_path: Path, spy: type[Spy]) -> None:
    store = RecordStore(tmp_path / "results", Record)
    jobs = [
        planned(job(spec, epochs=1, repeat=r)) for r in (0, 1) for spec in ("spy", "spy(fail=nan)")
    ]
    first = run_jobs(jobs, TABLE, store, run_job)
    assert [record.failed for record in first] == [False, True, False, True]
    calls = len(spy.seen)
    assert run_jobs(jobs, TABLE, store, run_job, retry=False) == first
    assert len(spy.seen) == calls
    run_jobs(jobs, TABLE, store, run_job)
    assert len(spy.seen) == calls + 2 * 2, "a fit and a query for what failed, and nothing else"


class Sharing(Random):
    """Shares what it can't do."""

    shares = "nothing"  # type: ignore[assignment]

    def prepare(self, *_: Any) -> None:
        raise RuntimeError


def test_shared_work_that_fails_leaves_the_jobs(tmp_path: Path) -> None:
    experiment = Experiment(TABLE, [Sharing(), Sharing(seed=1)], (10,), test_size=20, repeats=1)
    assert len(preparations(experiment.plan()[0])) == PARTS
    assert [record.error for record in experiment.run(tmp_path)] == [None, None]


def test_a_job_that_ends_its_process_is_a_failure_of_its_own(tmp_path: Path) -> None:
    ends = [Ends("crash"), Ends("exit"), Ends("sys.exit"), Ends()]
    experiment = Experiment(TABLE, ends, (10,), test_size=20, repeats=1)
    records = experiment.run(tmp_path, Processes(1))
    crash, exit_, sys_exit, error = (record.error for record in records)
    assert "SIGSEGV" in str(crash)
    assert "EXIT(0)" in str(exit_)
    assert "SystemExit: 0" in str(sys_exit)
    assert error is None
    assert [record.error for record in experiment.run(tmp_path, retry=False)] == [
        record.error for record in records
    ], "and it is kept"


def test_sys_exit_is_a_failure_in_this_process_too(tmp_path: Path) -> None:
    experiment = Experiment(TABLE, [Ends("sys.exit"), Ends()], (10,), test_size=20, repeats=1)
    assert [record.failed for record in experiment.run(tmp_path)] == [True, False]


def test_a_passing_fault_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = RecordStore(tmp_path / "results", Record)
    with monkeypatch.context() as patch:
        patch.setattr(Random, "_query", lambda *_: 1 / 0)
        assert run_jobs([planned(job())], TABLE, store, run_job)[0].failed
    assert not run_jobs([planned(job())], TABLE, store, run_job)[0].failed
    assert not run_jobs([planned(job())], TABLE, store, run_job, retry=False)[0].failed, (
        "and it is kept"
    )


def test_how_much_is_reused_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = RecordStore(tmp_path / "results", Record)
    run_jobs([planned(job())], TABLE, store, run_job)
    assert "reused" not in caplog.text
    run_jobs([planned(job()), planned(job(repeat=1))], TABLE, store, run_job)
    assert "1 of 2 results reused from" in caplog.text


def test_versions_that_are_mixed_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = RecordStore(tmp_path / "results", Record)
    (record,) = run_jobs([planned(job())], TABLE, store, run_job)
    assert {"torch", "numpy", "scikit-learn", "xgboost"} <= record.versions.keys()
    other = record.model_copy(update={"versions": {**record.versions, "torch": "1.0"}})
    save_record(store.folder, job().key(TABLE.hash), other)
    run_jobs([planned(job()), planned(job(repeat=1))], TABLE, store, run_job)
    assert f"several versions are compared: torch 1.0 and {version('torch')}" in caplog.text
    assert "machine" not in caplog.text


def test_kinds_of_machine_that_are_mixed_are_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = RecordStore(tmp_path / "results", Record)
    (record,) = run_jobs([planned(job())], TABLE, store, run_job)
    assert record.machine.startswith(f"{platform.system()} {platform.machine()}, ")
    known = {
        "Linux x86_64": None,  # as earlier records say it
        "Linux x86_64, slow": None,
        "Linux x86_64, fast": "Linux x86_64, fast; Linux x86_64, slow",
    }
    records = []
    for repeat, (machine, told) in enumerate(known.items()):
        records.append(planned(job(repeat=repeat)))
        made = record.model_copy(update={"machine": machine, "job": records[-1].job})
        save_record(store.folder, records[-1].job.key(TABLE.hash), made)
        for read in (partial(run_jobs, run=run_job), measured_jobs):
            caplog.clear()
            read(records, TABLE, store)
            assert ("several kinds of machine" in caplog.text) == bool(told)
            assert (told or "") in caplog.text


def test_the_table_that_is_given_is_the_one_that_is_used(tmp_path: Path) -> None:
    """In worker processes too; nobody opens it by a name."""
    texts = [str(architecture) for architecture in TABLE.architectures]
    other = Table(
        TABLE.space, "other", texts, {"test_accuracy": np.linspace(1.0, 99.0, len(texts))}
    )
    experiment = Experiment(other, "rf", train_sizes=(10,), test_size=20, repeats=2)
    for workers in (1, 2):
        records = experiment.run(tmp_path / str(workers), workers)
        for record in records:
            assert record.table == other.hash
            truth = np.linspace(1.0, 99.0, len(texts))[record.architectures]
            np.testing.assert_allclose(record.truth, truth, rtol=1e-6)


def test_images_that_change_under_a_run_are_a_failure(tmp_path: Path) -> None:
    images = tmp_path / "images.npz"
    part = {"images": np.arange(3 * 64, dtype=np.uint8).reshape(3, 8, 8), "labels": [0, 1, 2]}
    arrays = {f"{name}_{key}": part[key] for name in ("train", "valid", "test") for key in part}
    np.savez(images, **arrays)
    table = small_table()
    table.metadata["images"] = str(images)
    planned_jobs, _ = Experiment(table, "nwot", (1,), test_size=5, repeats=1).plan()
    np.savez(images, **{**arrays, "train_images": arrays["test_images"] + 1})
    store = RecordStore(tmp_path / "results", Record)
    (record,) = run_jobs(planned_jobs, table, store, run_job, Processes(1))
    assert "changed under the run" in str(record.error)


@pytest.mark.parametrize("version", [1, 2])
def test_old_folders_keep_working(
    version: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "results"
    experiment = Experiment(TABLE, "rf", train_sizes=(10,), test_size=20, repeats=2)
    for record in experiment.run(folder):
        old = json.loads(record.model_dump_json()) | {"schema_version": version}
        save_path = folder / f"{record.job.repeat:020x}.json"
        save_path.write_text(json.dumps(old, separators=(",", ":")))
    caplog.clear()
    assert len(stored_records(folder, Record, TABLE.hash)) == 2
    assert caplog.text.count("not using 2 records of an earlier archcast") == 1
    assert len(caplog.records) == 1


def test_foreign_and_broken_files_are_ignored(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "foreign.json").write_text("{}")
    store = RecordStore(tmp_path, Record)
    assert "no records: foreign.json" in caplog.text
    broken = "0" * 20
    (tmp_path / f"{broken}.json").write_text('{"jo')
    assert store.load(broken) is None
    assert "ignoring a file that is no record" in caplog.text
    record = run(job())
    save_record(tmp_path, job().key(TABLE.hash), record)
    other = job(repeat=1).key(TABLE.hash)
    save_record(tmp_path, other, record)  # as if it was copied over
    os.mkfifo(tmp_path / f"{'2' * 20}.json")
    assert list(store) == [record]
    assert f"{other}.json: ignoring the record of another job" in caplog.text
    assert store.load("2" * 20) is None, "and does not wait"
    assert not list(tmp_path.glob(".*")), "nothing is left aside"


def test_results_folder_that_can_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="choose another by --results"):
        RecordStore(tmp_path / "file" / "results", Record).prepare()
    with pytest.raises(InputError, match="choose another by --results"):
        RecordStore(tmp_path / "file", Record)


def test_a_folder_that_can_only_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = Experiment(TABLE, "random", (5,), test_size=20, repeats=2)
    records = experiment.run(tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    assert stored_records(tmp_path, Record, TABLE.hash)
    assert experiment.run(tmp_path) == records
    with pytest.raises(InputError, match=r"not writable; choose another by --results"):
        replace(experiment, repeats=3).run(tmp_path)


def test_a_folder_that_goes_under_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def query(_: Random, architectures: Sequence[Architecture], __: Context) -> Any:
        shutil.rmtree(tmp_path / "results")
        return np.zeros(len(architectures))

    monkeypatch.setattr(Random, "_query", query)
    experiment = Experiment(TABLE, "random", (5,), test_size=20, repeats=2)
    with pytest.raises(InputError, match=r"can't be written \(No such file or directory\); choose"):
        experiment.run(tmp_path / "results")
    assert not list(tmp_path.iterdir())


def test_what_kills_have_left_is_removed(tmp_path: Path) -> None:
    old, new = tmp_path / ".a.json.1.1.part", tmp_path / ".b.json.1.1.part"
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    Experiment(TABLE, "random", (5,), test_size=20, repeats=1).run(tmp_path)
    assert not old.exists()
    assert new.exists(), "somebody may still be writing it"


@pytest.mark.parametrize("change", [
    {"predictions": [1.0]}, {"predictions": []}, {"truth": [1.0] * 29}, {"architectures": [1] * 31},
    {"predictions": [float("nan")] * 30}, {"truth": [float("inf")] * 30},
    {"cost": {"labels": 1.0, "fit": float("nan"), "evidence": None, "query": 1.0}},
])  # fmt: skip
def test_inconsistent_records_are_none(
    change: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = run(job())
    path = tmp_path / f"{job().key(TABLE.hash)}.json"
    changed = {**good.model_dump(mode="json"), **change}
    path.write_text(json.dumps(changed, separators=(",", ":")))
    assert not list(RecordStore(tmp_path, Record))
    assert "ignoring a file that is no record" in caplog.text


def test_many_foreign_files_are_one_short_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(100):
        (tmp_path / f"{number}\x1b[31m{'x' * 200}.json").touch()
    RecordStore(tmp_path, Record)
    assert "and 97 more" in caplog.text
    assert "\x1b" not in caplog.text
    assert len(caplog.text) < 1_000


def test_grid_has_no_double_jobs() -> None:
    experiment = Experiment(
        TABLE, "random, rf, params", train_sizes=(5, 10), epochs=(1, 2), test_size=20, repeats=3
    )
    plans, _ = experiment.plan()
    jobs = [each.job for each in plans]
    by_predictor = {name: [j for j in jobs if j.predictor == name] for name in ("random", "rf")}
    assert len(by_predictor["random"]) == 3, "chance needs neither labels nor curves"
    assert {j.train_size for j in by_predictor["random"]} == {0}
    assert len(by_predictor["rf"]) == 6
    assert {j.epochs for j in by_predictor["rf"]} == {0}
    assert len({j.key(TABLE.hash) for j in jobs}) == len(jobs)


def test_all_leaves_out_what_the_table_can_not_give() -> None:
    texts = [str(architecture) for architecture in TABLE.architectures]
    least = Table(TABLE.space, "toy", texts, {"test_accuracy": TABLE.values(ACCURACY, "test")[::2]})
    experiment = Experiment(least, "baseline", train_sizes=(10,), test_size=20, repeats=1)
    plans, remarks = experiment.plan()
    jobs = [each.job for each in plans]
    assert [j.predictor for j in jobs] == ["random"]
    assert {j.label for j in jobs} == {"test"}
    assert any("flops (the table has no flops)" in remark for remark in remarks)
    assert any("labels are test values" in remark for remark in remarks)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"predictors": "xgbb"}, "did you mean xgb"),
        ({"predictors": "xgb(depth=3)"}, "xgb has no parameter 'depth'"),
        ({"predictors": "flops"}, "the table has no flops"),
        ({"predictors": ""}, "chooses none"),
        ({"train_sizes": (-1,)}, "--train-sizes -1"),
        ({"train_sizes": (50,)}, "has 60 architectures, fewer than train size 50"),
        ({"epochs": (0,)}, "--epochs 0"),
        ({"test_size": 1}, "--test-size 1"),
        ({"repeats": 0}, "--repeats 0"),
    ],
)
def test_wrong_experiments(changes: dict[str, Any], message: str) -> None:
    values: dict[str, Any] = {"train_sizes": (10,), "test_size": 20, **changes}
    with pytest.raises(InputError, match=message):
        Experiment(TABLE, **values).plan()


def test_context_names_are_checked() -> None:
    with pytest.raises(TypeError, match="no fields"):
        Tags(needs=frozenset({"truth"}))
    one = np.array([0])
    assert context(TABLE, one, predictors.get("rf")(), ACCURACY, 0, one, 0) == Context()


def _records(folder: Path) -> dict[str, Any]:
    """What does not depend on the clock."""
    return {
        path.name: {**json.loads(path.read_text()), "cost": None} for path in folder.glob("*.json")
    }


def test_killed_run_goes_on(tmp_path: Path) -> None:
    table = write_small_table(tmp_path)
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    command = [
        sys.executable, "-m", "archcast.cli", "leaderboard", "--benchmark", str(table),
        "--predictors", "rf,random", "--train-sizes", "5,10", "--test-size", "20",
        "--repeats", "5", "--jobs", "2", "--results", str(broken),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, process_group=0) as process:
        while len(list(broken.glob("*.json"))) < 3:
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    kept = {path: path.stat().st_mtime_ns for path in broken.glob("*.json")}
    assert 3 <= len(kept) < 15
    opened = open_table(str(table))
    experiment = Experiment(
        opened, "rf,random", train_sizes=(5, 10), test_size=20, repeats=5, device="cpu"
    )
    jobs, _ = experiment.plan()
    again, undisturbed = (
        run_jobs(jobs, opened, RecordStore(at, Record), run_job) for at in (broken, whole)
    )
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "a finished job was redone"
    assert _records(broken) == _records(whole)
    assert len(_records(whole)) == 15
    assert [r.predictions for r in again] == [r.predictions for r in undisturbed]
