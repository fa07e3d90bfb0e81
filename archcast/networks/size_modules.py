"""Networks of the size space as torch modules."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from archcast.networks.blocks import ResidualReduction, conv_norm, relu_conv_norm
from archcast.networks.scales import Widths
from archcast.networks.supernet import Selection, SlicedSupernet
from archcast.spaces.size_space import LAYERS, SPACE, WIDTHS
from archcast.spaces.space import Architecture
from archcast.tasks.task import Signature


class SizedNetwork(nn.Module):
    """From images (n, c, h, w) to logits (n, classes), by layers of the widths chosen.

    If there are `weights`, they weigh the channels that each layer gives, those of the stem as
    those of the first. One that is `shared` has all that narrower ones may need.
    """

    def __init__(
        self,
        architecture: Architecture,
        signature: Signature,
        scale: Widths,
        shared: bool = False,
        weights: Sequence[Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.weights = weights
        widths = [scale.unit * (choice + 1) for choice in architecture.choices]
        self.stem = conv_norm(signature.shape[0], widths[0], 3, scale.stem_stride)
        sources = [widths[0], *widths]
        self.layers = nn.Sequential(
            *(_layer(*each, scale, shared) for each in zip(LAYERS, sources, widths, strict=False))
        )
        self.norm = nn.Sequential(nn.BatchNorm2d(widths[-1]), nn.ReLU())
        self.classifier = nn.Linear(widths[-1], signature.classes)

    def forward(self, images: Tensor) -> Tensor:
        features = self.stem(images)
        if self.weights is not None:
            features = features * self.weights[0]
        for at, layer in enumerate(self.layers):
            features = layer(features)
            if self.weights is not None:
                features = features * self.weights[at]
        logits: Tensor = self.classifier(self.norm(features).mean(dim=(2, 3)))
        return logits


class SizedSupernet(SlicedSupernet):
    """The widest network; narrower ones take the first channels of each layer.

    A mixture weighs each channel by the widths that have it.
    """

    def __init__(self, signature: Signature, scale: Widths) -> None:
        super().__init__()
        self.signature, self.scale = signature, scale
        widest = _with_widths([len(WIDTHS)] * len(LAYERS))
        self.widest = SizedNetwork(widest, signature, scale, shared=True)

    def forward(self, images: Tensor, selection: Selection) -> Tensor:
        if not isinstance(selection, Tensor):
            return self.run(self._narrow(Architecture(SPACE, tuple(selection))), _place, images)
        # Of each unit of channels the weights of the widths that have it.
        held = selection.flip(1).cumsum(1).flip(1)
        units = [max(int((row != 0).sum()), 1) for row in held]
        weights = [
            row[:count].repeat_interleave(self.scale.unit)[:, None, None]
            for row, count in zip(held, units, strict=True)
        ]
        return self.run(self._narrow(_with_widths(units), weights), _place, images)

    def inherit(self, architecture: Architecture) -> SizedNetwork:
        return self.copied(self._narrow(architecture), _place)

    def _narrow(
        self, architecture: Architecture, weights: Sequence[Tensor] | None = None
    ) -> SizedNetwork:
        with torch.device("meta"):
            return SizedNetwork(architecture, self.signature, self.scale, weights=weights)


def _place(name: str) -> str:
    """Where the supernet has what a network has."""
    return f"widest.{name}"


def _with_widths(units: Sequence[int]) -> Architecture:
    return Architecture(SPACE, tuple(count - 1 for count in units))


def _layer(name: str, c_in: int, c_out: int, scale: Widths, shared: bool) -> nn.Module:
    is_reduction = name.startswith("reduction")
    if scale.layer == "convolution":
        return relu_conv_norm(c_in, c_out, 3, stride=2 if is_reduction else 1)
    return ResidualReduction(c_in, c_out) if is_reduction else SizedCell(c_in, c_out, shared)


class SizedCell(nn.Module):
    """The cell of NATS-Bench's size space: 3x3 convolutions on all edges but 0-3, a skip there.

    Edges from node 0 change the width; where it stays, the skip is the identity, and else, as in
    the authors' code, a 1x1 convolution without an activation.
    """

    def __init__(self, c_in: int, c_out: int, shared: bool) -> None:
        super().__init__()
        self.first = relu_conv_norm(c_in, c_out, 3)  # 0-1
        self.second = nn.ModuleList([relu_conv_norm(c, c_out, 3) for c in (c_in, c_out)])  # to 2
        same = c_in == c_out and not shared
        self.skip = nn.Identity() if same else conv_norm(c_in, c_out, 1)
        self.third = nn.ModuleList([relu_conv_norm(c_out, c_out, 3) for _ in (1, 2)])  # to 3

    def forward(self, features: Tensor) -> Tensor:
        one = self.first(features)
        two = self.second[0](features) + self.second[1](one)
        out: Tensor = self.skip(features) + self.third[0](one) + self.third[1](two)
        return out
