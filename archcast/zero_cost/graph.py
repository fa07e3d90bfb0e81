"""What proxies take from a forward pass: the calls of layers, and gradients.

Layers are seen where they call functions of PyTorch, so that a module and the function which it
calls are the same thing: `nn.Conv2d` and `functional.conv2d`, `nn.ReLU` and `x.clamp(min=0)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from archcast.core.errors import InputError
from archcast.zero_cost.functions import (
    FUSED,
    NO_LAYERS,
    PRODUCTS,
    SUMS,
    WEIGHTED,
    changes_in_place,
    name_of,
    norm_arguments,
    rectifies,
    tensors_in,
    uncapped,
    widths,
)


class Call(NamedTuple):
    """One call of a module during a forward pass."""

    module: nn.Module
    input: Tensor
    output: Tensor


@contextmanager
def recording(modules: Iterable[nn.Module]) -> Iterator[list[Call]]:
    """The calls of `modules` within the context, in their order, by the first map of each.

    Those without a map, a tensor of numbers for each image, at either end are left out.
    """
    calls: list[Call] = []

    def record(module: nn.Module, args: Any, kwargs: dict[str, Any], output: Any) -> None:
        before, after = _map_in((args, kwargs)), _map_in(output)
        if before is not None and after is not None:
            calls.append(Call(module, before, after))

    handles = [module.register_forward_hook(record, with_kwargs=True) for module in modules]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()
    check_finite(*(call.output for call in calls))


def _map_in(value: Any) -> Tensor | None:
    maps = (each for each in tensors_in(value) if each.is_floating_point() and each.ndim > 1)
    return next(maps, None)


class LayerCall:
    """One call of a layer's function during a forward pass.

    Attributes:
        channels: the dimension of the output that holds them.
        weights: how many numbers the layer multiplies its input by.
        output: what the function gave.
        gradient: of the output, caught in a backward pass; None: `output` is in the graph.
    """

    __slots__ = ("channels", "gradient", "input", "output", "weights")

    def __init__(self, input: Tensor, output: Tensor, channels: int) -> None:
        self.input, self.output, self.channels = input, output, channels
        self.weights = 0
        self.gradient: Tensor | None = None

    def save(self) -> None:
        """Keep the output as it is, before the network changes it in place."""
        if self.output.requires_grad:
            self.output.register_hook(self._catch)
        self.output = self.output.detach().clone()

    def _catch(self, gradient: Tensor) -> None:
        self.gradient = gradient

    def channels_first(self, values: Tensor) -> Tensor:
        """Values like those of the output, of shape (n, channels, ...)."""
        return values.movedim(self.channels, 1)


class Recorder(TorchFunctionMode):
    """Records the calls of layers within the context, in their order.

    Attributes:
        weighted: convolutions and linear maps by a parameter.
        rectified: ReLUs and their like.
        norms: batch norms: their inputs, and what tells one from another, None for those without
            running statistics.
        maps: all layers, if asked for: functions of `torch.nn.functional`, products with a
            parameter, and modules without submodules that call no such function.
        mapless: functions that multiply by a parameter and show no maps with channels.
    """

    def __init__(
        self, network: nn.Module, *, rectified_only: bool = False, maps: bool = False
    ) -> None:
        super().__init__()
        self.rectified_only, self.all_maps = rectified_only, maps
        self.weighted: list[LayerCall] = []
        self.rectified: list[LayerCall] = []
        self.norms: list[tuple[Tensor, int | None]] = []
        self.maps: list[LayerCall] = []
        self.mapless: set[str] = set()
        self._network = network
        self._parameters = {id(p) for p in network.parameters()}
        self._calls: dict[int, LayerCall] = {}
        self._product: LayerCall | None = None  # the last call, if a bias may still be added to it
        self._handles: list[RemovableHandle] = []

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = name_of(func)
        changed = self._calls.get(id(args[0])) if args else None
        if changed and changes_in_place(func, kwargs) and not self._adds_bias(name, args):
            self._calls.pop(id(args[0])).save()
        result = func(*args, **kwargs)
        rectified = rectifies(name, args, kwargs)
        if rectified or not self.rectified_only:
            output = next(tensors_in(result), None)
            if output is not None and output.is_floating_point():
                self._see(func, name, args, kwargs, output, rectified)
        return result

    def _see(
        self,
        func: Any,
        name: str,
        args: Any,
        kwargs: dict[str, Any],
        output: Tensor,
        rectified: bool,
    ) -> None:
        adds_bias = self._adds_bias(name, args)
        product, self._product = self._product, None
        weighted = name in WEIGHTED and self._has_parameter((args[WEIGHTED[name] :], kwargs))
        if product is not None and adds_bias:
            product.output = output  # a product and its bias are one layer
            self._calls[id(output)] = product
            return
        if name == "batch_norm":
            arguments = norm_arguments(func, args, kwargs)
            running = arguments.get("running_var")
            self.norms.append((arguments["input"], None if running is None else id(running)))
        channels = 1
        if weighted and "conv" not in name:
            first = [*args, *kwargs.values()][PRODUCTS.get(name, 0)]
            left = name in PRODUCTS and self._has_parameter(first) and output.ndim > 1
            channels = output.ndim - (2 if left else 1)
            if name in FUSED or (name in ("einsum", "tensordot") and output.ndim > 2):
                self.mapless.add(name)
                return
        is_map = self.all_maps and name not in NO_LAYERS and hasattr(functional, name)
        if not (weighted or rectified or is_map):
            return
        call = self._record(next(tensors_in((args, kwargs))), output, channels)
        if weighted:
            factors = tensors_in((args[WEIGHTED[name] :], kwargs))
            matrices = (each for each in factors if each.ndim > 1 and self._has_parameter(each))
            call.weights = sum(each.numel() for each in matrices)
            self.weighted.append(call)
            self._product = call if name in PRODUCTS else None
        if rectified:
            self.rectified.append(call)

    def __enter__(self) -> Self:
        if self.all_maps:
            before: list[int] = []

            def enter(*_: Any) -> None:
                before.append(len(self.maps))

            def leave(_: nn.Module, args: Any, kwargs: dict[str, Any], output: Any) -> None:
                first = next(tensors_in(output), None)
                if len(self.maps) == before.pop() and first is not None:
                    self._record(next(tensors_in((args, kwargs)), first), first, 1)

            for module in self._network.modules():
                if not list(module.children()):
                    self._handles.append(module.register_forward_pre_hook(enter))
                    self._handles.append(module.register_forward_hook(leave, with_kwargs=True))
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        for handle in self._handles:
            handle.remove()
        self._calls.clear()

    def _record(self, input: Tensor, output: Tensor, channels: int) -> LayerCall:
        call = LayerCall(input, output, channels)
        self._calls[id(output)] = call
        if self.all_maps:
            self.maps.append(call)
        return call

    def _adds_bias(self, name: str, args: Sequence[Any]) -> bool:
        """Whether a call adds a bias to the product before it."""
        return (
            self._product is not None
            and name in SUMS
            and any(each is self._product.output for each in args[:2])
            and any(self._has_parameter(each) and widths(each) <= 1 for each in args[:2])
        )

    def _has_parameter(self, value: Any) -> bool:
        return any(
            id(each) in self._parameters or id(each._base) in self._parameters
            for each in tensors_in(value)
        )


class Finite(TorchFunctionMode):
    """Checks what layers with weights give within the context.

    Raises:
        InputError: on leaving; something was not finite.
    """

    def __init__(self) -> None:
        super().__init__()
        self._total: Tensor | None = None

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if name_of(func) in WEIGHTED:
            with torch._C.DisableTorchFunction():
                output = next(tensors_in(result)).detach()
                wide = torch.promote_types(output.dtype, torch.float32)
                share = output.sum(dtype=wide) * 0.0  # NaN if anything is not finite
                self._total = share if self._total is None else self._total + share
        return result

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        if error[0] is None and self._total is not None:
            check_finite(self._total)


class Linearised(TorchFunctionMode):
    """Within the context batch norm gives its input, and what rectifies has no upper end.

    A number that was added just before tells a hard sigmoid, whose output is to stay a share.
    """

    def __init__(self) -> None:
        super().__init__()
        self._shifted: Any = None  # the last sum with a number

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs, name = kwargs or {}, name_of(func)
        if name == "batch_norm":
            return norm_arguments(func, args, kwargs)["input"]
        tensors = list(tensors_in((args, kwargs)))
        if rectifies(name, args, kwargs) and tensors[0] is not self._shifted:
            func, args, kwargs = uncapped(func, args, kwargs)
        result = func(*args, **kwargs)
        if name in SUMS and len(tensors) == 1:
            self._shifted = result
        return result


class InDouble(TorchFunctionMode):
    """Within the context all is in double precision, also what a network makes or converts."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if changes_in_place(func, kwargs):
            return func(*args[:1], *_doubled(args[1:]), **_doubled(kwargs))
        return _doubled(func(*_doubled(args), **_doubled(kwargs)))


