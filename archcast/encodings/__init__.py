"""An architecture as numbers.

Every encoding is a function `encode(architectures)` from a list of architectures of one space, at
least one, to an array of shape (architectures, features). A row depends on its architecture alone,
and equal networks share theirs: they see its `Space.reduced` form. The columns depend on the
space alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archcast.core.registry import Entry, Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from archcast.spaces.space import Architecture

registry: Registry[Callable[[Sequence[Architecture]], NDArray[np.float64]]] = Registry(
    "encoding",
    {
        "one-hot": Entry("archcast.encodings.one_hot:encode", "the option of each decision"),
        "adjacency": Entry("archcast.encodings.adjacency:encode", "edges and node operations"),
        "path": Entry("archcast.encodings.path:encode", "operations from input to output"),
        "graph-features": Entry(
            "archcast.encodings.graph_features:encode", "counts and path lengths, as GRAF does"
        ),
    },
)
