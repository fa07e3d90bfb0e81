"""Many jobs: their results, their failures, and one thread wherever seconds and digits count."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier
from typing import Any

import pytest
import torch
from threadpoolctl import threadpool_info

from archcast.core import workers as workers_module
from archcast.core.errors import InputError
from archcast.core.workers import JobLost, kept, one_thread, run_each

VARIABLES = ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")

COUNT = """
import json, os, sys
{first}
from archcast.core.workers import Processes, run_each

def threads(item):
    import torch
    from threadpoolctl import threadpool_info
    torch.mm(torch.ones(300, 300), torch.ones(300, 300))
    return [torch.get_num_threads(), *(pool["num_threads"] for pool in threadpool_info())]

if __name__ == "__main__":
    print(json.dumps([job for n in {workers} for job in run_each(threads, [0, 1, 2], n)]))
"""


@pytest.mark.parametrize(("first", "workers"), [("import torch", "[1, Processes(1)]"), ("", "[1]")])
def test_jobs_run_on_one_thread_whatever_the_environment_says(
    tmp_path: Path, first: str, workers: str
) -> None:
    script = tmp_path / "count.py"
    script.write_text(COUNT.format(first=first, workers=workers))
    done = subprocess.run(
        [sys.executable, str(script)], env={**os.environ, **dict.fromkeys(VARIABLES, "2")},
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    jobs = json.loads(done.stdout)
    assert len(jobs) == (6 if "," in workers else 3)
    assert {threads for job in jobs for threads in job} == {1}


def test_the_caller_gets_its_threads_back() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            assert torch.get_num_threads() == 1
            assert {pool["num_threads"] for pool in threadpool_info()} == {1}
            assert {os.environ[name] for name in VARIABLES} == {"1"}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_contexts_of_several_threads_may_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    together = Barrier(2, timeout=60)

    def first() -> None:
        torch.set_num_threads(2)  # OpenMP keeps a number for each thread
        with one_thread():
            together.wait()
            together.wait()
        assert os.environ["OMP_NUM_THREADS"] == "1"
        together.wait()

    def second() -> list[int]:
        torch.set_num_threads(2)
        together.wait()
        with one_thread():
            together.wait()
            together.wait()
            torch.mm(torch.ones(300, 300), torch.ones(300, 300))
            pools = threadpool_info()
            return [torch.get_num_threads(), *(pool["num_threads"] for pool in pools)]

    before = {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.submit(first), pool.submit(second)
        one.result()
        assert set(two.result()) == {1}
    assert os.environ["OMP_NUM_THREADS"] == "3"
    assert {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()} == before


# Results


def spawned() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


KINDS: dict[str, Callable[[], Any]] = {
    "this process": lambda: nullcontext(1),
    "our processes": lambda: nullcontext(2),
    "threads": lambda: ThreadPoolExecutor(2),
    "other processes": spawned,
}
kinds = pytest.mark.parametrize("kind", KINDS)


@kinds
def test_results_in_order_where_that_is_asked(kind: str) -> None:
    with KINDS[kind]() as workers:
        assert list(run_each(abs, [-3, 1, -2], workers, ordered=True)) == [3, 1, 2]
        assert sorted(run_each(abs, [-3, 1, -2], workers)) == [1, 2, 3]
        assert list(run_each(abs, [], workers)) == []


@pytest.mark.parametrize("kind", ["our processes", "threads"])
def test_results_as_they_come(kind: str) -> None:
    def sleep_first(number: int) -> int:
        time.sleep(0.5 * (number == 0))
        return number

    with KINDS[kind]() as workers:
        assert list(run_each(sleep_first, range(4), workers, ordered=True)) == [0, 1, 2, 3]
        assert list(run_each(sleep_first, range(4), workers))[-1] == 0


@kinds
def test_the_first_exception_ends_it(kind: str) -> None:
    with KINDS[kind]() as workers:
        results = run_each(math.sqrt, [4, 9, -1, *[4] * 20], workers, ordered=True)
        assert [next(results), next(results)] == [2, 3]
        with pytest.raises(ValueError, match="math domain"):
            next(results)
        assert list(results) == []
        assert sorted(run_each(math.sqrt, [1, 4], workers)) == [1, 2]  # and the workers go on


@pytest.mark.parametrize("kind", ["this process", "our processes", "threads"])
def test_items_are_taken_when_there_is_room(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers_module, "IN_FLIGHT", 2)
    monkeypatch.setattr(workers_module, "IN_FLIGHT_ELSEWHERE", 4)
    taken = []

    def items() -> Iterator[int]:
        for item in range(50):
            taken.append(item)
            yield item

    with KINDS[kind]() as workers:
        results = run_each(abs, items(), workers)
        for number in range(50):
            next(results)
            assert len(taken) <= number + 4
        results.close()  # type: ignore[attr-defined]


def test_an_early_end_leaves_jobs_undone_and_the_executor_open(tmp_path: Path) -> None:
    def job(item: int) -> int:
        (tmp_path / str(item)).touch()
        time.sleep(0.01)
        return item

    with ThreadPoolExecutor(1) as pool:
        results = run_each(job, range(100), pool)
        next(results)
        results.close()  # type: ignore[attr-defined]
        assert pool.submit(abs, -1).result() == 1
    assert len(list(tmp_path.iterdir())) < 10


def test_the_function_travels_once_a_process(tmp_path: Path) -> None:
    class Constant:
        def __setstate__(self, state: object) -> None:
            with (tmp_path / "unpickled").open("a") as file:
                file.write(f"{os.getpid()}\n")

        def __getstate__(self) -> str:
            return "large"

        def __call__(self, item: int) -> int:
            time.sleep(0.02)
            return item

    constant = Constant()
    for _ in range(2):
        assert sorted(run_each(constant, range(20), 2)) == list(range(20))
    processes = (tmp_path / "unpickled").read_text().split()
    assert len(processes) == len(set(processes)) == 2


def test_threads_keep_functions_in_one_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def made_slowly() -> TemporaryDirectory[str]:
        time.sleep(0.1)
        return TemporaryDirectory()

    monkeypatch.setattr(workers_module, "_folder", cache(made_slowly))
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(kept, [b"a function"] * 4))
    assert [path.read_bytes() for path in paths] == [b"a function"]


# Ends


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_no_process_is_left_when_ours_ends(tmp_path: Path, end: signal.Signals) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"""
import os, pathlib, time
from archcast.core.workers import run_each

