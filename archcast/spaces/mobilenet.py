"""Six layers of inverted residuals: kernel, expansion, or skipped."""

from __future__ import annotations

from archcast.spaces.layerwise import SKIP, LayerwiseSpace

KERNELS, EXPANSIONS = (3, 5, 7), (3, 6)
BLOCKS = tuple(f"k{kernel}_e{expansion}" for kernel in KERNELS for expansion in EXPANSIONS)


class MobileNet(LayerwiseSpace):
    """Three stages of two layers, with the blocks of ProxylessNAS: 74,088 networks.

    A small relative of the space `proxylessnas`, whose networks are trained in seconds. Digits are
    k3_e3, k3_e6, k5_e3, k5_e6, k7_e3, k7_e6 (kernel and expansion) and skip; a stage's first layer
    is not skipped.
    """

    name = "mobilenet"
    stages = (2, 2, 2)
    blocks = (*BLOCKS, SKIP)
    first = BLOCKS


SPACE = MobileNet()
