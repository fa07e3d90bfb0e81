"""Jobs on a cluster: two workers in processes of their own, which share no folder with anybody."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archcast.benchmarks.opening import open_table
from archcast.cli.options import workers_of
from archcast.core import cluster as cluster_module
from archcast.core.cache import cache_folder
from archcast.core.cluster import Cluster, opened
from archcast.core.errors import InputError
from archcast.core.hosting import installed
from archcast.core.workers import run_each
from archcast.making.ground_truth import Beyond
from archcast.making.recipe import Recipe
from archcast.making.robustness import Attack
from archcast.making.table_training import Setting, drawn
from archcast.spaces import registry as spaces
from archcast.studies.experiment import Experiment
from tests.test_networks import save_images
from tests.test_workers import Stays, crashes, wait_until

LOSSES = 2  # of its worker, after which a job is lost
QUIET = ("--no-dashboard", "--host", "127.0.0.1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the scheduler's file, and of the workers and their caches, which are `0` and `1`."""
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="module")
def cluster(folder: Path) -> Iterator[Cluster]:
    with ExitStack() as stack:
        file = str(folder / "scheduler.json")
        allowed = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": str(LOSSES - 1)}
        start(stack, "scheduler", "--port", "0", "--scheduler-file", file, **allowed)
        for each in ("0", "1"):
            cache = {"ARCHCAST_CACHE": str(folder / each / "cache")}
            where = ("--local-directory", str(folder / each))
            start(stack, "worker", "--scheduler-file", file, "--nthreads", "1", *where, **cache)
        wait_until(Path(file).exists)
        found = opened(file)
        stack.callback(found.shutdown)
        wait_until(lambda: len(found._client.nthreads()) == 2)
        yield found


