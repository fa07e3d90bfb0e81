"""How networks are computed: the layout of their weights and images, and the precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.backends import cudnn


def layout_of(network: nn.Module, device: str | torch.device) -> torch.memory_format:
    """Channels last on a CPU, where it is twice as fast; else PyTorch's own.

    On CUDA, average pooling with padding gives wrong gradients in that layout (before PyTorch
    2.14); on a CPU, the gradient of strided 1x1 convolutions of few channels overruns memory.
    """
    strided = any(
        isinstance(m, nn.Conv2d) and m.kernel_size == (1, 1) and m.stride != (1, 1)
        for m in network.modules()
    )
    here = torch.device(device).type == "cpu" and not strided
    return torch.channels_last if here else torch.contiguous_format


@contextmanager
def full_precision() -> Iterator[None]:
    """Compute in float32 what is float32: by default, CUDA's convolutions keep ten bits (TF32)."""
    products = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with cudnn.flags(cudnn.enabled, cudnn.benchmark, deterministic=True, allow_tf32=False):
            yield
    finally:
        torch.set_float32_matmul_precision(products)
