"""Zen-score: how far a network's features move when its input does."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from archcast.core.errors import InputError
from archcast.zero_cost.functions import tensors_in
from archcast.zero_cost.graph import Recorder
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import proxy
from archcast.zero_cost.weights import draw_weights

STEP, MOMENTUM = 0.01, 0.1
LEAST = 1e-30  # features that do not move at all count as this


@proxy(version=3)
def zen(passes: Passes) -> float:
    """Log of the features' move plus the sum of log deviations of batch norm.

    Weights and images are standard Gaussian; the images move by a hundredth of another Gaussian
    image; the move is the sum of absolute differences of the last feature maps, averaged over the
    minibatch (Lin et al., 2021). These are what global pooling reads: the last maps of several
    pixels that the logits come from, also where they are a sum or a concatenation. Maps are
    normalised by their own statistics; the deviation of a batch norm is, as in the paper's code,
    the root of its mean running variance, which starts at 1 and goes a tenth of the way to the
    variance of each of the two minibatches.

    Raises:
        InputError: the network has no such maps.
    """
    network = passes.fresh()
    draw_weights(passes.weights_of(network), passes.seed, deviation=lambda _: 1.0)
    shape = passes.batch.images.shape
    images, direction = passes.noise(shape, 0), passes.noise(shape, 1)
    variances: dict[int, Tensor] = {}  # of each batch norm
    with torch.no_grad():
        before = _features(passes, network, images, variances)
        after = _features(passes, network, images + STEP * direction, variances)
    moved = (after - before).abs().flatten(1).sum(dim=1).mean().item()
    deviations = sum(math.log(each.mean().item()) / 2 for each in variances.values())
    return math.log(max(moved, LEAST)) + deviations


def _features(
    passes: Passes, network: nn.Module, images: Tensor, variances: dict[int, Tensor]
) -> Tensor:
    """The last feature maps; what batch norm saw moves its running variances."""
    flow = _Flow(network, images)
    with Recorder(network) as recorder, flow:
        logits = passes.forward(network, images)
    for call, (features, norm) in enumerate(recorder.norms):
        channels = features.transpose(0, 1).flatten(1)
        key = call if norm is None else norm
        before = variances.get(key, torch.ones(len(channels)).to(channels))
        variances[key] = torch.lerp(before, channels.var(dim=1), MOMENTUM)
    return flow.last_maps(logits)


class _Flow(TorchFunctionMode):
    """Follows images and parameters through the functions that a network calls.

    Tensors are told apart by their memory, so that views, and what changes in place, are one.
    """

    def __init__(self, network: nn.Module, images: Tensor) -> None:
        super().__init__()
        self._of_images = _places(images)
        self._of_parameters = _places(list(network.parameters()))
        self._sources: dict[int, set[int]] = {}
        self._seen: list[Tensor] = []  # which also keeps places from being given twice

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        given, outputs = _places((args, kwargs)), args[:1] if result is None else result
        places = _places(outputs)
        self._seen += tensors_in(outputs)
        for place in places:
            self._sources.setdefault(place, set()).update(given)
        for known in (self._of_images, self._of_parameters):
            if given & known:
                known |= places
        return result

    def last_maps(self, logits: Tensor) -> Tensor:
        """The last maps of several pixels that a network made and its logits come from.

        Raises:
            InputError: there are none.
        """
        reached, todo = set[int](), _places(logits)
        while todo:
            reached |= todo
            todo = set().union(*(self._sources.get(each, ()) for each in todo)) - reached
        features = reached & self._of_images & self._of_parameters
        for each in reversed(self._seen):
            if each.ndim == 4 and each.shape[2:].numel() > 1 and _places(each) & features:
                return each
        raise InputError("the network has no feature maps larger than one pixel")


def _places(value: Any) -> set[int]:
    """Where the tensors of nested arguments have their numbers; not of sparse ones."""
    strided = (each for each in tensors_in(value) if each.layout == torch.strided)
    return {each.untyped_storage().data_ptr() for each in strided}
