"""The layer-wise space of ProxylessNAS: 21 layers of inverted residuals."""

from __future__ import annotations

from archcast.spaces.layerwise import SKIP, LayerwiseSpace
from archcast.spaces.mobilenet import BLOCKS


class ProxylessNAS(LayerwiseSpace):
    """Six stages of four layers and one (Cai et al., 2019): some 2e17 networks for ImageNet.

    Digits are k3_e3, k3_e6, k5_e3, k5_e6, k7_e3, k7_e6 (kernel and expansion) and skip; a stage's
    first layer is not skipped.
    """

    name = "proxylessnas"
    stages = (4, 4, 4, 4, 4, 1)
    blocks = (*BLOCKS, SKIP)
    first = BLOCKS


SPACE = ProxylessNAS()
