"""Networks of spaces of layers as torch modules: inverted residuals, as in MobileNetV2."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from archcast.networks.blocks import conv_norm
from archcast.networks.scales import Stages
from archcast.networks.supernet import Selection, Supernet, nothing, weighed_sum
from archcast.spaces.decision import Option
from archcast.spaces.layerwise import SKIP, LayerwiseSpace
from archcast.spaces.space import Architecture
from archcast.tasks.task import Signature

ACTIVATIONS = {"relu": nn.ReLU, "relu6": nn.ReLU6}


@dataclass(frozen=True, slots=True)
class Place:
    """One place in a network, for which blocks are made."""

    c_in: int
    c_out: int
    stride: int
    is_first: bool  # in its stage
    act: type[nn.Module]

    def block(self, name: str) -> nn.Module:
        """A block by its name, such as `k5_e6`; a skipped first layer still changes the shape."""
        if name == SKIP:
            return (
                conv_norm(self.c_in, self.c_out, 1, self.stride) if self.is_first else nn.Identity()
            )
        found = re.fullmatch(r"k(\d+)_e(\d+)", name)
        assert found is not None, f"{name} is no block"
        kernel, expansion = map(int, found.groups())
        return InvertedResidual(self.c_in, self.c_out, kernel, expansion, self.stride, self.act)


class Layers(nn.Module):
    """A stem, layers, which `layer` makes for each decision and its place, and a head."""

    def __init__(
        self,
        layer: Callable[[int, Place], nn.Module],
        space: LayerwiseSpace,
        signature: Signature,
        scale: Stages,
    ) -> None:
        super().__init__()
        act = ACTIVATIONS[scale.activation]
        self.stem = conv_norm(signature.shape[0], scale.stem, 3, scale.stem_stride, act)
        layers: list[nn.Module] = []
        width = scale.stem
        if scale.lead:
            layers.append(InvertedResidual(width, scale.lead, 3, 1, 1, act))
            width = scale.lead
        for decision, (stage, at) in enumerate(space.layers):
            stride = 1 if at else scale.strides[stage]
            place = Place(width, scale.widths[stage], stride, at == 0, act)
            layers.append(layer(decision, place))
            width = place.c_out
        self.layers = nn.Sequential(*layers)
        self.head = conv_norm(width, scale.head, 1, 1, act)
        self.classifier = nn.Linear(scale.head, signature.classes)

    def logits(self, features: Tensor) -> Tensor:
        """Of what the last layer made."""
        logits: Tensor = self.classifier(self.head(features).mean(dim=(2, 3)))
        return logits


class LayerwiseNetwork(Layers):
    """From images (n, c, h, w) to logits (n, classes)."""

    def __init__(
        self,
        space: LayerwiseSpace,
        architecture: Architecture,
        signature: Signature,
        scale: Stages,
    ) -> None:
        super().__init__(
            lambda at, place: place.block(space.block(at, architecture.choices[at])),
            space, signature, scale,
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        return self.logits(self.layers(self.stem(images)))


class LayerwiseSupernet(Layers, Supernet):
    """Every block that a layer can be, with weights of its own."""

    def __init__(self, space: LayerwiseSpace, signature: Signature, scale: Stages) -> None:
        super().__init__(
            lambda at, place: MixedLayer(space.decisions[at].options, place),
            space, signature, scale,
        )  # fmt: skip
        self.space, self.signature, self.scale = space, signature, scale

    def forward(self, images: Tensor, selection: Selection) -> Tensor:
        features: Tensor = self.stem(images)
        selected = iter(selection)
        for layer in self.layers:
            mixed = isinstance(layer, MixedLayer)
            features = layer(features, next(selected)) if mixed else layer(features)
        return self.logits(features)

    def inherit(self, architecture: Architecture) -> LayerwiseNetwork:
        with torch.device("meta"):
            heir = LayerwiseNetwork(self.space, architecture, self.signature, self.scale)
        heir.stem, heir.head, heir.classifier = self.stem, self.head, self.classifier
        chosen = iter(architecture.choices)
        heir.layers = nn.Sequential(
            *(each.options[next(chosen)] if isinstance(each, MixedLayer) else each
              for each in self.layers)
        )  # fmt: skip
        return copy.deepcopy(heir)

    def weighed(self, mixture: Tensor) -> Iterator[tuple[Tensor, nn.Module]]:
        rows = iter(mixture)
        for layer in self.layers:
            if isinstance(layer, MixedLayer):
                yield from zip(next(rows), layer.options, strict=False)


class MixedLayer(nn.Module):
    """All blocks that a layer can be, of which it is one, or a sum that weighs them."""

    def __init__(self, blocks: Iterable[Option], place: Place) -> None:
        super().__init__()
        self.options = nn.ModuleList(place.block(str(block)) for block in blocks)
        self.c_out, self.stride = place.c_out, place.stride

    def forward(self, features: Tensor, selected: int | Tensor) -> Tensor:
        if not isinstance(selected, Tensor):
            chosen: Tensor = self.options[selected](features)
            return chosen
        mixed = weighed_sum(zip(selected, self.options, strict=False), features)
        return nothing(features, self.c_out, self.stride) if mixed is None else mixed


class InvertedResidual(nn.Module):
    """Expansion by 1x1, depthwise convolution, projection; added to the input of the same shape.

    Without expansion (1) the first part is left out.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: int,
        expansion: int,
        stride: int,
        act: type[nn.Module],
    ) -> None:
        super().__init__()
        hidden = c_in * expansion
        parts = [conv_norm(c_in, hidden, 1, 1, act)] if expansion > 1 else []
        parts.append(conv_norm(hidden, hidden, kernel, stride, act, groups=hidden))
        parts.append(conv_norm(hidden, c_out, 1))
        self.parts = nn.Sequential(*parts)
        self.adds = stride == 1 and c_in == c_out

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = self.parts(features)
        return out + features if self.adds else out
