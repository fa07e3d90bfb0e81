"""The options that an architecture chose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archcast.core.identity import versioned
from archcast.encodings.bounded_memory import refuse_wide
from archcast.encodings.live_graphs import reduced
from archcast.spaces.decision import Decision
from archcast.spaces.space import Architecture


@versioned(2)
def encode(architectures: Sequence[Architecture]) -> NDArray[np.float64]:
    """The choices of the reduced form, decision by decision, in the order of `Space.decisions`.

    Categorical: one feature an option, 1 where chosen. Ordered: one feature an option but the
    first, 1 where that or a later one is chosen, so that near options are alike. A range: its
    position from 0 to 1, on its own scale.

    Raises:
        InputError: there would be more than 20,000 features, as of graphs of 140 nodes.
    """
    decisions = architectures[0].space.decisions
    refuse_wide("one-hot", sum(1 if each.is_range else each.levels for each in decisions))
    choices = np.array([each.choices for each in reduced(architectures)], dtype=np.float64)
    parts = [_encode(each, choices[:, at]) for at, each in enumerate(decisions)]
    return np.hstack(parts)


def _encode(decision: Decision, choices: NDArray[np.float64]) -> NDArray[np.float64]:
    if decision.is_range:
        return decision.positions(choices)[:, None]
    options = np.arange(len(decision.options))
    chosen = choices[:, None]
    encoded = chosen >= options[1:] if decision.ordered else chosen == options
    return np.asarray(encoded, dtype=np.float64)
