"""How much memory a training step of a network takes."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def training_memory(
    network: nn.Module, inputs: Tensor, targets: Tensor, loss: Callable[[Tensor, Tensor], Tensor]
) -> int:
    """Bytes of the tensors that are alive at once, at most, in a training step.

    That is a forward and a backward pass on a minibatch: weights, inputs, what the backward pass
    needs, gradients. What single operations need besides, the optimizer's state, and what an
    allocator adds are not in it, so that the number is the same on every machine of a kind. The
    network is left as it is.
    """
    network = copy.deepcopy(network).train()
    alive = _Alive(chain(network.parameters(), network.buffers(), (inputs, targets)))
    with alive, torch.enable_grad():
        loss(network(inputs), targets).backward()
    return alive.most


class _Alive(TorchDispatchMode):
    """Counts the bytes of tensors from when an operation makes them until they are freed."""

    def __init__(self, before: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._known: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet()
        self.now = self.most = 0
        for tensor in before:
            self._add(tensor)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for each in tree_leaves(made):
            if isinstance(each, Tensor):
                self._add(each)
        return made

    def _add(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage in self._known:
            return
        size = storage.nbytes()
        self._known.add(storage)
        weakref.finalize(storage, self._freed, size)
        self.now += size
        self.most = max(self.most, self.now)

    def _freed(self, size: int) -> None:
        self.now -= size
