"""Tests, and the notebooks that run with them, have one thread in each process and their own cache.

With one thread the engine runs predictors. Nothing finds, or leaves, a supernet or a score in the
user's cache.
"""

import os
import signal
from tempfile import TemporaryDirectory

import pytest

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

CACHE = TemporaryDirectory(prefix="archcast-tests-")  # removed when the process ends
os.environ["ARCHCAST_CACHE"] = CACHE.name


# Shells have what runs in the background ignore it, and all that it starts; tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)

FIRST = {  # what takes longest begins first, so that no process is left alone with it
    *("test_notebooks", "test_killed_training_goes_on", "test_one_that_fails_leaves_the_others"),
    *("test_a_job_that_ends_its_process_is_a_failure_of_its_own", "test_killed_run_goes_on"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: getattr(item, "originalname", "") not in FIRST)
