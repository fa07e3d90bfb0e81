"""How the six layers of the space `mobilenet` become networks."""

from __future__ import annotations

from typing import ClassVar

from archcast.networks.layerwise_network import LayerwiseNetworks
from archcast.networks.scales import Stages
from archcast.spaces.mobilenet import SPACE
from archcast.tasks.task import Signature


class MobileNetNetworks(LayerwiseNetworks):
    """At the scale `official`, as wide as MobileNetV2 (Sandler et al., 2018) is at such depths."""

    space = SPACE
    scales: ClassVar = {
        "mini": Stages(4, (8, 12, 16), (1, 2, 2), head=32, stem_stride=2),
        "official": Stages(32, (24, 40, 80), (1, 2, 2), head=1280, activation="relu6"),
    }
    signatures: ClassVar = {"cifar10": Signature((3, 32, 32), 10)}


NETWORKS = MobileNetNetworks()
