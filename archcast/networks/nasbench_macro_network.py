"""How the layers of NAS-Bench-Macro become networks."""

from __future__ import annotations

from typing import ClassVar

from archcast.networks.layerwise_network import LayerwiseNetworks
from archcast.networks.scales import Stages
from archcast.spaces.nasbench_macro import SPACE
from archcast.tasks.task import Signature


class NASBenchMacroNetworks(LayerwiseNetworks):
    """Three stages, each halving the image."""

    space = SPACE
    scales: ClassVar = {
        "mini": Stages(4, (8, 12, 16), (1, 2, 2), head=32, stem_stride=2),
        "official": Stages(32, (64, 128, 256), (2, 2, 2), head=1280),
    }
    signatures: ClassVar = {"cifar10": Signature((3, 32, 32), 10)}


NETWORKS = NASBenchMacroNetworks()
