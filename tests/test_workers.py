"""One thread wherever seconds and digits count, PyTorch included."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from threadpoolctl import threadpool_info

from archcast.core.workers import one_thread, run_each

VARIABLES = ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")

COUNT = """
import json, os, sys
{first}
from archcast.core.workers import run_each

def threads(item):
    import torch
    from threadpoolctl import threadpool_info
    torch.mm(torch.ones(300, 300), torch.ones(300, 300))
    return [torch.get_num_threads(), *(pool["num_threads"] for pool in threadpool_info())]

if __name__ == "__main__":
    print(json.dumps(list(run_each(threads, [0, 1, 2], {workers}))))
"""


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize(("first", "workers"), [("import torch", 1), ("", 1), ("import torch", 2)])
def test_jobs_run_on_one_thread_whatever_the_environment_says(
    tmp_path: Path, variable: str, first: str, workers: int
) -> None:
    script = tmp_path / "count.py"
    script.write_text(COUNT.format(first=first, workers=workers))
    done = subprocess.run(
        [sys.executable, str(script)], env={**os.environ, variable: "2"}, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    assert {threads for job in json.loads(done.stdout) for threads in job} == {1}


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


@pytest.mark.parametrize("workers", [1, 2])
def test_results_in_order_where_that_is_asked(workers: int) -> None:
    assert list(run_each(abs, [-3, 1, -2], workers, ordered=True)) == [3, 1, 2]
    assert sorted(run_each(abs, [-3, 1, -2], workers)) == [1, 2, 3]
