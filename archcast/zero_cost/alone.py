"""Gradients of single images as if each passed alone, from one pass of all.

Alone, an image is normalised by its own pixels: batch norm becomes instance norm. Nothing else then
ties images together, and the gradient of a layer's weights for an image follows from its own input
and the gradient of its own output (Goodfellow, 2015).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from archcast.zero_cost.functions import name_of, norm_arguments, tensors_in
from archcast.zero_cost.passes import Passes, cross_entropy

TOLERANCE = 1e-3  # of logits, between an image alone and among the others


class NotSeparableError(Exception):
    """The images can't pass together as if alone, or not all gradients are known then."""


def gradients_by_image(
    passes: Passes, network: nn.Module, weights: Sequence[Tensor]
) -> Iterator[Tensor]:
    """Of each image's own loss, for each weight that has some: (images, *shape of the weight).

    Args:
        passes: of the network.
        network: one of its copies.
        weights: of this copy.

    Raises:
        NotSeparableError: each image has to pass alone.
        InputError: as `Passes.forward`.
    """
    images = passes.batch.images.detach().requires_grad_()
    with torch.no_grad():
        alone = passes.forward(network, images[-1:])
    together = _Together(weights, len(images))
    with together:
        logits = passes.forward(network, images)
    if not torch.allclose(alone[0], logits[-1], rtol=TOLERANCE, atol=TOLERANCE):
        raise NotSeparableError
    loss = cross_entropy(logits, passes.labels, reduction="sum")
    if loss.requires_grad:
        torch.autograd.grad(loss, images, allow_unused=True)
    for calls in together.calls.values():
        found = [call.weight_gradients() for call in calls if call.gradients]
        if found:
            yield torch.stack(found).sum(dim=0) if len(found) > 1 else found[0]


class _Call(NamedTuple):
    """Of a convolution or linear map."""

    arguments: dict[str, Any]
    gradients: list[Tensor]  # of the output, once there is one

    def weight_gradients(self) -> Tensor:
        given, weight = self.arguments["input"], self.arguments["weight"]
        (gradient,) = self.gradients
        if weight.ndim == 2:
            many = given.ndim > 2  # positions an image
            into, out = (x.flatten(1, -2) if many else x[:, None] for x in (given, gradient))
            return out.mT @ into
        images, groups = len(given), self.arguments["groups"]
        geometry = (self.arguments[each] for each in ("dilation", "padding", "stride"))
        patches = functional.unfold(given.contiguous(), weight.shape[2:], *geometry)
        patches = patches.reshape(images, groups, -1, patches.shape[2])
        out = gradient.reshape(images, groups, len(weight) // groups, -1)
        return (out @ patches.mT).reshape(images, *weight.shape)


class _Together(TorchFunctionMode):
    """Within the context images are normalised apart, and layers recorded by their weights."""

    def __init__(self, weights: Sequence[Tensor], images: int) -> None:
        super().__init__()
        self.calls: dict[int, list[_Call]] = {id(weight): [] for weight in weights}
        self._images = images

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs, name = kwargs or {}, name_of(func)
        if name == "batch_norm":
            norm = norm_arguments(func, args, kwargs)
            if norm.get("training"):
                return functional.instance_norm(
                    norm["input"], weight=norm.get("weight"), bias=norm.get("bias"),
                    eps=norm.get("eps", 1e-5),
                )  # fmt: skip
        if not any(id(each) in self.calls for each in tensors_in((args, kwargs))):
            return func(*args, **kwargs)
        if name in ("conv2d", "linear"):
            known = _NO_MORE | dict(zip(_ARGUMENTS, args, strict=False)) | kwargs
            return self._layer(func, known)
        result = func(*args, **kwargs)
        if any(each.is_floating_point() for each in tensors_in(result)):
            raise NotSeparableError
        return result

    def _layer(self, func: Any, arguments: dict[str, Any]) -> Tensor:
        given, weight = arguments["input"], arguments["weight"]
        ordered = given.shape[:1] == (self._images,) and given.ndim >= weight.ndim
        if given.ndim == 3 and given.shape[1] == self._images:
            ordered = False  # images can't be told from positions
        if id(weight) not in self.calls or not ordered or isinstance(arguments["padding"], str):
            raise NotSeparableError
        used = arguments | {"weight": weight.detach()}
        output: Tensor = func(*(used[each] for each in _ARGUMENTS[: 3 if weight.ndim == 2 else 7]))
        if given.requires_grad:
            call = _Call(arguments | {"input": given.detach()}, [])
            output.register_hook(call.gradients.append)
            self.calls[id(weight)].append(call)
        elif given.any():  # its gradient does not come by, since it depends on no image
            raise NotSeparableError
        return output


_ARGUMENTS = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
_NO_MORE = {"bias": None, "stride": 1, "padding": 0, "dilation": 1, "groups": 1}
