"""Multiply-adds of a network."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from archcast.core.errors import InputError
from archcast.networks.plain import refuse_sealed

Shape = Sequence[int]


@torch.no_grad()
def count_flops(network: nn.Module, image: Tensor) -> int:
    """Multiply-adds of one forward pass in evaluation mode: convolutions and matrix products.

    The network is back in its mode afterwards.
    Those of attention and of recurrent layers are among them; products of single elements, as in
    batch norm, are not.

    Raises:
        InputError: an operation that multiplies has no known count.
    """
    refuse_sealed(network)
    training = network.training
    network.eval()
    counter = FlopCounterMode(display=False, custom_mapping=FORMULAS)
    fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH), _Uncounted(counter), counter:
            network(image)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
        network.train(training)
    return int(counter.get_total_flops()) // 2  # the counter takes a multiply-add for two


def _matrix_vector(matrix: Shape, vector: Shape, **_: Any) -> int:
    return 2 * math.prod(matrix)


def _added_matrix_vector(bias: Shape, matrix: Shape, vector: Shape, **_: Any) -> int:
    return 2 * math.prod(matrix)


def _summed_products(bias: Shape, left: Shape, right: Shape, **_: Any) -> int:
    return 2 * math.prod((*left, right[-1]))


def _recurrent(inputs: Shape, *given: Any, **_: Any) -> int:
    """Every matrix is applied once a step; `inputs` are (steps, sequences, values) or alike."""
    steps = math.prod(inputs[:-1])
    weights = given[:2] if isinstance(given[0], torch.Size) else given[0]
    total: int = sum(math.prod(shape) for shape in weights if len(shape) > 1)
    return 2 * steps * total


def _nothing(*_: Any, **__: Any) -> int:
    return 0


FORMULAS: dict[Any, Callable[..., int]] = {
    torch.ops.aten.mv: _matrix_vector,
    torch.ops.aten.addmv: _added_matrix_vector,
    torch.ops.aten.dot: _matrix_vector,
    torch.ops.aten.addbmm: _summed_products,
    torch.ops.aten.mkldnn_rnn_layer: _recurrent,
    torch.ops.aten._cudnn_rnn: _recurrent,
    torch.ops.aten._thnn_fused_lstm_cell: _nothing,
    torch.ops.aten._thnn_fused_gru_cell: _nothing,
    torch.ops.aten.linalg_vector_norm: _nothing,
}

# Words in the names of operations that multiply.
PRODUCTS = frozenset(
    ("mm", "addmm", "bmm", "baddbmm", "addbmm", "mv", "addmv", "dot", "vdot", "matmul", "linalg",
     "conv", "convolution", "linear", "trilinear", "rnn", "lstm", "gru", "attention", "encoder",
     "cdist", "fft")
)  # fmt: skip


class _Uncounted(TorchDispatchMode):
    """Refuses operations that multiply, or may, and that the counter has no formula for."""

    def __init__(self, counter: FlopCounterMode) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counter = counter

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        packet = func._overloadpacket
        if packet not in self.counter.flop_registry and _multiplies(func):
            module = max(self.counter.mod_tracker.parents - {"Global"}, key=len, default="")
            raise InputError(
                f"the multiply-adds of {packet}, called in {module}, are unknown;"
                " write it with matrix products"
            )
        return func(*args, **(kwargs or {}))


def _multiplies(func: Any) -> bool:
    words = func._opname.strip("_").split("_")
    return func.namespace not in ("aten", "prim", "prims", "profiler") or any(
        word.rstrip("123d") in PRODUCTS for word in words
    )
