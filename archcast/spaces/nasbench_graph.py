"""NAS-Bench-Graph: cells of four graph-network layers, each of which reads one earlier node."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import permutations

import numpy as np

from archcast.core.errors import InputError
from archcast.spaces.decision import Decision
from archcast.spaces.space import (
    Architecture,
    Choices,
    Graphs,
    Space,
    choice_matrix,
    whole_graphs,
)

OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
NODES = 4
LINKS: tuple[
    tuple[int, ...], ...
] = (  # for each node the node that it reads from; 0 is the input of the cell
    (0, 0, 0, 0),
    (0, 0, 0, 1),
    (0, 0, 1, 1),
    (0, 0, 1, 2),
    (0, 0, 1, 3),
    (0, 1, 1, 1),
    (0, 1, 1, 2),
    (0, 1, 2, 2),
    (0, 1, 2, 3),
)

_SKIP = OPERATIONS.index("skip")
_OPERATION_INDEX = {operation: i for i, operation in enumerate(OPERATIONS)}
_LINKS_INDEX = {links: i for i, links in enumerate(LINKS)}
_TEXT = re.compile(r"\|" + r"(\w+)~(\d)\|" * NODES, flags=re.ASCII)


class NASBenchGraph(Space):
    """The space of Qin et al., 2022 (NAS-Bench-Graph): 59,040 cells, 26,206 up to isomorphism.

    The first decision is the tree that the nodes form with the input of the cell, the others are
    the operations of the nodes. The output of the cell joins all leaves. At least one operation
    is no skip.
    """

    name = "nasbench-graph"
    decisions = (
        Decision("links", tuple("".join(map(str, links)) for links in LINKS)),
        *(Decision(f"operation {node}", OPERATIONS) for node in range(1, NODES + 1)),
    )
    operations = ("input", *OPERATIONS, "output")
    nodes = NODES + 2

    @property
    def size(self) -> float:
        return 59_040

    def format(self, architecture: Architecture) -> str:
        """Each operation with the node that it reads: `|gat~0|gcn~0|fc~1|skip~2|`."""
        links, *operations = architecture.choices
        nodes = zip(operations, LINKS[links], strict=True)
        return "|" + "".join(f"{OPERATIONS[choice]}~{source}|" for choice, source in nodes)

    def _parse(self, text: str) -> Choices:
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError
        operations, sources = match.groups()[::2], match.groups()[1::2]
        links = _LINKS_INDEX[tuple(map(int, sources))]
        return links, *(_OPERATION_INDEX[operation] for operation in operations)

    def is_valid(self, choices: Choices) -> bool:
        """All but the cells that do nothing: four skips."""
        return any(choice != _SKIP for choice in choices[1:])

    def canonical(self, architecture: Architecture) -> Architecture:
        """The cell that stands for the class in the benchmark.

        A skip changes nothing where other nodes read it, where it is the only reader of a node,
        or where it only hands on the input of the cell; all such skips move to the front, one
        behind the other. Of the cells that differ in the numbering of the nodes alone, it is the
        first in order of the choices.
        """
        links, *operations = architecture.choices
        skips = tuple(choice == _SKIP for choice in operations)
        links, numberings = _skips_to_front(links, skips)
        first = min(tuple(operations[node] for node in numbering) for numbering in numberings)
        return Architecture(self, (links, *first))

    def graphs(self, architectures: Sequence[Architecture]) -> Graphs:
        """Nodes: the input, the four operations, the output, which every leaf feeds."""
        choices = choice_matrix(architectures).reshape(-1, 1 + NODES)
        operations = np.zeros((len(choices), NODES + 2), dtype=np.int64)
        operations[:, 1:-1] = choices[:, 1:] + 1
        operations[:, -1] = len(self.operations) - 1
        return whole_graphs(_ADJACENCY[choices[:, 0]], operations)


@cache
def _skips_to_front(links: int, skips: tuple[bool, ...]) -> tuple[int, tuple[tuple[int, ...], ...]]:
    """What `canonical` does to one tree, given which nodes are skips.

    Returns the new tree and every numbering of the nodes that gives it; `numbering[i]` is the
    old number of node i. Nodes count from 0 here, and -1 is the input of the cell.
    """
    source = {node: link - 1 for node, link in enumerate(LINKS[links])}
    front: list[int] = []

    def moves(node: int) -> bool:
        readers = sum(other == source[node] for other in source.values())
        return skips[node] and (node in source.values() or readers == 1 or source[node] == -1)

    while (skip := next((node for node in source if moves(node)), None)) is not None:
        front.append(skip)
        behind = source.pop(skip)
        source = {node: behind if s == skip else s for node, s in source.items()}

    chain = [-1, *front]
    tree = dict(zip(front, chain, strict=False))
    tree |= {node: chain[-1] if s == -1 else s for node, s in source.items()}
    found: dict[tuple[int, ...], int] = {}  # numbering to tree
    for numbering in permutations(range(NODES)):
        number = {-1: 0, **{node: i for i, node in enumerate(numbering, start=1)}}
        renumbered = tuple(number[tree[node]] for node in numbering)
        if renumbered in _LINKS_INDEX:
            found[numbering] = _LINKS_INDEX[renumbered]
    (only,) = set(found.values())  # the nine lists are the nine trees of five nodes
    return only, tuple(found)


def _adjacency(links: tuple[int, ...]) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    adjacency = np.zeros((NODES + 2, NODES + 2), dtype=bool)
    for node, source in enumerate(links, start=1):
        adjacency[source, node] = True
        adjacency[node, -1] = node not in links
    return adjacency


_ADJACENCY = np.stack([_adjacency(links) for links in LINKS])


def package_hash(architecture: Architecture) -> int:
    """The key of the class of `architecture` in the authors' data: five decimal digits.

    The first digit is the tree, the others are the operations of the canonical cell.
    """
    return int("".join(map(str, SPACE.canonical(architecture).choices)))


def from_package_hash(value: int) -> Architecture:
    """The cell with this key.

    Raises:
        InputError: no cell has it.
    """
    choices = tuple(map(int, f"{value:05d}")) if 0 <= value < 100_000 else ()
    if not choices or max(choices) > _SKIP or not SPACE.is_valid(choices):
        raise InputError(
            f"{value} is no key of NAS-Bench-Graph; a key has five digits from 0 to 8,"
            " and not 8 in all of the last four"
        )
    return Architecture(SPACE, choices)


SPACE = NASBenchGraph()