def start(stack: ExitStack, kind: str, *options: str, **environment: str) -> None:
    """A scheduler or a worker, which ends with the stack, the last first."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.dask_{kind}", *QUIET, *options],
        env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    stack.callback(process.wait)
    stack.callback(process.terminate)


def test_results_and_exceptions_as_of_any_executor(cluster: Cluster) -> None:
    assert list(run_each(abs, [-3, 1, -2], cluster, ordered=True)) == [3, 1, 2]
    results = run_each(math.sqrt, [4, 9, -1, *[4] * 20], cluster, ordered=True)
    assert [next(results), next(results)] == [2, 3]
    with pytest.raises(ValueError, match="math domain"):
        next(results)
    assert sorted(run_each(lambda item: item + 1, [1, 4], cluster)) == [2, 5]


def test_the_same_records_as_here(cluster: Cluster, tmp_path: Path) -> None:
    table = open_table("nasbench201-mini")
    predictors = "bayes-lin-reg,sotl-e,synflow,rf(n_estimators=-1)"
    experiment = Experiment(table, predictors, test_size=10, repeats=2)
    here, there = (
        experiment.run(tmp_path / name, workers)
        for name, workers in (("here", 1), ("there", cluster))
    )
    seconds = {"cost": {"fit", "query"}}
    dumped = [[each.model_dump(exclude=seconds) for each in records] for records in (here, there)]
    assert dumped[0] == dumped[1]
    assert [bool(each.error) for each in there] == [each.cost is None for each in there]
    assert sum(each.failed for each in there) == 2
    assert len(list((tmp_path / "there").glob("*.json"))) == len(there)


def test_supernets_are_trained_once_and_travel(
    cluster: Cluster, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHCAST_CACHE", str(tmp_path / "own"))  # other tests leave theirs
    experiment = Experiment(
        open_table("nasbench201-mini"), "rsws(epochs=1,valid_images=20)", test_size=2, repeats=4
    )
    records = experiment.run(tmp_path, cluster)
    assert not any(record.error for record in records), records
    caches = [cache_folder(""), folder / "0" / "cache", folder / "1" / "cache"]
    [own, *others] = files = [path for each in caches for path in each.glob("supernets/*.pt")]
    assert own.is_relative_to(caches[0])
    assert others, "that of who trained it"
    assert len({path.read_bytes() for path in files}) == 1, "they hold how long training took"
    trained = own.read_bytes()
    for path in others:  # as a worker that is new
        path.unlink()
    again = experiment.run(tmp_path / "again", cluster)
    assert [each.predictions for each in again] == [each.predictions for each in records]
    there = [path.read_bytes() for each in caches for path in each.glob("supernets/*.pt")]
    assert len(there) > 1
    assert {*there} == {trained}


def test_what_is_trained_beyond_a_table_comes_home(
    cluster: Cluster, folder: Path, tmp_path: Path
) -> None:
    space = spaces.get("size")
    setting = replace(
        Setting.mini(space, str(save_images(tmp_path / "squares.npz")), "cpu"),
        recipe=Recipe(epochs=1),
        attack=Attack(images=9),
    )
    beyond = Beyond(setting, "of-a-test")
    runs = [(each, 0) for each in drawn(space, 2)]
    trained = beyond.trained(runs, cluster)
    found = beyond.table(beyond.rows())
    accuracies = [
        {str(each): table.columns["test_accuracy"][table.index(each)] for each, _ in runs}
        for table in (found, trained)
    ]
    assert accuracies[0] == accuracies[1]
    there = [path.name for path in folder.glob("*/cache/ground-truth/of-a-test/*.json")]
    assert sorted(there) == sorted(path.name for path in beyond.folder.glob("*.json"))


def test_what_jobs_have_in_common_travels_once(cluster: Cluster, tmp_path: Path) -> None:
    class Large:
        def __init__(self) -> None:
            self.content = b"0" * 20_000_000

        def __getstate__(self) -> dict[str, Any]:
            with (tmp_path / "pickled").open("a") as file:
                file.write(".")
            return vars(self)

        def __setstate__(self, state: dict[str, Any]) -> None:
            vars(self).update(state)
            (tmp_path / str(os.getpid())).touch()

        def __call__(self, item: int) -> int:
            time.sleep(0.02)
            return len(self.content) + item

    assert sum(run_each(Large(), range(20), cluster)) == 20 * 20_000_000 + sum(range(20))
    assert (tmp_path / "pickled").read_text() == "."
    assert len([*tmp_path.iterdir()]) <= 3, "read once by each process"


def test_who_kills_its_process_harms_no_other_and_no_worker(cluster: Cluster) -> None:
    before = cluster._client.run(os.getpid)
    results = list(run_each(crashes, range(20), cluster, True, lambda item, loss: loss.how))  # type: ignore[arg-type, return-value]
    [how] = [each for each in results if isinstance(each, str)]
    assert results[7] == how == "killed the process that it ran in, twice (SIGKILL(-9))"
    assert results[8:] == [*range(8, 20)]
    assert cluster._client.run(os.getpid) == before


def test_what_can_not_travel_harms_no_other(cluster: Cluster) -> None:
    items = [0, Stays(leaves=False), Stays(leaves=True), 1]
    is_number: Callable[[object], object] = lambda item: isinstance(item, int)  # noqa: E731
    assert list(run_each(is_number, items, cluster, True, lambda _, loss: loss.how)) == [
        True,
        "can't go to another process (RuntimeError: at home)",
        "can't go to another process (RuntimeError: abroad)",
        True,
    ]


def test_another_archcast_or_python_is_refused(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert f"on Python {sys.version.split()[0]}" in installed()
    here = os.getpid()

    def told_here() -> str:
        return "archcast 9 on Python 4" if os.getpid() == here else installed()

    monkeypatch.setattr(cluster_module, "installed", told_here)
    told = r"has archcast .* on Python 3\S+, and not archcast 9 on Python 4; install the same"
    with pytest.raises(InputError, match=r"--cluster .*scheduler.json: tcp://\S+ " + told):
        Cluster(cluster.where)
    with pytest.raises(InputError, match=told):  # of a worker that came later
        list(run_each(abs, [1], cluster))


def test_workers_of_several_kinds_are_told_of(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cluster_module, "machine_kind", lambda: str(os.getpid()))
    with ExitStack() as stack:
        stack.callback(Cluster(cluster.where).shutdown)
    assert "has several kinds of machine, and seconds of trainings are those of any" in caplog.text


def test_jobs_of_a_lost_worker_run_elsewhere(cluster: Cluster, tmp_path: Path) -> None:
    begun = tmp_path / "begun"

    def job(item: int) -> int:
        if item == 5 and not begun.exists():
            begun.write_text(f"{os.getppid()} ")
            time.sleep(60)
        return item

    results = run_each(job, range(12), cluster)
    found = [next(results)]
    wait_until(lambda: begun.exists() and begun.read_text().endswith(" "))
    os.kill(int(begun.read_text()), signal.SIGKILL)
    assert sorted([*found, *results]) == [*range(12)]


def test_who_kills_workers_is_lost(cluster: Cluster) -> None:
    def job(item: int) -> None:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)

    losses = run_each(job, [7], cluster, on_loss=lambda _, loss: loss.how)  # type: ignore[arg-type, return-value]
    assert [*losses] == [f"lost the worker that had it, {LOSSES} times"]


def test_what_is_wrong_about_a_cluster_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cluster_module, "ANSWERS", 0.2)
    with pytest.raises(InputError, match=r"--cluster tcp://127.0.0.1:9: no scheduler answers"):
        Cluster("tcp://127.0.0.1:9")
    with pytest.raises(InputError, match=r"--cluster nowhere://1: no scheduler answers"):
        Cluster("nowhere://1")
    with pytest.raises(
        InputError, match=r"--cluster tls://127.0.0.1:9: no scheduler answers \(Type"
    ):
        Cluster("tls://127.0.0.1:9")  # without certificates
    (tmp_path / "empty.json").write_text("{}")
    for name in ("no.json", "empty.json"):
        with pytest.raises(InputError, match=f"{name}: not written by `dask scheduler"):
            Cluster(str(tmp_path / name))
    with pytest.raises(InputError, match="--jobs: is of this machine"):
        workers_of(2, "tcp://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"install archcast\[cluster\]"):
        Cluster("tcp://127.0.0.1:9")
