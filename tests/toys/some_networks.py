from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from archcast.networks.networks import Networks
from archcast.networks.supernet import Selection, Supernet
from archcast.spaces.space import Architecture
from archcast.tasks.task import Signature
from tests.toys.a_space import SPACE


@dataclass(frozen=True)
class Width:
    """How many channels there are."""

    channels: int


def rung(option: int, channels: int) -> nn.Module:
    kernel = 2 * option + 1
    return nn.Sequential(nn.Conv2d(channels, channels, kernel, padding=option), nn.ReLU())


class LadderSupernet(Supernet):
    """Three convolutions for each rung; a `Sequential` of the chosen ones is a ladder."""

    def __init__(self, signature: Signature, scale: Width) -> None:
        super().__init__()
        self.stem = nn.Conv2d(signature.shape[0], scale.channels, 3, stride=2)
        self.rungs = nn.ModuleList(
            nn.ModuleList(rung(option, scale.channels) for option in range(3)) for _ in range(4)
        )
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(scale.channels, signature.classes)
        )

    def forward(self, inputs: Tensor, selection: Selection) -> Tensor:
        features = self.stem(inputs)
        for options, chosen in zip(self.rungs, selection, strict=True):
            assert isinstance(options, nn.ModuleList)
            if isinstance(chosen, Tensor):
                pairs = zip(chosen, options, strict=True)
                features = sum(weight * each(features) for weight, each in pairs if weight != 0)
            else:
                features = options[chosen](features)
        logits: Tensor = self.head(features)
        return logits

    def inherit(self, architecture: Architecture) -> nn.Module:
        heir = copy.deepcopy(self)
        chosen = zip(heir.rungs, architecture.choices, strict=True)
        return nn.Sequential(heir.stem, *(options[choice] for options, choice in chosen), heir.head)  # type: ignore[index]


class LadderNetworks(Networks[Width]):
    """Ladders with four or eight channels."""

    space = SPACE
    scales: ClassVar = {"mini": Width(4), "official": Width(8)}
    signatures: ClassVar = {"cifar10": Signature((3, 32, 32), 10)}

    def build(self, architecture: Architecture, signature: Signature, scale: Width) -> nn.Module:
        return LadderSupernet(signature, scale).inherit(architecture)

    def supernet(self, signature: Signature, scale: Width) -> LadderSupernet:
        return LadderSupernet(signature, scale)


NETWORKS = LadderNetworks()
