"""What is known of the functions that networks call: which multiply, rectify or normalise."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

# Functions that multiply by weights, and how many arguments come before these.
LAYERS = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d", "linear"), 1),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), 1),
    "bilinear": 2,
}
FUSED = {  # of which no inner map is seen
    "multi_head_attention_forward": 3,
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), 2),
    **dict.fromkeys(("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"), 2),
}
PRODUCTS = {  # a weight may be any of the other arguments
    **dict.fromkeys(("matmul", "mm", "bmm", "mv", "dot", "inner", "tensordot"), 0),
    **dict.fromkeys(("einsum", "linalg_matmul", "chain_matmul", "linalg_multi_dot"), 0),
    **dict.fromkeys(("addmm", "addbmm", "baddbmm", "addmv"), 1),
}
MATRICES = frozenset(
    ("matmul", "mm", "bmm", "mv", "dot", "linalg_matmul", "addmm", "addbmm", "baddbmm", "addmv")
)  # products that sum over the last dimension of the first, and the last but one of the second
WEIGHTED = LAYERS | FUSED | PRODUCTS
SUMS = frozenset(("add", "radd", "iadd"))
# Functions through which a parameter of several dimensions reaches the data without being a weight.
NEUTRAL = SUMS | frozenset(
    ("sub", "rsub", "isub", "cat", "concat", "concatenate", "stack", "hstack", "vstack", "where",
     "expand_as", "embedding", "embedding_bag", "batch_norm", "layer_norm", "group_norm",
     "instance_norm", "rms_norm", "prelu", "setitem", "copy")
)  # fmt: skip
COPIES = frozenset(("reshape", "flatten", "contiguous", "clone", "to", "float", "double"))
CAPS = {"hardtanh": "max_val", "clamp": "max", "clip": "max"}  # the third arguments
NO_LAYERS = frozenset(("pad", "embedding", *FUSED))  # though of torch.nn.functional


def name_of(func: Any) -> str:
    """The name of a function of PyTorch, the same for its variant that changes its input."""
    name: str = getattr(func, "__name__", "")
    return name.strip("_")


def changes_in_place(func: Any, arguments: dict[str, Any]) -> bool:
    """Whether a call of a function of PyTorch changes its first argument."""
    name: str = getattr(func, "__name__", "")
    if name.endswith("__"):
        return name == "__setitem__" or (name.startswith("__i") and name != "__invert__")
    return name.endswith("_") or bool(arguments.get("inplace"))


def rectifies(name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
    """Whether a function cuts off, or bends, what is negative."""
    if name in ("relu", "relu6", "leaky_relu", "prelu", "rrelu"):
        return True
    if name in ("clamp", "clip", "clamp_min", "hardtanh", "threshold"):
        least = [kwargs[key] for key in ("min", "min_val", "threshold") if key in kwargs]
        return any(_is_zero(each) for each in least or args[1:2])
    return name in ("maximum", "max", "fmax") and any(
        isinstance(each, Tensor) and _is_zero(each) for each in args[:2]
    )


def _is_zero(value: Any) -> bool:
    return not value.any() if isinstance(value, Tensor) else value == 0


def uncapped(
    func: Any, args: Sequence[Any], kwargs: dict[str, Any]
) -> tuple[Any, Sequence[Any], dict[str, Any]]:
    """A call of a function that rectifies, without the most that it gives."""
    name = name_of(func)
    if name == "relu6":
        return functional.relu, args, kwargs
    if name not in CAPS:
        return func, args, kwargs
    if len(args) > 2:
        return func, (*args[:2], math.inf, *args[3:]), kwargs
    return func, args, kwargs | {CAPS[name]: math.inf}


def norm_arguments(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a batch norm by name."""
    names = ["running_mean", "running_var", "weight", "bias", "training", "momentum", "eps"]
    if func is not functional.batch_norm:  # torch.batch_norm has another order
        names = [*names[2:4], *names[:2], *names[4:]]
    return dict(zip(("input", *names), args, strict=False)) | kwargs


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors of nested arguments, in their order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from tensors_in(each)
    elif isinstance(value, list | tuple) and not isinstance(value, torch.Size):
        for each in value:
            yield from tensors_in(each)


def widths(tensor: Tensor) -> int:
    """How many dimensions are larger than one."""
    return sum(size > 1 for size in tensor.shape)
