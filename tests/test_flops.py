"""Multiply-adds, counted by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from archcast.core.errors import InputError
from archcast.networks.flops import count_flops

STEPS, WIDTH, INNER = 5, 8, 16
TOKENS = torch.randn(1, STEPS, WIDTH)
ATTENTION = 4 * STEPS * WIDTH**2 + 2 * STEPS**2 * WIDTH  # four projections, QK', AV
ENCODER = ATTENTION + 2 * STEPS * WIDTH * INNER
MATRIX = torch.randn(WIDTH, 3)


class Calls(nn.Module):
    def __init__(self, function: Callable[..., Tensor], *modules: nn.Module) -> None:
        super().__init__()
        self.function, self.inner = function, nn.ModuleList(modules)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, *self.inner)


def encoder(batch_first: bool = True) -> nn.Module:
    return nn.TransformerEncoderLayer(WIDTH, 2, INNER, batch_first=batch_first)


def first(x: Tensor, layer: nn.Module) -> Tensor:
    return layer(x)[0]  # type: ignore[no-any-return]


def recurrent(inputs: int, hidden: int, gates: int, projected: int = 0) -> int:
    out = projected or hidden
    return STEPS * (gates * hidden * (inputs + out) + projected * hidden)


CASES: dict[str, tuple[nn.Module, int]] = {
    "attention": (
        Calls(lambda x, m: m(x, x, x)[0], nn.MultiheadAttention(WIDTH, 2, batch_first=True)),
        ATTENTION,
    ),
    "attention without weights": (
        Calls(
            lambda x, m: m(x, x, x, need_weights=False)[0],
            nn.MultiheadAttention(WIDTH, 2, batch_first=True),
        ),
        ATTENTION,
    ),
    "encoder layer": (encoder(), ENCODER),
    "encoder": (nn.TransformerEncoder(encoder(), 2), 2 * ENCODER),
    "sequence first": (
        Calls(lambda x, m: m(x.transpose(0, 1)), encoder(batch_first=False)),
        ENCODER,
    ),
    "scaled dot products": (
        Calls(lambda x: functional.scaled_dot_product_attention(x, x, x)),
        2 * STEPS**2 * WIDTH,
    ),
    "lstm": (Calls(first, nn.LSTM(WIDTH, 6, batch_first=True)), recurrent(WIDTH, 6, 4)),
    "deep lstm, both ways": (
        Calls(first, nn.LSTM(WIDTH, 6, 2, batch_first=True, bidirectional=True)),
        2 * recurrent(WIDTH, 6, 4) + 2 * recurrent(12, 6, 4),
    ),
    "projected lstm": (
        Calls(first, nn.LSTM(WIDTH, 6, batch_first=True, proj_size=3)),
        recurrent(WIDTH, 6, 4, 3),
    ),
    "gru": (Calls(first, nn.GRU(WIDTH, 6, batch_first=True)), recurrent(WIDTH, 6, 3)),
    "rnn": (Calls(first, nn.RNN(WIDTH, 6, batch_first=True)), recurrent(WIDTH, 6, 1)),
    "lstm cell": (Calls(lambda x, m: m(x[:, 0])[0], nn.LSTMCell(WIDTH, 6)), 4 * 6 * (WIDTH + 6)),
    "twice": (Calls(lambda x, m: m(m(x)), nn.Linear(WIDTH, WIDTH)), 2 * STEPS * WIDTH**2),
    "transposed convolution": (nn.ConvTranspose1d(STEPS, 4, 3), STEPS * 4 * 3 * WIDTH),
    "einsum": (Calls(lambda x: torch.einsum("ntc,cd->ntd", x, MATRIX)), STEPS * WIDTH * 3),
    "baddbmm": (Calls(lambda x: torch.baddbmm(x[..., :3], x, MATRIX[None])), STEPS * WIDTH * 3),
    "addbmm": (Calls(lambda x: torch.addbmm(x[0, :, :3], x, MATRIX[None])), STEPS * WIDTH * 3),
    "matrix and vector": (Calls(lambda x: x @ MATRIX[:, 0]), STEPS * WIDTH),
    "dot": (Calls(lambda x: x[0, 0] @ MATRIX[:, 0]), WIDTH),
    "no products": (
        nn.Sequential(nn.LayerNorm(WIDTH), nn.Dropout(), nn.GELU(), nn.Softmax(-1)),
        0,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_by_hand(name: str) -> None:
    network, expected = CASES[name]
    assert count_flops(network, TOKENS) == expected
    assert torch.backends.mha.get_fastpath_enabled()


REFUSED: dict[str, Callable[[Any], Tensor]] = {
    "_trilinear": lambda x: functional.bilinear(x, x, torch.ones(2, WIDTH, WIDTH)),
    "_cdist_forward": lambda x: torch.cdist(x, x),
    "_fft_r2c": lambda x: torch.fft.fft(x).real,
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_counted_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"{name}, called in Calls, are unknown"):
        count_flops(Calls(REFUSED[name]), TOKENS)
