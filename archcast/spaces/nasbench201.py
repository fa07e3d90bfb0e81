"""NAS-Bench-201: cells with four nodes and one of five operations on each of six edges."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from archcast.spaces.decision import Decision
from archcast.spaces.space import (
    Architecture,
    Choices,
    Graphs,
    Space,
    choice_matrix,
    whole_graphs,
)

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))  # in the order of the text form

_INDEX = {operation: i for i, operation in enumerate(OPERATIONS)}
_TEXT = re.compile(
    r"\|(\w+)~0\|\+\|(\w+)~0\|(\w+)~1\|\+\|(\w+)~0\|(\w+)~1\|(\w+)~2\|", flags=re.ASCII
)

_NASLIB_OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
_NASLIB_EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
_INDICES = re.compile(r"[(\[]" + ",".join(["([0-4])"] * len(EDGES)) + r"[)\]]")  # no spaces


class NASBench201(Space):
    """The topology search space of Dong & Yang, 2020 (NAS-Bench-201): 15,625 cells."""

    name = "nasbench201"
    decisions = tuple(Decision(f"edge {i}-{j}", OPERATIONS) for i, j in EDGES)
    operations = ("input", *OPERATIONS, "output")
    absent = frozenset({"none"})
    nodes = len(EDGES) + 2

    def format(self, architecture: Architecture) -> str:
        a, b, c, d, e, f = (OPERATIONS[choice] for choice in architecture.choices)
        return f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"

    def _parse(self, text: str) -> Choices:
        """Also reads the six indices by which NASLib and NAS-Bench-Suite-Zero know a cell."""
        if match := _INDICES.fullmatch(text.replace(" ", "")):
            indices = dict(zip(_NASLIB_EDGES, map(int, match.groups()), strict=True))
            return tuple(_INDEX[_NASLIB_OPERATIONS[indices[edge]]] for edge in EDGES)
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError
        return tuple(_INDEX[operation] for operation in match.groups())

    def canonical(self, architecture: Architecture) -> Architecture:
        """The first cell, in order of the choices, with the same unique string.

        The unique string is the one of the benchmark's authors: it drops skip connections and
        what can't reach the output, and ignores the order of sums. It gives their 6,466 classes,
        which still tell a sum with an empty term from one without. The representative carries
        `none` on every edge that its class leaves open.
        """
        return self._representatives[unique_string(architecture)]

    def reduced(self, architecture: Architecture) -> Architecture:
        """The first cell that adds up the same terms, of which 4,930 differ."""
        return self._reduced[computed(architecture)]

    @cached_property
    def _representatives(self) -> dict[str, Architecture]:
        return _firsts(self, unique_string)

    @cached_property
    def _reduced(self) -> dict[str, Architecture]:
        return _firsts(self, computed)

    def graphs(self, architectures: Sequence[Architecture]) -> Graphs:
        """Nodes: the input, the six edges in the order of the text form, the output."""
        n, last = len(architectures), len(EDGES) + 1
        adjacency = np.zeros((last + 1, last + 1), dtype=bool)
        for i, (source, target) in enumerate(EDGES, start=1):
            adjacency[0, i] = source == 0
            adjacency[i, last] = target == 3
            for j, (next_source, _) in enumerate(EDGES, start=1):
                adjacency[i, j] = target == next_source
        operations = np.zeros((n, last + 1), dtype=np.int64)
        operations[:, 1:last] = choice_matrix(architectures).reshape(n, len(EDGES)) + 1
        operations[:, last] = len(self.operations) - 1
        return whole_graphs(np.broadcast_to(adjacency, (n, *adjacency.shape)), operations)


def _firsts(space: NASBench201, key: Callable[[Architecture], str]) -> dict[str, Architecture]:
    """Of all cells with the same key the first one."""
    return {key(cell): cell for cell in reversed([*space.enumerate()])}


def unique_string(cell: Architecture) -> str:
    """A text that isomorphic cells share; `#` stands for what carries no signal."""
    nodes = ["0"]
    for node in (1, 2, 3):
        terms = []
        for (source, target), choice in zip(EDGES, cell.choices, strict=True):
            if target != node:
                continue
            operation, signal = OPERATIONS[choice], nodes[source]
            if operation == "none" or signal == "#":
                terms.append("#")
            elif operation == "skip_connect":
                terms.append(signal)
            else:
                terms.append(f"({signal})@{operation}")
        nodes.append("+".join(sorted(terms)))
    return nodes[-1]


def computed(cell: Architecture) -> str:
    """What the cell computes: a sum of terms, in which a skipped sum is no term but its own."""
    nodes = [["0"]]
    for node in (1, 2, 3):
        terms = []
        for (source, target), choice in zip(EDGES, cell.choices, strict=True):
            operation, signal = OPERATIONS[choice], nodes[source] if target == node else []
            if operation == "skip_connect":
                terms += signal
            elif operation != "none" and signal:
                terms.append(f"({'+'.join(signal)})@{operation}")
        nodes.append(sorted(terms))
    return "+".join(nodes[-1])


SPACE = NASBench201()
