"""The space of NAS-Bench-Macro: eight layers, each skipped or one of two inverted residuals."""

from __future__ import annotations

from archcast.spaces.layerwise import SKIP, LayerwiseSpace

BLOCKS = (SKIP, "k3_e3", "k5_e6")


class NASBenchMacro(LayerwiseSpace):
    """Three stages of two, three and three layers (Su et al., 2021): 6,561 networks.

    Digits are 0 skip, 1 k3_e3 and 2 k5_e6 (kernel and expansion). A first layer that is skipped
    still changes width and resolution. Up to the order of skipped layers, 3,969 networks differ.
    """

    name = "nasbench-macro"
    stages = (2, 3, 3)
    blocks = BLOCKS
    first = BLOCKS


SPACE = NASBenchMacro()