def _doubled(value: Any) -> Any:
    """The same with its tensors in double precision."""
    if isinstance(value, Tensor):
        return value.double() if value.is_floating_point() else value
    if isinstance(value, dict):
        return {key: _doubled(each) for key, each in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_doubled, value))
    return value


def check_finite(*values: Tensor) -> None:
    """Refuse activations that left the finite numbers.

    Raises:
        InputError: one did.
    """
    if not all(bool(value.detach().isfinite().all()) for value in values):
        raise InputError("the network overflows: not all of its activations are finite")


def check_maps(calls: Iterable[LayerCall], images: int, mapless: Iterable[str] = ()) -> None:
    """Refuse layers whose outputs are not of shape (images, ...).

    Raises:
        InputError: an output is ordered otherwise, or may be, or is not seen at all.
    """
    if names := " and ".join(sorted(mapless)):
        raise InputError(f"sees no maps of layers within {names}; write out its products")
    for call in calls:
        shape = tuple(call.output.shape)
        if shape[:1] != (images,):
            raise InputError(f"a layer's output of shape {shape} is not ordered by {images} images")
        if len(shape) == 3 and shape[1] == images > 1:
            raise InputError(
                f"in outputs of shape {shape} images can't be told from positions;"
                " give another number of images"
            )


def codes_of(calls: list[LayerCall], images: int) -> list[Tensor]:
    """Which units each ReLU left active: boolean, of shape (images, units).

    Units are in the order of memory where channels come last, so that nothing is moved.

    Raises:
        InputError: an output is not ordered by images.
    """
    check_maps(calls, images)
    return [(call.output.detach() > 0).movedim(1, -1).flatten(1) for call in calls]


def gradients_of(
    value: Tensor, sources: Sequence[Tensor], create_graph: bool = False
) -> list[Tensor]:
    """Gradients of a scalar, zero where it does not depend on a source; its graph stays.

    With `create_graph` they can be differentiated themselves.
    """
    active = [source for source in sources if source.requires_grad]
    if not value.requires_grad or not active:
        return [torch.zeros_like(source) for source in sources]
    found = torch.autograd.grad(
        value, active, retain_graph=True, create_graph=create_graph, allow_unused=True
    )
    if any(each is None for each in found):
        _check_reaches(value)
    by_source = {id(source): each for source, each in zip(active, found, strict=True)}
    gradients = [(source, by_source.get(id(source))) for source in sources]
    return [torch.zeros_like(source) if each is None else each for source, each in gradients]


def _check_reaches(value: Tensor) -> None:
    """Refuse graphs that hide what a value depends on."""
    seen, todo = set[Any](), [value.grad_fn]
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        if node.name() == "CheckpointFunctionBackward":
            raise InputError(
                "sees no gradients in torch.utils.checkpoint; give use_reentrant=False"
            )
        seen.add(node)
        todo += [following for following, _ in node.next_functions]
