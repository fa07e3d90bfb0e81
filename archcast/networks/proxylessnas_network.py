"""How the layers of ProxylessNAS become networks."""

from __future__ import annotations

from typing import ClassVar

from archcast.networks.layerwise_network import LayerwiseNetworks
from archcast.networks.scales import Stages
from archcast.spaces.proxylessnas import SPACE
from archcast.tasks.task import Signature


class ProxylessNASNetworks(LayerwiseNetworks):
    """At the scale `official`, those for GPUs, 1.35 times as wide as those for phones."""

    space = SPACE
    scales: ClassVar = {
        "mini": Stages(
            4, (8, 8, 12, 12, 16, 16), (1, 2, 1, 1, 2, 1), head=32, stem_stride=2
        ),
        "official": Stages(
            40, (32, 56, 112, 128, 256, 432), (2, 2, 2, 1, 2, 1),
            head=1728, lead=24, stem_stride=2, activation="relu6",
        ),
    }  # fmt: skip
    signatures: ClassVar = {"imagenet": Signature((3, 224, 224), 1000)}


NETWORKS = ProxylessNASNetworks()
