"""What an architecture is: a file a space, with its line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archcast.core.registry import Entry, Registry

if TYPE_CHECKING:
    from archcast.spaces.space import Space

registry: Registry[Space] = Registry(
    "space",
    {
        "nasbench201": Entry("archcast.spaces.nasbench201:SPACE", "image cells, 5 ops on 6 edges"),
        "nasbench-graph": Entry("archcast.spaces.nasbench_graph:SPACE", "graph-network cells"),
    },
    base="archcast.spaces.space:Space",
)
