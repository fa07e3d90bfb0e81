"""Work in processes, each with one thread: seconds are then those of one core, and digits agree."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from joblib import Parallel, cpu_count, delayed, parallel_config
from threadpoolctl import threadpool_limits

T = TypeVar("T")
R = TypeVar("R")

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def run_each(
    function: Callable[[T], R], items: Sequence[T], workers: int, ordered: bool = False
) -> Iterator[R]:
    """What `function` gives for each item, as it comes, or in the order of the items.

    Numerical libraries run one thread. With one worker everything happens in this process.
    """
    limited = _OneThread(function)
    if workers == 1:
        yield from map(limited, items)
        return
    with parallel_config(backend="loky", n_jobs=workers, inner_max_num_threads=1):
        yield from Parallel(
            return_as="generator" if ordered else "generator_unordered", batch_size=1
        )(delayed(limited)(item) for item in items)


class _OneThread(Generic[T, R]):
    def __init__(self, function: Callable[[T], R]) -> None:
        self.function = function

    def __call__(self, item: T) -> R:
        with one_thread():
            return self.function(item)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for numerical libraries, those loaded already and those still to come.

    PyTorch is told itself: its copy of MKL is out of reach for others.
    """
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    threads = torch.get_num_threads() if (torch := _torch()) else None
    if torch:
        torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        if torch := _torch():
            default = before["OMP_NUM_THREADS"] or cpu_count(only_physical_cores=True)
            torch.set_num_threads(threads or int(default))


def _torch() -> Any:
    return sys.modules.get("torch")
