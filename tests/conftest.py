"""Tests, and the notebooks that run with them, have one thread in each process and their own cache.

With one thread the engine runs predictors. Nothing finds, or leaves, a supernet or a score in the
user's cache.
"""

import os
from tempfile import TemporaryDirectory

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

CACHE = TemporaryDirectory(prefix="archcast-tests-")  # removed when the process ends
os.environ["ARCHCAST_CACHE"] = CACHE.name
