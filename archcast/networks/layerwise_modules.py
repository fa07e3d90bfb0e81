"""Networks of spaces of layers as torch modules: inverted residuals, as in MobileNetV2."""

from __future__ import annotations

import re

from torch import Tensor, nn

from archcast.networks.blocks import conv_norm
from archcast.networks.scales import Stages
from archcast.spaces.layerwise import SKIP, LayerwiseSpace
from archcast.spaces.space import Architecture
from archcast.tasks.task import Signature

ACTIVATIONS = {"relu": nn.ReLU, "relu6": nn.ReLU6}


class LayerwiseNetwork(nn.Module):
    """From images (n, c, h, w) to logits (n, classes)."""

    def __init__(
        self,
        space: LayerwiseSpace,
        architecture: Architecture,
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
        for decision, (stage, place) in enumerate(space.layers):
            block = space.block(decision, architecture.choices[decision])
            stride = 1 if place else scale.strides[stage]
            layers.append(_layer(block, width, scale.widths[stage], stride, place, act))
            width = scale.widths[stage]
        self.layers = nn.Sequential(*layers)
        self.head = conv_norm(width, scale.head, 1, 1, act)
        self.classifier = nn.Linear(scale.head, signature.classes)

    def forward(self, images: Tensor) -> Tensor:
        features = self.head(self.layers(self.stem(images)))
        logits: Tensor = self.classifier(features.mean(dim=(2, 3)))
        return logits


def _layer(
    block: str, c_in: int, c_out: int, stride: int, place: int, act: type[nn.Module]
) -> nn.Module:
    """A block by its name, such as `k5_e6`; a skipped first layer still changes the shape."""
    if block == SKIP:
        return nn.Identity() if place else conv_norm(c_in, c_out, 1, stride)
    found = re.fullmatch(r"k(\d+)_e(\d+)", block)
    assert found is not None, f"{block} is no block"
    return InvertedResidual(c_in, c_out, int(found[1]), int(found[2]), stride, act)


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
