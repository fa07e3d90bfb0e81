"""Where networks run."""

from __future__ import annotations

from functools import cache

from archcast.core.errors import InputError


@cache
def pick_device(device: str) -> str:
    """`auto` means CUDA where there is one.

    Raises:
        InputError: `cuda` where PyTorch finds none.
    """
    if device == "cpu":
        return device
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if device == "cuda":
        raise InputError("--device cuda: PyTorch finds no CUDA device; use --device cpu")
    return "cpu"
