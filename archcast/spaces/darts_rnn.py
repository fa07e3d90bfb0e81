"""Recurrent cells of DARTS: eight nodes, each of which reads an earlier one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from archcast.core.errors import InputError, short
from archcast.core.json_text import read_json
from archcast.spaces.darts import EDGE, NAMED
from archcast.spaces.decision import Decision
from archcast.spaces.space import Architecture, Choices, Graphs, Space, whole_graphs

ACTIVATIONS = ("tanh", "relu", "sigmoid", "identity")
NODES = range(1, 9)  # node 0 is what the cell makes of input and state

_LISTED = r"\s*,\s*".join(map(str, NODES))
_JOINED = rf"(?:\[\s*{_LISTED}\s*\]|range\(\s*1\s*,\s*9\s*\))"
_GENOTYPE = re.compile(
    NAMED.format(rf"recurrent\s*=\s*\[\s*((?:{EDGE}\s*(?:,\s*)?)*)\]\s*,\s*concat\s*=\s*{_JOINED}")
)


class Node(NamedTuple):
    """What a node reads, and by which activation, an index in `ACTIVATIONS`."""

    source: int
    activation: int


class DARTSRecurrent(Space):
    """A tree of eight nodes with an activation each (Liu et al., 2019): 2,642,411,520 cells.

    The new state is the mean of all nodes, so that their order does not matter. Written as
    `Genotype(recurrent=[('sigmoid', 0), ...], concat=range(1, 9))`; JSON with the activation's
    number and the source of each node, `{"act/0": 2, "switch/0": 0, ...}`, is read too.
    """

    name = "darts-rnn"
    decisions = tuple(
        decision
        for node in NODES
        for decision in (
            *(
                [Decision(f"node {node} reads", tuple(map(str, range(node))), ordered=False)]
                if node > 1  # the first reads node 0
                else []
            ),
            Decision(f"node {node}", ACTIVATIONS),
        )
    )
    operations = ("input", *ACTIVATIONS, "output")
    nodes = len(NODES) + 2

    def format(self, architecture: Architecture) -> str:
        pairs = ", ".join(
            f"('{ACTIVATIONS[activation]}', {source})"
            for source, activation in nodes_of(architecture)
        )
        return f"Genotype(recurrent=[{pairs}], concat=range(1, 9))"

    def _parse(self, text: str) -> Choices:
        if text.lstrip().startswith("{"):
            return _choices(_from_json(read_json(text)))
        found = _GENOTYPE.fullmatch(text)
        if found is None:
            raise InputError("it is no Genotype(recurrent=[...], concat=range(1, 9))")
        listed = re.findall(EDGE, found[1])
        for name, _ in listed:
            if name not in ACTIVATIONS:
                known = ", ".join(ACTIVATIONS)
                raise InputError(f"activation {short(name, 40)} is none of {known}")
        return _choices([Node(int(source), ACTIVATIONS.index(name)) for name, source in listed])

    def canonical(self, architecture: Architecture) -> Architecture:
        """Nodes in the order of a walk through the tree that takes the least branch first."""
        nodes = nodes_of(architecture)
        readers: list[list[int]] = [[] for _ in range(len(nodes) + 1)]
        for node, (source, _) in enumerate(nodes, start=1):
            readers[source].append(node)
        branch: dict[int, Any] = {}  # of each node its activation, and the branches that read it
        for node in reversed(NODES):
            inner = sorted(branch[reader] for reader in readers[node])
            branch[node] = (nodes[node - 1].activation, inner)
        walked: list[Node] = []

        def walk(node: int, place: int) -> None:
            for reader in sorted(readers[node], key=branch.__getitem__):
                walked.append(Node(place, nodes[reader - 1].activation))
                walk(reader, len(walked))

        walk(0, 0)
        return Architecture(self, _choices(walked))

    def graphs(self, architectures: Sequence[Architecture]) -> Graphs:
        """A node a node; the input is node 0, and all others feed the output."""
        n = len(architectures)
        adjacency = np.zeros((n, self.nodes, self.nodes), dtype=bool)
        operations = np.zeros((n, self.nodes), dtype=np.int64)
        adjacency[:, 1:-1, -1] = True
        operations[:, -1] = len(self.operations) - 1
        for at, architecture in enumerate(architectures):
            for node, (source, activation) in enumerate(nodes_of(architecture), start=1):
                adjacency[at, source, node] = True
                operations[at, node] = 1 + activation
        return whole_graphs(adjacency, operations)


def nodes_of(architecture: Architecture) -> list[Node]:
    """Of nodes 1 to 8, in order."""
    choices = iter((0, *architecture.choices))
    return [Node(source, next(choices)) for source in choices]


def _choices(nodes: Sequence[Node]) -> Choices:
    """Of nodes 1 to 8.

    Raises:
        InputError: these are not as many, or one reads no earlier one.
    """
    if len(nodes) != len(NODES):
        raise InputError(f"a cell has {len(NODES)} nodes, not {len(nodes)}")
    for number, (source, _) in zip(NODES, nodes, strict=True):
        if not 0 <= source < number:
            raise InputError(f"node {number} reads {source}, which is no earlier one")
    return tuple(choice for node in nodes for choice in node)[1:]


def _from_json(value: Any) -> list[Node]:
    wanted = [f"{what}/{at}" for what in ("act", "switch") for at in range(len(NODES))]
    if not isinstance(value, Mapping) or {*value} != {*wanted}:
        raise InputError(f"its JSON has not the keys {wanted[0]} to {wanted[-1]}")
    numbers = {key: each for key, each in value.items() if type(each) is int}
    if len(numbers) < len(wanted) or any(
        not 0 <= numbers[key] < len(ACTIVATIONS) for key in wanted[: len(NODES)]
    ):
        raise InputError(f"act/0 to act/7 are numbers from 0 to {len(ACTIVATIONS) - 1}")
    return [Node(numbers[f"switch/{at}"], numbers[f"act/{at}"]) for at in range(len(NODES))]


SPACE = DARTSRecurrent()
