"""What is kept of measured records is what measuring them anew gives, whatever happened since."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.ipc
import pytest

from archcast.core.files import unsealed
from archcast.evaluation import kept_measures
from archcast.evaluation.engine import run_job
from archcast.evaluation.kept_measures import NAME, measured, measured_jobs, measured_of
from archcast.evaluation.measure import measure, versions_in
from archcast.evaluation.record import Record, RecordStore, save_record, stored_records
from archcast.evaluation.runner import run_jobs
from archcast.studies.experiment import Experiment
from tests.results import small_table

TABLE = small_table()
ARRAYS = ["predictions", "truths"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of eight records, of which one failed and one has no costs."""
    jobs, _ = Experiment(TABLE, "params,random,rf,gp", (20,), test_size=20, repeats=2).plan()
    store = RecordStore(tmp_path_factory.mktemp("made") / "results", Record)
    records = run_jobs(jobs, TABLE, store, run_job)
    for at, changes in ((1, {"error": "no [luck]", "predictions": []}), (2, {"cost": None})):
        save_record(store.folder, keys_of([records[at]])[0], records[at].model_copy(update=changes))
    return store.folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(made, tmp_path / "results")


def keys_of(records: list[Record]) -> list[str]:
    return [record.job.key(record.table) for record in records]


def store_of(folder: Path) -> RecordStore[Record]:
    return RecordStore(folder, Record)


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    objects = [*ARRAYS, "split_tau"]
    pd.testing.assert_frame_equal(found.drop(columns=objects), expected.drop(columns=objects))
    for name in ARRAYS:
        for one, two in zip(found[name], expected[name], strict=True):
            assert (one is None) == (two is None)
            np.testing.assert_array_equal(one, two)
    for one, two in zip(found["split_tau"], expected["split_tau"], strict=True):
        assert (one is None) == (two is None)
        if one is not None:
            assert one.tau == two.tau
            np.testing.assert_array_equal(one.influence, two.influence)


def anew(folder: Path) -> pd.DataFrame:
    records = list(store_of(folder))
    return measure(records).set_index(pd.Index(keys_of(records)))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keys of the records that are read."""
    load, keys = RecordStore.load, list[str]()

    def seen(store: Any, key: str) -> Any:
        keys.append(key)
        return load(store, key)

    monkeypatch.setattr(RecordStore, "load", seen)
    return keys


def test_what_is_kept_is_what_measuring_gives(folder: Path, read: list[str]) -> None:
    expected = anew(folder)
    read.clear()
    for reads in (8, 0):
        found = measured(store_of(folder))
        assert_same(found, expected)
        assert len(read) == reads
        read.clear()
    some = [*expected.index[5:1:-1], "0" * 20]
    assert_same(measured(store_of(folder), some), expected.loc[some[:-1]])
    assert not read


def test_only_what_changed_is_read_again(folder: Path, read: list[str]) -> None:
    keys = [*measured(store_of(folder)).index]
    files = [folder / f"{key}.json" for key in keys]
    files[0].unlink()
    save_record(folder, keys[1], store_of(folder).load(keys[1]))  # type: ignore[arg-type]
    text = files[2].read_text()
    files[2].write_text(text.replace('"fallbacks":0', '"fallbacks":3'))
    files[3].write_text("{")
    read.clear()
    found = measured(store_of(folder))
    assert set(read) == {*keys[1:4]}
    assert found.index.tolist() == [keys[1], keys[2], *keys[4:]]
    assert found["fallbacks"].tolist()[:2] == [0, 3]
    assert_same(found, anew(folder))
    assert not measured(store_of(folder), keys[:1]).size


def test_measures_of_other_code_are_not_used(
    folder: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(store_of(folder))
    read.clear()
    monkeypatch.setattr(kept_measures, "_made_of", lambda: b"other")
    assert len(measured(store_of(folder))) == len(read) == 8


@pytest.mark.parametrize("content", [b"", b"PAR1", None])
def test_a_broken_file_is_made_again(folder: Path, content: bytes | None) -> None:
    expected = measured(store_of(folder))
    path = folder / NAME
    if content is None:
        pd.DataFrame({"key": ["a"]}).to_parquet(path)
    else:
        path.write_bytes(content)
    for _ in range(2):
        assert_same(measured(store_of(folder)), expected)


def test_a_file_that_somebody_changed_is_made_again(folder: Path) -> None:
    """A bit in it, or a column twice, which no reader would see."""
    expected = measured(store_of(folder))
    path = folder / NAME
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    kept = pa.ipc.open_file(pa.py_buffer(unsealed(path))).read_all()
    twice = pa.BufferOutputStream()
    columns, names = [*kept.columns, kept["versions"]], [*kept.column_names, "versions"]
    changed = pa.Table.from_arrays(columns, names, metadata=kept.schema.metadata)
    with pa.ipc.new_file(twice, changed.schema) as file:
        file.write_table(changed)
    for bad in (content, twice.getvalue()):
        path.write_bytes(bad)
        assert_same(measured(store_of(folder)), expected)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_closed_folder_is_measured_each_time(folder: Path) -> None:
    folder.chmod(0o500)
    assert len(measured(store_of(folder))) == 8


def test_jobs_run_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    jobs, _ = Experiment(TABLE, "params,random,rf,gp", (20,), test_size=20, repeats=3).plan()
    ran: list[str] = []
    monkeypatch.setattr(
        kept_measures,
        "run_job",
        lambda job, table: ran.append(job.job.key(table.hash)) or run_job(job, table),
    )
    first = measured_jobs(jobs[:2], TABLE, store_of(folder), retry=False)
    assert first["error"].tolist() == [None, "no [luck]"]
    assert not ran
    found = measured_jobs(jobs, TABLE, store_of(folder))
    assert found.index.tolist() == [job.job.key(TABLE.hash) for job in jobs]
    assert len(ran) == 5, "four new ones, and the one that had failed"
    assert found["error"].isna().all()
    assert "7 of 12 results reused" in caplog.text
    assert_same(measured_of(folder, TABLE.hash).loc[found.index], found)
    assert measured_of(folder, "another").empty
    assert measured_of(folder / "none", TABLE.hash).empty
    assert not (folder / "none").exists()
    (versions,) = versions_in(found)
    (record, *_) = store_of(folder)
    assert versions == record.versions


def test_of_records_of_earlier_code_the_newest_count(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = small_table(40)
    experiment = Experiment(table, "bayes-lin-reg", [20], repeats=2, test_size=10)
    first = experiment.run(tmp_path)
    store = RecordStore(tmp_path, Record)
    for at, record in enumerate(first):
        job = record.job.model_copy(update={"identity": "of other code"})
        older = record.model_copy(update={"job": job, "predictions": record.predictions[::-1]})
        key = job.key(table.hash)
        save_record(tmp_path, key, older)
        os.utime(tmp_path / f"{key}.json", ns=(at, at))
    assert len([*store]) == 4
    found = measured_of(tmp_path, table.hash)
    assert len(found) == 2
    assert found["predictions"].tolist()[0].tolist() in [each.predictions for each in first]
    kept = stored_records(tmp_path, Record, table.hash)
    assert sorted(each.job.repeat for each in kept) == [0, 1]
    assert {each.job.identity for each in kept} == {first[0].job.identity}
    assert "not using 2 records of earlier code" in caplog.text
