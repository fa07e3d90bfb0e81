"""The weights of a network: parameters that multiply its data, however it is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from archcast.core.errors import InputError
from archcast.core.seeding import seeded
from archcast.networks.plain import taken_by
from archcast.zero_cost.functions import (
    COPIES,
    FUSED,
    LAYERS,
    MATRICES,
    NEUTRAL,
    PRODUCTS,
    SUMS,
    WEIGHTED,
    name_of,
    norm_arguments,
    tensors_in,
    widths,
)


class Weights(NamedTuple):
    """The parameters of a network by what a forward pass does with them."""

    weights: list[Tensor]  # of convolutions, linear maps and recurrent cells, as first used
    biases: list[Tensor]  # of the same
    scales: list[Tensor]  # of batch norms
    shifts: list[Tensor]
    inputs: list[int]  # of each weight, how many values of the data one product of it sums over


def weights_of(network: nn.Module, images: Tensor) -> Weights:
    """Find what multiplies the data, in a pass over `images` in evaluation mode.

    Weights are parameters that a convolution, a matrix product or a recurrent cell takes, as they
    are or as views; not those of normalisation and embeddings, nor what is only added.

    Raises:
        InputError: parameters of several dimensions act on the data otherwise.
    """
    training = network.training
    images = taken_by(network, images)
    survey = _Survey(network, images)
    with torch.no_grad(), seeded(0):
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
        self.weights: dict[int, int] = {}  # their inputs, in the order of their first use
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
            values = [*args, *kwargs.values()]
            if PRODUCTS[name]:
                self.biases |= self._parameters_in(values[0])
            self._multiply(name, list(tensors_in(values[PRODUCTS[name] :])))
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
        behind = False  # the data
        for factor in factors:
            if self._is_data(factor):
                behind = True
                continue
            own = self._parameters_in(factor)
            if not own:
                self.unseen |= self._matrices(factor)
            for key in own:
                is_weight = factor.ndim > 1 or name in ("matmul", "mv", "dot", "inner", "addmv")
                bias = self.names[key].rsplit(".", 1)[-1].startswith("bias")
                if is_weight and not bias:
                    self.weights.setdefault(key, _inputs(name, factor, behind))
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
            [self.weights[key] for key in seen],
        )


def _inputs(name: str, factor: Tensor, behind: bool) -> int:
    """How many values of the data one value of a product sums over, `behind` which a factor is."""
    if name.startswith("conv_transpose"):
        return factor[:, 0].numel()
    if name in MATRICES:
        return factor.shape[-2] if behind and factor.ndim > 1 else factor.shape[-1]
    return factor[0].numel()


@torch.no_grad()
def draw_weights(found: Weights, seed: int, deviation: Callable[[int], float]) -> None:
    """Gaussian weights, scales of one for batch norm, and no biases.

    Args:
        found: the parameters of a network; they are changed.
        seed: of the weights.
        deviation: of a weight, from its inputs.
    """
    generator = torch.Generator().manual_seed(seed)
    for weight, inputs in zip(found.weights, found.inputs, strict=True):
        drawn = torch.randn(weight.shape, generator=generator)
        weight.copy_(deviation(inputs) * drawn)
    for scale in found.scales:
        scale.fill_(1.0)
    for shift in (*found.biases, *found.shifts):
        shift.zero_()
