"""What an architecture is: a file a space, with its line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archcast.core.registry import Entry, Registry

if TYPE_CHECKING:
    from archcast.spaces.space import Space

registry: Registry[Space] = Registry(
    "space",
    {
        "darts": Entry("archcast.spaces.darts:SPACE", "normal and reduction cells, 7 operations"),
        "darts-rnn": Entry("archcast.spaces.darts_rnn:SPACE", "recurrent cells of 8 nodes"),
        "mobilenet": Entry("archcast.spaces.mobilenet:SPACE", "six layers of inverted residuals"),
        "nago": Entry("archcast.spaces.nago:SPACE", "generators of networks, three levels"),
        "nago-small": Entry("archcast.spaces.nago_small:SPACE", "of up to five nodes a level"),
        "nasbench-graph": Entry("archcast.spaces.nasbench_graph:SPACE", "graph-network cells"),
        "nasbench-macro": Entry("archcast.spaces.nasbench_macro:SPACE", "eight layers, 3 options"),
        "nasbench101": Entry("archcast.spaces.nasbench101:SPACE", "image cells, ops on 7 vertices"),
        "nasbench201": Entry("archcast.spaces.nasbench201:SPACE", "image cells, 5 ops on 6 edges"),
        "proxylessnas": Entry("archcast.spaces.proxylessnas:SPACE", "21 layers for ImageNet"),
        "size": Entry("archcast.spaces.size_space:SPACE", "widths of five layers"),
    },
    base="archcast.spaces.space:Space",
)