def job(item):
    pathlib.Path({str(tmp_path)!r}, f"{{os.getpid()}}.pid").touch()
    time.sleep(60)

if __name__ == "__main__":
    list(run_each(job, range(10), 2))
""")
    process = subprocess.Popen(
        [sys.executable, str(script)], env={**os.environ, "TMPDIR": str(tmp_path)},
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_until(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
    process.send_signal(end)
    process.wait(timeout=30)
    pids = [int(path.stem) for path in tmp_path.glob("*.pid")]
    wait_until(lambda: not any(map(is_running, pids)))
    assert len(pids) == 2
    wait_until(lambda: not list(tmp_path.glob("archcast-*")))


def wait_until(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    pytest.fail("not within 30 seconds")


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def at_seven(end: Callable[[], object]) -> Callable[[int], int]:
    def job(item: int) -> int:
        if item == 7:
            end()
        return item

    return job


exits = at_seven(lambda: os._exit(3))
crashes = at_seven(lambda: os.kill(os.getpid(), signal.SIGKILL))


@pytest.mark.parametrize(("job", "ordered"), [(exits, True), (crashes, False)])
def test_who_kills_its_process_harms_no_other(job: Callable[[int], int], ordered: bool) -> None:
    results = list(run_each(job, range(20), 2, ordered, on_loss=lambda item, _: -item))
    expected = [*range(7), -7, *range(8, 20)]
    assert (results if ordered else sorted(results, key=abs)) == expected


class Stays:
    """It can't leave, or it can't arrive."""

    def __init__(self, leaves: bool) -> None:
        self.leaves, self.home = leaves, os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        if not self.leaves:
            raise RuntimeError("at home")
        return vars(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        if os.getpid() != state["home"]:
            raise RuntimeError("abroad")
        vars(self).update(state)


def test_what_can_not_travel_harms_no_other() -> None:
    items = [0, Stays(leaves=False), 1, Stays(leaves=True), lambda: 2]
    found = list(
        run_each(lambda item: isinstance(item, int), items, 2, True, lambda _, loss: loss.how)
    )  # type: ignore[arg-type, return-value]
    assert found == [
        True,
        "can't go to another process (RuntimeError: at home)",
        True,
        "can't go to another process (RuntimeError: abroad)",
        False,
    ]
    with pytest.raises(JobLost, match="at home"):
        list(run_each(print, items, 2))
    with pytest.raises(InputError, match=r"what jobs need .* \(RuntimeError: at home\)"):
        list(run_each(Stays(leaves=False), [1, 2], 2))  # type: ignore[arg-type]


def test_a_death_says_whose_and_how_after_what_was_finished() -> None:
    results = run_each(exits, range(20), 2, ordered=True)
    finished = []
    with pytest.raises(JobLost, match=re.escape("7 killed the process") + r".*EXIT\(3\)"):
        finished.extend(results)
    assert finished == list(range(7))


def test_a_process_that_somebody_else_ends_is_replaced(tmp_path: Path) -> None:
    def job(item: int) -> int:
        if item == 3 and not (tmp_path / "died").exists():
            (tmp_path / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return os.getpid()

    pids = set(run_each(job, range(8), 2))
    assert (tmp_path / "died").exists()
    for pid in filter(is_running, pids):  # idle now
        os.kill(pid, signal.SIGKILL)
    assert not pids & set(run_each(job, range(8), 2))
