from __future__ import annotations

from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import proxy


@proxy(version=1)
def largest_weight(passes: Passes) -> float:
    """Of all weights the one farthest from 0."""
    return max(float(weight.abs().max()) for weight in passes.weights)
