"""DARTS: a normal and a reduction cell, whose nodes read two earlier ones each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import combinations, permutations
from typing import Any, NamedTuple

import numpy as np

from archcast.core.errors import InputError, short
from archcast.core.json_text import read_json
from archcast.spaces.decision import Decision
from archcast.spaces.space import Architecture, Choices, Graphs, Space, whole_graphs

OPERATIONS = (
    *("max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5"),
    *("dil_conv_3x3", "dil_conv_5x5"),
)
CELLS = ("normal", "reduce")
INPUTS = 2  # nodes 0 and 1 of a cell: what the cell before the previous one gave, and the previous
NODES = range(INPUTS, 6)  # the others, all of which a cell's output joins

_PREFIX = "NetworkSelectorDatasetInfo:darts:"
EDGE = r"\(\s*['\"](\w+)['\"]\s*,\s*(\d)\s*\)"
_JOINED = r"(?:\[\s*2\s*,\s*3\s*,\s*4\s*,\s*5\s*\]|range\(\s*2\s*,\s*6\s*\))"
NAMED = r"\s*(?:\w+\s*=\s*)?Genotype\(\s*{}\s*,?\s*\)\s*"  # as authors assign what is inside
_GENOTYPE = re.compile(
    NAMED.format(
        r"\s*,\s*".join(
            rf"{cell}\s*=\s*\[\s*((?:{EDGE}\s*(?:,\s*)?)*)\]\s*,\s*{cell}_concat\s*=\s*{_JOINED}"
            for cell in CELLS
        )
    )
)


class Edge(NamedTuple):
    """What a node reads: an earlier node, by an operation."""

    source: int
    operation: int  # index in `OPERATIONS`


Node = tuple[Edge, Edge]  # sources in order, and different
Cell = tuple[Node, ...]  # of `NODES`


def _decisions(cell: str) -> list[Decision]:
    found = []
    for node in NODES:
        if node > INPUTS:  # the first node reads both inputs
            pairs = tuple(f"{a}-{b}" for a, b in combinations(range(node), 2))
            found.append(Decision(f"{cell} {node} reads", pairs, ordered=False))
        found += [Decision(f"{cell} {node} {at}", OPERATIONS) for at in ("first", "second")]
    return found


class DARTS(Space):
    """Two cells of four nodes with two operations each (Liu et al., 2019): 1.1e18 architectures.

    A node reads two different earlier nodes, or inputs of its cell, which are the outputs of the
    two cells before. Written as `Genotype(normal=[...], normal_concat=[2, 3, 4, 5], reduce=[...],
    reduce_concat=[2, 3, 4, 5])`, with operation and source of both edges of each node. The JSON of
    NAS-Bench-301, and that by cell, node and edge, `{"normal/2/0/input": 1, ...}`, are read too.

    Graphs have both cells side by side, a node an operation. One of `normal` cells is another than
    the same of `reduce` cells. What a cell reads are the pseudo-operations `previous` and
    `before-previous`.
    """

    name = "darts"
    decisions = tuple(each for cell in CELLS for each in _decisions(cell))
    operations = (
        "input",
        *(
            f"{cell} {each}"
            for cell in CELLS
            for each in ("before-previous", "previous", *OPERATIONS)
        ),
        "output",
    )
    nodes = 2 + len(CELLS) * (INPUTS + 2 * len(NODES))

    # Text

    def format(self, architecture: Architecture) -> str:
        parts = []
        for name, cell in zip(CELLS, cells_of(architecture), strict=True):
            edges = ", ".join(
                f"('{OPERATIONS[operation]}', {source})"
                for node in cell
                for source, operation in node
            )
            parts.append(f"{name}=[{edges}], {name}_concat=[2, 3, 4, 5]")
        return f"Genotype({', '.join(parts)})"

    def _parse(self, text: str) -> Choices:
        stripped = text.strip()
        if stripped.startswith("{"):
            cells = _from_json(read_json(stripped))
        else:
            cells = _from_genotype(stripped)
        return _choices(cells)

    # What is an architecture

    def canonical(self, architecture: Architecture) -> Architecture:
        """The least cells over all orders of their nodes, which the output joins in any order."""
        return Architecture(self, _choices([_least(cell) for cell in cells_of(architecture)]))

    def graphs(self, architectures: Sequence[Architecture]) -> Graphs:
        n, last = len(architectures), self.nodes - 1
        adjacency = np.zeros((n, self.nodes, self.nodes), dtype=bool)
        operations = np.zeros((n, self.nodes), dtype=np.int64)
        operations[:, last] = len(self.operations) - 1
        kinds = INPUTS + len(OPERATIONS)  # of a cell
        for at, architecture in enumerate(architectures):
            for number, cell in enumerate(cells_of(architecture)):
                start, first = 1 + number * (last - 1) // 2, 1 + number * kinds
                gives = {source: [start + source] for source in range(INPUTS)}
                for source in range(INPUTS):
                    operations[at, start + source] = first + source
                    adjacency[at, 0, start + source] = True
                place = start + INPUTS
                for node, edges in zip(NODES, cell, strict=True):
                    gives[node] = [place, place + 1]
                    for source, operation in edges:
                        operations[at, place] = first + INPUTS + operation
                        adjacency[at, gives[source], place] = True
                        adjacency[at, place, last] = True
                        place += 1
        return whole_graphs(adjacency, operations)


def cells_of(architecture: Architecture) -> list[Cell]:
    """The normal and the reduction cell."""
    choices = iter(architecture.choices)
    cells = []
    for _ in CELLS:
        nodes: list[Node] = []
        for node in NODES:
            pairs = list(combinations(range(node), 2))
            one, other = pairs[next(choices)] if node > INPUTS else pairs[0]
            nodes.append((Edge(one, next(choices)), Edge(other, next(choices))))
        cells.append(tuple(nodes))
    return cells


def _choices(cells: Sequence[Cell]) -> Choices:
    """Of cells; the edges of a node may be in any order.

    Raises:
        InputError: a node reads one source twice.
    """
    choices: list[int] = []
    for name, cell in zip(CELLS, cells, strict=True):
        for node, edges in zip(NODES, cell, strict=True):
            (one, first), (other, second) = sorted(edges)
            pairs = list(combinations(range(node), 2))
            if (one, other) not in pairs:
                raise InputError(
                    f"node {node} of the {name} cell reads {one} and {other}, not two earlier nodes"
                )
            if node > INPUTS:
                choices.append(pairs.index((one, other)))
            choices += (first, second)
    return tuple(choices)


def _least(cell: Cell) -> Cell:
    """The least of the cells that are this one with its nodes in another order."""
    found: list[Cell] = []
    for order in permutations(range(len(NODES))):
        place = {INPUTS + node: INPUTS + at for at, node in enumerate(order)}
        nodes: list[Node] = []
        for number in order:
            one, other = sorted(
                Edge(place.get(source, source), each) for source, each in cell[number]
            )
            nodes.append((one, other))
        if all(other.source < node for node, (_, other) in zip(NODES, nodes, strict=True)):
            found.append(tuple(nodes))
    return min(found)


def _from_genotype(text: str) -> list[Cell]:
    found = _GENOTYPE.fullmatch(text)
    if found is None:
        raise InputError("it is no Genotype(normal=[...], normal_concat=[2, 3, 4, 5], reduce=[...")
    cells = []
    for listed in (found[1], found[4]):
        edges = [_edge(int(source), name) for name, source in re.findall(EDGE, listed)]
        if len(edges) != 2 * len(NODES):
            raise InputError(f"a cell has {2 * len(NODES)} edges, not {len(edges)}")
        cells.append(tuple((edges[at], edges[at + 1]) for at in range(0, len(edges), 2)))
    return cells


def _from_json(value: Any) -> list[Cell]:
    """By cell, node and edge, or as NAS-Bench-301 has them."""
    if not isinstance(value, Mapping):
        raise InputError("its JSON is no object")
    known = {str(key).removeprefix(_PREFIX): each for key, each in value.items()}
    try:
        if "normal/2/0/op" in known:
            return [
                tuple(
                    (_numbered(known, cell, node, 0), _numbered(known, cell, node, 1))
                    for node in NODES
                )
                for cell in CELLS
            ]
        return [_of_nasbench301(known, cell) for cell in CELLS]
    except KeyError as error:
        raise InputError(f"its JSON says nothing of {short(str(error.args[0]), 40)}") from None


def _numbered(known: Mapping[str, Any], cell: str, node: int, edge: int) -> Edge:
    source, name = (known[f"{cell}/{node}/{edge}/{what}"] for what in ("input", "op"))
    if not isinstance(source, int):
        raise InputError(f"{cell}/{node}/{edge}/input is no number")
    return _edge(source, str(name))


def _of_nasbench301(known: Mapping[str, Any], cell: str) -> Cell:
    """Edges are counted node by node, each from all earlier nodes; only two of a node are there."""
    nodes: list[Node] = []
    start = 0
    for node in NODES:
        told = "0_1" if node == INPUTS else str(known[f"inputs_node_{cell}_{node}"])
        if not re.fullmatch(r"\d_\d", told):
            raise InputError(f"inputs_node_{cell}_{node} is {short(told, 20)}, not like 0_1")
        one, other = int(told[0]), int(told[2])
        nodes.append(
            (
                _edge(one, str(known[f"edge_{cell}_{start + one}"])),
                _edge(other, str(known[f"edge_{cell}_{start + other}"])),
            )
        )
        start += node
    return tuple(nodes)


def _edge(source: int, name: str) -> Edge:
    if name not in OPERATIONS:
        raise InputError(f"operation {short(name, 40)} is none of {', '.join(OPERATIONS)}")
    return Edge(source, OPERATIONS.index(name))


SPACE = DARTS()
