"""What proxies take from a network: the calls of its layers, its weights, gradients.

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

from archcast.errors import InputError

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
WEIGHTED = LAYERS | FUSED | PRODUCTS
SUMS = frozenset(("add", "radd", "iadd"))
# Functions through which a parameter of several dimensions reaches the data without being a weight.
NEUTRAL = SUMS | frozenset(
    ("sub", "rsub", "isub", "cat", "concat", "concatenate", "stack", "hstack", "vstack", "where",
     "expand_as", "embedding", "embedding_bag", "batch_norm", "layer_norm", "group_norm",
     "instance_norm", "rms_norm", "prelu", "setitem", "copy")
)  # fmt: skip
COPIES = frozenset(("reshape", "flatten", "contiguous", "clone", "to", "float", "double"))
NO_LAYERS = frozenset(("pad", "embedding", *FUSED))  # though of torch.nn.functional


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
    check_finite(*(call.output for call in calls))


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
            first = args[PRODUCTS.get(name, 0)]
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

            def leave(_: nn.Module, given: Any, output: Any) -> None:
                first = next(tensors_in(output), None)
                if len(self.maps) == before.pop() and first is not None:
                    self._record(next(tensors_in(given), first), first, 1)

            for module in self._network.modules():
                if not list(module.children()):
                    self._handles.append(module.register_forward_pre_hook(enter))
                    self._handles.append(module.register_forward_hook(leave))
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


class Weights(NamedTuple):
    """The parameters of a network by what a forward pass does with them."""

    weights: list[Tensor]  # of convolutions, linear maps and recurrent cells, as first used
    biases: list[Tensor]  # of the same
    scales: list[Tensor]  # of batch norms
    shifts: list[Tensor]


def weights_of(network: nn.Module, images: Tensor) -> Weights:
    """Find what multiplies the data, in a pass over `images` in evaluation mode.

    Weights are parameters that a convolution, a matrix product or a recurrent cell takes, as they
    are or as views; not those of normalisation and embeddings, nor what is only added.

    Raises:
        InputError: parameters of several dimensions act on the data otherwise.
    """
    training = network.training
    survey = _Survey(network, images)
    with torch.no_grad(), torch.random.fork_rng():
        network.eval()
        try:
            with survey:
                network(images)
        finally:
            network.train(training)
    return survey.found()


class _Survey(TorchFunctionMode):
    """Follows parameters and the images through the functions that a network calls."""

    def __init__(self, network: nn.Module, images: Tensor) -> None:
        super().__init__()
        self.names = {id(p): name for name, p in network.named_parameters()}
        self.parameters = {id(p): p for p in network.parameters()}
        self.data = {id(images)}  # what depends on the images
        self.sources: dict[int, set[int]] = {key: {key} for key in self.parameters}
        self.copies: dict[int, int] = {}
        self.alive: list[Tensor] = []  # all that was seen, so that no identity is given twice
        self.weights: dict[int, None] = {}  # in the order of their first use
        self.biases: set[int] = set()
        self.scales: set[int] = set()
        self.shifts: set[int] = set()
        self.unseen: set[int] = set()
        self.products: set[int] = set()

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        outputs = list(tensors_in(result if result is not None else args[:1]))
        if outputs:
            self._see(func, name_of(func), args, kwargs, outputs)
        return result

    def _see(
        self, func: Any, name: str, args: Any, kwargs: dict[str, Any], outputs: list[Tensor]
    ) -> None:
        given = list(tensors_in((args, kwargs)))
        self.alive += (*given, *outputs)
        keys = {id(output) for output in outputs}
        on_data = any(self._is_data(each) for each in given)
        if name == "batch_norm":
            arguments = norm_arguments(func, args, kwargs)
            self.scales |= self._parameters_in(arguments.get("weight"))
            self.shifts |= self._parameters_in(arguments.get("bias"))
        if name in LAYERS or name in FUSED:
            self._multiply(name, list(tensors_in((args[WEIGHTED[name] :], kwargs))))
            on_data = True  # a layer's output is no weight, even if its input was a parameter
        elif on_data and name in PRODUCTS:
            if PRODUCTS[name]:
                self.biases |= self._parameters_in(args[0])
            self._multiply(name, list(tensors_in(args[PRODUCTS[name] :])))
            self.products |= keys
        elif on_data and name in SUMS and any(id(each) in self.products for each in given):
            self.biases |= {k for e in given if widths(e) <= 1 for k in self._parameters_in(e)}
        elif on_data and name not in NEUTRAL:
            self.unseen |= {key for each in given for key in self._matrices(each)}
        if on_data:
            self.data |= keys
            return
        if name in COPIES and len(given) == 1:
            self.copies |= {key: own for key in keys for own in self._parameters_in(given[0])}
        for key in keys - self.parameters.keys():
            self.sources[key] = {s for each in given for s in self._sources(each)}

    def _multiply(self, name: str, factors: list[Tensor]) -> None:
        for factor in factors:
            if self._is_data(factor):
                continue
            own = self._parameters_in(factor)
            if not own:
                self.unseen |= self._matrices(factor)
            for key in own:
                is_weight = factor.ndim > 1 or name in ("matmul", "mv", "dot", "inner", "addmv")
                bias = self.names[key].rsplit(".", 1)[-1].startswith("bias")
                if is_weight and not bias:
                    self.weights[key] = None
                else:
                    self.biases.add(key)

    def _is_data(self, tensor: Tensor) -> bool:
        return id(tensor) in self.data or id(tensor._base) in self.data

    def _parameters_in(self, value: Any) -> set[int]:
        """Parameters that are passed as they are, as views, or as copies in another layout."""
        found = {key for each in tensors_in(value) for key in (id(each), id(each._base))}
        return {self.copies.get(key, key) for key in found} & self.parameters.keys()

    def _sources(self, tensor: Tensor) -> set[int]:
        return self.sources.get(id(tensor)) or self.sources.get(id(tensor._base), set())

    def _matrices(self, tensor: Tensor) -> set[int]:
        """Parameters that a tensor is computed from, of several dimensions."""
        sources = set() if self._is_data(tensor) else self._sources(tensor)
        return {key for key in sources if widths(self.parameters[key]) > 1}

    def found(self) -> Weights:
        seen, unseen = [key for key in self.weights if key not in self.unseen], self.unseen
        sizes = [sum(self.parameters[key].numel() for key in keys) for keys in (seen, unseen)]
        if unseen:
            names = sorted(self.names[key] for key in unseen)
            listed = ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")
            raise InputError(
                f"sees {sizes[0] / sum(sizes):.0%} of the network's weights, not {listed}: use a"
                " layer of torch.nn; for weights that are computed, torch.nn.utils.parametrize"
            )

        def in_order(keys: set[int]) -> list[Tensor]:
            return [p for key, p in self.parameters.items() if key in keys]

        return Weights(
            [self.parameters[key] for key in seen],
            in_order(self.biases.difference(seen)),
            in_order(self.scales),
            in_order(self.shifts),
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


class WithoutBatchNorm(TorchFunctionMode):
    """Within the context batch norm gives its input."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if name_of(func) == "batch_norm":
            return norm_arguments(func, args, kwargs or {})["input"]
        return func(*args, **(kwargs or {}))


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
    by_source = {id(source): each for source, each in zip(active, found, strict=True)}
    gradients = [(source, by_source.get(id(source))) for source in sources]
    return [torch.zeros_like(source) if each is None else each for source, each in gradients]
