"""Generators of networks that are small enough to train many of them."""

from __future__ import annotations

from typing import ClassVar

from archcast.spaces.nago import NAGO


class SmallNAGO(NAGO):
    """As `NAGO`, with graphs of three to five nodes: 27 to 125 operations a network."""

    name = "nago-small"
    counts: ClassVar = range(3, 6)


SPACE = SmallNAGO()
