"""What proxies take from a network: its layers, the calls of its modules, gradients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

WEIGHTED = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)
RECTIFIERS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU)
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class Call(NamedTuple):
    """One call of a module during a forward pass."""

    module: nn.Module
    input: Tensor
    output: Tensor


@contextmanager
def recording(modules: Iterable[nn.Module]) -> Iterator[list[Call]]:
    """The calls of `modules` within the context, in their order."""
    calls: list[Call] = []

    def record(module: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
        calls.append(Call(module, arguments[0], output))

    handles = [module.register_forward_hook(record) for module in modules]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def weights_of(network: nn.Module) -> list[Tensor]:
    """The weights of convolutions and linear layers, each once."""
    weights = [m.weight for m in network.modules() if isinstance(m, WEIGHTED)]
    return list({id(weight): weight for weight in weights}.values())


def codes_of(calls: Iterable[Call]) -> list[Tensor]:
    """Which units each ReLU left active: boolean, of shape (n, units).

    Units are in the order of memory where channels come last, so that nothing is moved.
    """
    return [
        (call.output.detach() > 0).movedim(1, -1).flatten(1)
        for call in calls
        if isinstance(call.module, RECTIFIERS)
    ]


def gradients_of(value: Tensor, sources: list[Tensor], create_graph: bool = False) -> list[Tensor]:
    """Gradients of a scalar, zero where it does not depend on a source; its graph stays.

    With `create_graph` they can be differentiated themselves.
    """
    if not value.requires_grad:
        return [torch.zeros_like(source) for source in sources]
    found = torch.autograd.grad(
        value, sources, retain_graph=True, create_graph=create_graph, allow_unused=True
    )
    return [
        torch.zeros_like(source) if gradient is None else gradient
        for source, gradient in zip(sources, found, strict=True)
    ]
