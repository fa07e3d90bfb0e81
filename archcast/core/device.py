"""Where networks run."""

from __future__ import annotations

import ctypes
import platform
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

from archcast.core.errors import InputError
from archcast.core.heavy import torch


@cache
def pick_device(device: str) -> str:
    """`auto` means CUDA where there is one.

    Raises:
        InputError: `cuda` where PyTorch finds none.
    """
    if device == "cpu":
        return device
    if _has_driver() and torch.cuda.is_available():
        return "cuda"
    if device == "cuda":
        raise InputError("--device cuda: PyTorch finds no CUDA device; use --device cpu")
    return "cpu"


@cache
def machine_kind() -> str:
    """The kind of machine: seconds of two kinds are not comparable."""
    return f"{platform.system()} {platform.machine()}, {_processor()}"


def _processor() -> str:
    """What this machine's processor is called, where the system tells."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            key, _, name = line.partition(":")
            if key.strip() == "model name":
                return name.strip()
    return platform.processor() or "unknown processor"


def _has_driver() -> bool:
    """Whether there is a CUDA driver, without which PyTorch need not be asked."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True
