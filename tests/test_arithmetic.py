"""The layout and precision in which networks are computed, against PyTorch's own and float64."""

from __future__ import annotations

import contextlib

import pytest
import torch
from torch import nn

from archcast.networks.arithmetic import full_precision, layout_of


def pooled() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False),
        nn.Conv2d(8, 8, 3, bias=False),
    )


def test_channels_last_where_it_is_fast_and_right() -> None:
    strided = nn.Conv2d(4, 4, 1, stride=2)
    assert layout_of(pooled(), "cpu") is torch.channels_last
    assert layout_of(nn.Sequential(pooled(), strided), "cpu") is torch.contiguous_format
    assert layout_of(pooled(), "cuda:0") is torch.contiguous_format


def test_full_precision_comes_and_goes() -> None:
    def state() -> tuple[object, ...]:
        cudnn = torch.backends.cudnn
        return (
            cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32,
            torch.get_float32_matmul_precision(),
        )  # fmt: skip

    before = state()
    try:
        torch.set_float32_matmul_precision("high")
        with contextlib.suppress(ValueError), full_precision():
            assert not torch.backends.cudnn.allow_tf32
            assert torch.get_float32_matmul_precision() == "highest"
            raise ValueError
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert state() == before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gradients_on_a_gpu() -> None:
    torch.manual_seed(0)
    network = pooled().double()
    images = torch.randn(16, 3, 9, 9, dtype=torch.float64)

    def gradient(device: str, dtype: torch.dtype) -> torch.Tensor:
        network.zero_grad()
        network.to(device, dtype)
        network.to(memory_format=layout_of(network, device))
        network(images.to(device, dtype)).square().sum().backward()
        found = next(network.parameters()).grad
        assert found is not None
        return found.double().cpu()

    exact = gradient("cpu", torch.float64)
    with full_precision():
        error = (gradient("cuda", torch.float32) - exact).norm() / exact.norm()
    assert error < 1e-5
