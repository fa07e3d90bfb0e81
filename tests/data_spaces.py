"""Spaces that are data, for tests: lists of decisions and graphs, small and large."""

from __future__ import annotations

import json

import numpy as np

from archcast.spaces.dag import DagSpace
from archcast.spaces.decision import Decision
from archcast.spaces.declared import declared_space
from archcast.spaces.space import Choices, Space

MIXED = [
    {"name": "kernel", "options": [3, 5, 7], "ordered": True},
    {"name": "act", "options": ["gelu", "relu", "no act"]},
    {"name": "lr", "low": 1e-4, "high": 0.1, "log": True},
    {"name": "width", "options": [16, 24, 32, 48, 64]},
    {"name": "norm", "options": ["batch", "layer"]},
    {"name": "dropout", "low": 0, "high": 0.5},
]


def _space(kind: str, **rest: object) -> Space:
    return declared_space(json.dumps({"kind": kind, **rest}))


SPACES = {
    "mixed": _space("choices", decisions=MIXED),
    "six": _space("choices", decisions=[MIXED[0], MIXED[4], {"name": "one", "options": [1]}]),
    "huge": _space(
        "choices", decisions=[{"name": f"d{i}", "options": list("abcdefgh")} for i in range(20)]
    ),
    "dag-ops": _space("dag", operations=["a", "b"], nodes=4),
    "dag-edges": _space("dag", operations=["a"], nodes=6),
    "dag-ordered": _space(
        "dag", operations=["a"], nodes=4, numbers=[{"name": "k", "options": [1, 3, 5]}]
    ),
    "dag-ranges": _space(
        "dag",
        operations=["conv", "pool", "add"],
        nodes=9,
        numbers=[{"name": "k", "options": [1, 3]}, {"name": "channels", "low": 3, "high": 64}],
    ),
    "dag-large": _space(
        "dag", operations=list("abcdef"), nodes=30, numbers=[{"name": "c", "low": 1, "high": 9}]
    ),
    "dag-nothing": _space("dag", operations=[], nodes=2),
}


class VariedDags(DagSpace):
    """Draws graphs of every size alike, where uniform draws are nearly all as large as may be."""

    def _draw(self, rng: np.random.Generator) -> Choices:
        smaller = DagSpace(self.inner, int(rng.integers(4, self.nodes + 1)), self.lists)
        return self._parse(str(smaller.sample(1, rng)[0]))


VARIED = VariedDags(
    ["conv", "pool", "add"], 7, [Decision("k", (1, 3)), Decision("channels", low=3, high=64)]
)
