"""Networks whose operations can all be seen, and whose weights are plain parameters."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize, prune, remove_spectral_norm, remove_weight_norm
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from archcast.core.errors import InputError, told

_ATOMS = (str, bytes, int, float, complex, type, ModuleType, FunctionType, BuiltinFunctionType)


def refuse_sealed(network: nn.Module) -> None:
    """Refuse what runs elsewhere than in Python, where no operation can be seen.

    Raises:
        InputError: a module is scripted, compiled or quantised.
    """
    for name, module in network.named_modules():
        kind = type(module)
        if isinstance(module, torch.jit.ScriptModule):
            seal = "scripted"
        elif kind.__name__ == "OptimizedModule" or module._compiled_call_impl is not None:
            seal = "compiled"
        elif ".quantized" in kind.__module__:
            seal = "quantised"
        else:
            continue
        raise InputError(
            f"module {name or kind.__name__} is {seal}, and what it computes can't be seen;"
            " give the module that it was made from"
        )


def copied(network: nn.Module) -> nn.Module:
    """A deep copy, also of modules that keep what they computed, such as pruned weights.

    Raises:
        InputError: a module is scripted, compiled or quantised, or holds what can't be copied.
    """
    refuse_sealed(network)
    computed = {id(each): each.detach().clone() for each in _computed_in(network)}
    try:
        return copy.deepcopy(network, computed)
    except (TypeError, RuntimeError, RecursionError) as error:
        raise InputError(
            f"the network can't be copied ({told(error)}); take out of it what can't"
        ) from None


def _computed_in(network: nn.Module) -> Iterator[Tensor]:
    """The tensors that are held anywhere in a network and have an autograd graph."""
    seen = dict[int, Any]()  # with the things, so that no identity is given twice
    todo: list[Any] = [network]
    while todo:
        held = todo.pop()
        if id(held) in seen or isinstance(held, _ATOMS):
            continue
        seen[id(held)] = held
        if isinstance(held, Tensor) and held.grad_fn is not None:
            yield held
        elif isinstance(held, Mapping):
            todo += held.values()
        elif isinstance(held, list | tuple | set | frozenset | deque):
            todo += held
        todo += getattr(held, "__dict__", {}).values()


def taken_by(network: nn.Module, images: Tensor) -> Tensor:
    """Images of their own, of the type of the network's first weights, which it may change."""
    types = (p.dtype for p in network.parameters() if p.is_floating_point())
    return images.to(next(types, images.dtype), copy=True)


def plain(network: nn.Module) -> nn.Module:
    """The same network, changed so that weights which are computed from others are parameters.

    That ends parametrizations, pruning, weight and spectral norm, at the values of evaluation mode.
    """
    refuse_sealed(network)
    for parameter in network.parameters():
        parameter.requires_grad_(parameter.is_floating_point() or parameter.is_complex())
    network.eval()
    for module in network.modules():
        for hook in list(module._forward_pre_hooks.values()):
            if isinstance(hook, prune.BasePruningMethod):
                prune.remove(module, hook._tensor_name)
            elif isinstance(hook, WeightNorm):
                remove_weight_norm(module, hook.name)
            elif isinstance(hook, SpectralNorm):
                remove_spectral_norm(module, hook.name)
        if parametrize.is_parametrized(module):
            kind = type(module)  # shared with the network that this is a copy of
            own = {k: v for k, v in vars(kind).items() if k not in ("__dict__", "__weakref__")}
            module.__class__ = type(kind.__name__, kind.__bases__, own)
            for name in list(module.parametrizations):  # type: ignore[arg-type]
                parametrize.remove_parametrizations(module, name)
    return network
