"""The forward and backward passes that proxies of one network share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from archcast.core.errors import InputError
from archcast.core.seeding import seeded
from archcast.making.trainer import clock_of
from archcast.networks.arithmetic import layout_of
from archcast.networks.plain import plain, taken_by
from archcast.zero_cost.batch import Batch
from archcast.zero_cost.graph import (
    Finite,
    LayerCall,
    Recorder,
    check_finite,
    check_maps,
    codes_of,
    gradients_of,
)
from archcast.zero_cost.weights import Weights, weights_of

T = TypeVar("T")


class Shared(Generic[T]):
    """A property of `Passes` that is computed once, whatever the number of proxies that read it."""

    def __init__(self, compute: Callable[[Passes], T]) -> None:
        self.compute = compute
        self.__doc__ = compute.__doc__

    def __get__(self, passes: Passes, owner: type[Passes]) -> T:
        return passes.once(self.compute)


@dataclass(frozen=True, slots=True)
class Trace:
    """What a forward pass left behind, its autograd graph included."""

    inputs: Tensor  # a leaf of the graph
    logits: Tensor  # (n, classes)
    weighted: list[LayerCall]  # of convolutions and linear layers
    rectified: list[LayerCall]  # of ReLUs
    mapless: set[str]  # functions that multiply by weights and show no maps

    @property
    def outputs(self) -> list[Tensor]:
        """Of each call of a convolution or linear layer, of shape (n, channels, ...).

        Raises:
            InputError: the network shows no such outputs.
        """
        check_maps(self.weighted, len(self.inputs), self.mapless)
        return [call.channels_first(call.output) for call in self.weighted]


class Gradients(NamedTuple):
    """Gradients of a loss, zero where it depends on nothing."""

    weights: list[Tensor]  # as `Passes.weights`
    outputs: list[Tensor]  # as `Trace.outputs`


@dataclass(slots=True)
class _Timed(Generic[T]):
    value: T
    seconds: float  # without those of the shared passes in `used`
    used: frozenset[Callable[[Passes], Any]]


@dataclass(slots=True)
class _Open:
    inner: float = 0.0
    used: set[Callable[[Passes], Any]] = field(default_factory=set)


class Passes:
    """Passes of one network over one minibatch, each made when first read and then kept.

    All of them are made on a copy, in training mode and on the device of the minibatch; the
    network that `build` copies or makes is never touched. What is random in a pass is drawn anew
    from `seed`, so that a result does not depend on which passes went before.

    Args:
        build: gives a network of its own at every call, always with the same weights.
        batch: the minibatch.
        seed: of noise inputs, dropout and random weights.
    """

    def __init__(self, build: Callable[[], nn.Module], batch: Batch, seed: int = 0) -> None:
        self.build, self.batch, self.seed = build, batch, seed
        self._clock = clock_of(batch.images.device)
        self._kept: dict[Callable[[Passes], Any], _Timed[Any]] = {}
        self._open: list[_Open] = []
        self._layout = torch.contiguous_format

    def measure(self, compute: Callable[[], T]) -> tuple[T, float]:
        """Call `compute`; also the seconds that it takes when nothing is shared with others."""
        timed = self._timed(compute)
        return timed.value, timed.seconds + sum(self._kept[each].seconds for each in timed.used)

    def once(self, compute: Callable[[Passes], T]) -> T:
        """What `compute` gives for these passes, computed at the first call and then kept."""
        if compute not in self._kept:
            self._kept[compute] = self._timed(lambda: compute(self))
        kept: _Timed[T] = self._kept[compute]
        if self._open:
            self._open[-1].used |= {compute, *kept.used}
        return kept.value

    def fresh(self) -> nn.Module:
        """Another copy of the network, for what changes it."""
        network = plain(self.build()).to(self.batch.images.device).train()
        for module in network.modules():
            if getattr(module, "inplace", False):
                module.inplace = False  # type: ignore[assignment]
        if self.batch.images.ndim == 4:
            self._layout = layout_of(network, self.batch.images.device)
            network.to(memory_format=self._layout)  # type: ignore[call-overload]
        return network

    def forward(self, network: nn.Module, images: Tensor) -> Tensor:
        """Logits of shape (n, classes) of one of the copies; of sequences, those of the last place.

        Raises:
            InputError: the network gives something else, or what is not finite; or its batch norm
                has too little to see.
        """
        images = taken_by(network, images)
        if images.ndim == 4:
            images = images.contiguous(memory_format=self._layout)
        with seeded(self.seed):
            try:
                with Finite():
                    logits = network(images)
            except ValueError as error:
                if "Expected more than 1" not in str(error):
                    raise
                raise InputError("batch norm sees one value a channel and needs several") from error
        if isinstance(logits, Tensor) and logits.ndim == images.ndim == 3:
            logits = logits[..., -1]
        if (
            not isinstance(logits, Tensor)
            or not logits.is_floating_point()
            or logits.ndim != 2
            or len(logits) != len(images)
            or not logits.shape[1]
        ):
            raise InputError("the network does not give logits of shape (n, classes); wrap it")
        check_finite(logits)
        return logits

    def weights_of(self, network: nn.Module) -> Weights:
        """The weights of one of the copies.

        Raises:
            InputError: there are none, or not all can be seen.
        """
        found = weights_of(network, self.batch.images[:1])
        if not found.weights:
            raise InputError("the network has no weights: no parameter multiplies the data")
        return found

    def loss(self, network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        """The mean cross-entropy."""
        return cross_entropy(self.forward(network, images), labels)

    def noise(self, shape: torch.Size | tuple[int, ...], stream: int = 0) -> Tensor:
        """Standard Gaussian noise on the device, the same for each seed and stream."""
        generator = torch.Generator().manual_seed(1_000_003 * self.seed + stream)
        return torch.randn(shape, generator=generator).to(self.batch.images)

    @property
    def labels(self) -> Tensor:
        """The labels of the minibatch.

        Raises:
            InputError: it has none.
        """
        if self.batch.labels is None:
            raise InputError("needs labels; give a minibatch that has them")
        return self.batch.labels

    @Shared
    def network(self) -> nn.Module:
        """The copy that shared passes run on."""
        return self.fresh()

    @Shared
    def surveyed(self) -> Weights:
        """The weights, biases, scales and shifts of the copy that shared passes run on.

        Raises:
            InputError: there are no weights, or not all can be seen.
        """
        return self.weights_of(self.network)

    @Shared
    def weights(self) -> list[Tensor]:
        """The weights that multiply data, each once; no biases, no batch norm.

        Raises:
            InputError: there are none, or not all can be seen.
        """
        return self.surveyed.weights

    @Shared
    def trace(self) -> Trace:
        """One forward pass over the minibatch."""
        network, images = self.network, self.batch.images.detach()
        if images.ndim == 4:
            images = images.contiguous(memory_format=self._layout).detach()
        images.requires_grad_(True)
        with Recorder(network) as recorder:
            logits = self.forward(network, images)
        if self.batch.labels is not None:
            check_classes(logits, self.batch.labels)
        return Trace(images, logits, recorder.weighted, recorder.rectified, recorder.mapless)

    @Shared
    def codes(self) -> list[Tensor]:
        """Which units each call of a ReLU leaves active: (n, units), boolean."""
        with torch.no_grad(), Recorder(self.network, rectified_only=True) as recorder:
            self.forward(self.network, self.batch.images)
        return codes_of(recorder.rectified, len(self.batch.images))

    @Shared
    def gradients(self) -> Gradients:
        """Gradients of the mean cross-entropy, from one backward pass."""
        loss = nn.functional.cross_entropy(self.trace.logits, self.labels)
        weights, calls = self.weights, self.trace.weighted
        found = gradients_of(loss, weights + [call.output for call in calls])
        outputs = [
            call.channels_first(gradient if call.gradient is None else call.gradient)
            for call, gradient in zip(calls, found[len(weights) :], strict=True)
        ]
        return Gradients(found[: len(weights)], outputs)

    @Shared
    def input_gradients(self) -> Tensor:
        """Gradients of the sum of logits, of shape (n, values of an image)."""
        (found,) = gradients_of(self.trace.logits.sum(), [self.trace.inputs])
        return found.flatten(1)

    def _timed(self, compute: Callable[[], T]) -> _Timed[T]:
        opened = _Open()
        self._open.append(opened)
        start = self._clock()
        try:
            value = compute()
        except BaseException:  # the seconds are of whoever deals with it
            self._open.pop()
            if self._open:
                self._open[-1].inner += opened.inner
                self._open[-1].used |= opened.used
            raise
        elapsed = self._clock() - start
        self._open.pop()
        if self._open:
            self._open[-1].inner += elapsed
        return _Timed(value, elapsed - opened.inner, frozenset(opened.used))


def cross_entropy(logits: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
    """That of the labels, which are among the classes.

    Raises:
        InputError: there is one beyond the logits.
    """
    check_classes(logits, labels)
    return nn.functional.cross_entropy(logits, labels, reduction=reduction)


def check_classes(logits: Tensor, labels: Tensor) -> None:
    """Refuse labels beyond the logits.

    Raises:
        InputError: there is one.
    """
    if (most := int(labels.max())) >= logits.shape[1]:
        raise InputError(f"a label is {most}, but the network gives {logits.shape[1]} logits")
