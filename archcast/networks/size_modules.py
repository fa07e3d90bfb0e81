"""Networks of the size space as torch modules."""

from __future__ import annotations

from torch import Tensor, nn

from archcast.networks.blocks import ResidualReduction, conv_norm, relu_conv_norm
from archcast.networks.scales import Widths
from archcast.spaces.size_space import LAYERS
from archcast.spaces.space import Architecture
from archcast.tasks.task import Signature


class SizedNetwork(nn.Module):
    """From images (n, c, h, w) to logits (n, classes), by layers of the widths chosen."""

    def __init__(self, architecture: Architecture, signature: Signature, scale: Widths) -> None:
        super().__init__()
        widths = [scale.unit * (choice + 1) for choice in architecture.choices]
        self.stem = conv_norm(signature.shape[0], widths[0], 3, scale.stem_stride)
        sources = [widths[0], *widths]
        self.layers = nn.Sequential(
            *(_layer(*each, scale) for each in zip(LAYERS, sources, widths, strict=False))
        )
        self.norm = nn.Sequential(nn.BatchNorm2d(widths[-1]), nn.ReLU())
        self.classifier = nn.Linear(widths[-1], signature.classes)

    def forward(self, images: Tensor) -> Tensor:
        features = self.norm(self.layers(self.stem(images)))
        logits: Tensor = self.classifier(features.mean(dim=(2, 3)))
        return logits


def _layer(name: str, c_in: int, c_out: int, scale: Widths) -> nn.Module:
    is_reduction = name.startswith("reduction")
    if scale.layer == "convolution":
        return relu_conv_norm(c_in, c_out, 3, stride=2 if is_reduction else 1)
    return ResidualReduction(c_in, c_out) if is_reduction else SizedCell(c_in, c_out)


class SizedCell(nn.Module):
    """The cell of NATS-Bench's size space: 3x3 convolutions on all edges but 0-3, a skip there.

    Edges from node 0 change the width; where it stays, the skip is the identity.
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.first = relu_conv_norm(c_in, c_out, 3)  # 0-1
        self.second = nn.ModuleList([relu_conv_norm(c, c_out, 3) for c in (c_in, c_out)])  # to 2
        self.skip = nn.Identity() if c_in == c_out else relu_conv_norm(c_in, c_out, 1)
        self.third = nn.ModuleList([relu_conv_norm(c_out, c_out, 3) for _ in (1, 2)])  # to 3

    def forward(self, features: Tensor) -> Tensor:
        one = self.first(features)
        two = self.second[0](features) + self.second[1](one)
        out: Tensor = self.skip(features) + self.third[0](one) + self.third[1](two)
        return out
