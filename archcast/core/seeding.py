"""What is random in libraries that keep generators for all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from archcast.core.heavy import torch

if TYPE_CHECKING:
    from torch import Generator


@contextmanager
def seeded(seed: int) -> Iterator[Generator]:
    """Inside, networks and their dropout draw from `seed`; PyTorch's generators are put back after.

    Yields a generator of its own for what else is random. Devices that were never used are left
    alone: for them `torch.manual_seed` keeps a note, with a stack trace, at every call.
    """
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices):
        torch.default_generator.manual_seed(seed)
        if devices:
            torch.cuda.manual_seed_all(seed)
        yield torch.Generator().manual_seed(seed)


@contextmanager
def numpy_state_kept() -> Iterator[None]:
    """Around libraries that seed NumPy's global generator, which is left as it was."""
    state = np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
