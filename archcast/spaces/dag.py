"""Spaces of directed acyclic graphs: networks of any kind and size."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archcast.core.errors import InputError, short
from archcast.spaces.canonical_order import canonical_order
from archcast.spaces.dag_text import MOST_NODES, Dag, read_dag
from archcast.spaces.data_space import DataSpace, check_keys
from archcast.spaces.decision import Choice, Decision, decision_from_json
from archcast.spaces.space import Architecture, Choices, Graphs

MOST_CHOICES = 200_000_000  # of all graphs that a table holds, each of as many as the largest
COUNTED = 40  # nodes: of larger graphs there are too many to be counted


class DagSpace(DataSpace):
    """Every graph of some operations, with at most so many nodes.

    Declared as `{"kind": "dag", "operations": [...], "nodes": 20, "numbers": [...]}`. An
    architecture is written as JSON, with any further lists of numbers, one a node, that the space
    has:

        {"operations": ["input", "conv3x3", "add", "output"],
         "edges": [[0, 1], [0, 2], [1, 2], [2, 3]], "channels": [3, 16, 16, 16]}

    Where one node alone reads no other and is called `input`, it is the input; else there is one
    that all such nodes read. Where one node alone is read by no other and is called `output`, it is
    the output; else there is one that reads all that are called so, or, if none is, all that no
    other reads. `null`, or no number, counts as the lowest.

    The decisions are: of each node but the input and the output its operation, or none where the
    graph has fewer nodes; of each pair of nodes whether there is an edge; and of each node its
    numbers. A mutation changes one of them, and so leaves the number of nodes as it is.

    Two graphs that differ in the numbering of their nodes are the same network. `canonical` keeps
    apart what is not isomorphic, always. It gives all isomorphic graphs the same form as long as
    they are small or their symmetries are of the usual kind, such as equal branches: see
    `canonical_order`.

    Args:
        operations: of nodes other than the input and the output.
        nodes: the most that a graph has, the input and the output among them, written or not.
        numbers: a decision a list of numbers; its options, or its range, hold for every node.

    Raises:
        InputError: fewer than 2 nodes or more than 1,000, or names that the text form can't hold.
    """

    name = "dag"

    def __init__(
        self, operations: Sequence[str], nodes: int, numbers: Sequence[Decision] = ()
    ) -> None:
        if type(nodes) is not int or not 2 <= nodes <= MOST_NODES:
            raise InputError(
                f"a dag space of {short(str(nodes), 20)[1:-1]} nodes; give 2 to {MOST_NODES}"
            )
        self.inner = tuple(operations)
        if not all(isinstance(each, str) and each for each in self.inner) or len(
            {*self.inner}
        ) < len(self.inner):
            raise InputError(f"operations {short(str(self.inner))} are not distinct texts")
        self.lists = tuple(numbers)
        for decision in self.lists:
            if decision.name in ("operations", "edges") or not decision.ordered:
                raise InputError(f"{decision.name!r} is no list of numbers; give it another name")
            if not all(isinstance(option, int | float) for option in decision.options):
                raise InputError(f"{decision.name!r} has options that are no numbers; give numbers")
        if len({decision.name for decision in self.lists}) < len(self.lists):
            raise InputError("two lists of numbers have one name; give each a name of its own")
        self.operations = ("input", *self.inner, "output")
        self.nodes = nodes
        self.numbers = tuple(decision.name for decision in self.lists)
        self._index = {operation: i for i, operation in enumerate(self.inner, start=1)}
        self._pairs = nodes * (nodes - 1) // 2
        self._lowest = tuple(decision.first for decision in self.lists) * nodes

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> DagSpace:
        return cls.completed(value, ())

    @classmethod
    def completed(cls, value: Mapping[str, Any], texts: Sequence[str]) -> DagSpace:
        """The space of a declaration; what it leaves open is such that all `texts` are of it.

        Raises:
            InputError: a text is no graph, or nothing says what the space is.
        """
        check_keys(value, ("operations", "nodes", "numbers"))
        declared = value.get("numbers", [])
        if not isinstance(declared, list) or not isinstance(value.get("operations", []), list):
            raise InputError("operations and numbers of a dag space are lists; write them in [ ]")
        numbers = {each.name: each for each in map(decision_from_json, declared)}
        operations, nodes = value.get("operations"), value.get("nodes")
        if (operations is None or nodes is None) and not texts:
            raise InputError(
                "nothing says which operations a dag space has, and how many nodes: give"
                " operations and nodes, or architectures that show it"
            )
        needs_texts = operations is None or nodes is None or "numbers" not in value
        graphs = [_read(text, at) for at, text in enumerate(texts if needs_texts else (), start=1)]
        if operations is None:
            operations = sorted({each for dag in graphs for each in dag.operations[1:-1]})
        if nodes is None:
            nodes = max(len(dag.operations) for dag in graphs)
        if "numbers" not in value:
            names = dict.fromkeys(name for dag in graphs for name in dag.numbers)
            numbers = {name: _bounds(name, graphs) for name in sorted(names)}
        found = cls(operations, nodes, tuple(numbers.values()))
        held = len({*texts}) * (found._pairs + len(found._lowest))
        if held > MOST_CHOICES:
            raise InputError(
                f"{len({*texts}):,} graphs of up to {nodes} nodes are {held:,} choices, and"
                f" {MOST_CHOICES:,} are the most; leave out the largest graphs, or some"
            )
        return found

    def as_json(self) -> dict[str, Any]:
        numbers = [decision.as_json() for decision in self.lists]
        return {"operations": list(self.inner), "nodes": self.nodes, "numbers": numbers}

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:  # type: ignore[override]
        """Operations, edges in the order of `combinations`, and the numbers of node after node."""
        operations = (Decision(f"operation {i}", ("", *self.inner)) for i in self._slots)
        pairs = combinations(range(self.nodes), 2)
        edges = (Decision(f"edge {i}-{j}", ("no", "yes")) for i, j in pairs)
        numbers = (
            Decision(f"{each.name} {i}", each.options, each.ordered, each.low, each.high, each.log)
            for i in range(self.nodes)
            for each in self.lists
        )
        return (*operations, *edges, *numbers)

    @property
    def _slots(self) -> range:
        """The nodes that are neither input nor output."""
        return range(1, self.nodes - 1)

    def _split(self, choices: Choices) -> tuple[Choices, Choices, Choices]:
        """Operations, edges and numbers."""
        edges = len(self._slots)
        numbers = edges + self._pairs
        return choices[:edges], choices[edges:numbers], choices[numbers:]

    def _inner_nodes(self, operations: Choices) -> int:
        return sum(operation > 0 for operation in operations)

    # Text

    def dag(self, architecture: Architecture) -> Dag:
        """The graph of an architecture, without padding."""
        operations, edges, numbers = self._split(architecture.choices)
        inner = self._inner_nodes(operations)
        last = self.nodes - 1
        names = ["input", *(self.inner[choice - 1] for choice in operations[:inner]), "output"]
        pairs = combinations(range(self.nodes), 2)
        chosen = [pair for pair, choice in zip(pairs, edges, strict=True) if choice]
        slots = [*range(inner + 1), last]
        lists: dict[str, list[float | None]] = {
            each.name: [_value(each, numbers[slot * len(self.lists) + k]) for slot in slots]
            for k, each in enumerate(self.lists)
        }
        return Dag(names, [(i, inner + 1 if j == last else j) for i, j in chosen], lists)

    def format(self, architecture: Architecture) -> str:
        operations, edges, numbers = self.dag(architecture)
        return json.dumps({"operations": operations, "edges": edges, **numbers})

    def _parse(self, text: str) -> Choices:
        return self._choices(read_dag(text))

    def _choices(self, dag: Dag) -> Choices:
        """The choices of a graph.

        Raises:
            InputError: it is none of this space.
        """
        inner, last = len(dag.operations) - 2, self.nodes - 1
        if inner > len(self._slots):
            raise InputError(
                f"{inner + 2} nodes, input and output among them, and {self.nodes} are the most"
            )
        for name in dag.operations[1:-1]:
            if name not in self._index:
                known = short(", ".join(self.inner))[1:-1]
                raise InputError(f"operation {short(name, 40)} is none of {known}")
        if unknown := [name for name in dag.numbers if name not in self.numbers]:
            known = short(", ".join(self.numbers) or "none")[1:-1]
            raise InputError(f"{short(unknown[0], 40)} is no list of numbers of the space: {known}")
        operations = [self._index[name] for name in dag.operations[1:-1]]
        operations += [0] * (len(self._slots) - inner)
        edges = [0] * self._pairs
        for i, j in dag.edges:
            target = last if j == inner + 1 else j
            edges[i * (2 * self.nodes - i - 1) // 2 + target - i - 1] = 1
        numbers = list(self._lowest)
        for k, each in enumerate(self.lists):
            for node, value in enumerate(dag.numbers.get(each.name, ())):
                if value is not None:
                    slot = last if node == inner + 1 else node
                    numbers[slot * len(self.lists) + k] = each.choice(value)
        return (*operations, *edges, *numbers)

    # What is an architecture

    def is_valid(self, choices: Choices) -> bool:
        """Whether each node is on a path from input to output, and none is left out before another.

        Of nodes that are left out, numbers are the lowest.
        """
        operations, edges, numbers = self._split(choices)
        inner, lists = self._inner_nodes(operations), len(self.lists)
        left_out = slice((inner + 1) * lists, (self.nodes - 1) * lists)
        return (
            all(operations[:inner])
            and numbers[left_out] == self._lowest[left_out]
            and self._connects(np.array(edges, dtype=bool), inner)
        )

    def _connects(self, edges: NDArray[np.bool_], inner: int) -> bool:
        """Whether edges are of these inner nodes only, and each is read and reads."""
        adjacency = np.zeros((self.nodes, self.nodes), dtype=bool)
        adjacency[np.triu_indices(self.nodes, k=1)] = edges
        there = self._mask(np.array([inner]))[0]
        within = adjacency[there][:, there]
        return bool(within.sum() == adjacency.sum()) and _on_paths(within)

    def _mask(self, inner: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which nodes graphs with so many inner ones have."""
        mask = np.arange(self.nodes) <= inner[:, None]
        mask[:, -1] = True
        return mask

    @property
    def example(self) -> Architecture:
        """A chain with one operation, if there are any."""
        inner = list(self.inner[: self.nodes > 2])
        names = ["input", *inner, "output"]
        edges = [(i, i + 1) for i in range(len(inner) + 1)]
        return Architecture(self, self._choices(Dag(names, edges, {})))

    @property
    def size(self) -> float:
        """Exact; `math.inf` with a range, and of more than 40 nodes, which can't be counted."""
        return math.inf if self._has_ranges or self.nodes > COUNTED else sum(self._sizes)

    @property
    def _has_ranges(self) -> bool:
        return any(decision.is_range for decision in self.lists)

    @cached_property
    def _sizes(self) -> list[int]:
        """How many architectures have 0, 1, ... inner nodes; a range counts as its levels."""
        numbers = math.prod(decision.levels for decision in self.lists)
        return [
            len(self.inner) ** inner * numbers ** (inner + 2) * edge_sets(inner + 2)
            for inner in range(len(self._slots) + 1)
        ]

    @cached_property
    def _shares(self) -> list[float]:
        every = sum(self._sizes)
        return [size / every for size in self._sizes]

    def enumerate(self) -> Iterator[Architecture]:
        """Every architecture, smaller graphs first."""
        if self.size == math.inf:
            raise InputError(f"{self} has architectures without number; draw a sample")
        for inner in range(len(self._slots) + 1):
            left_out = len(self._slots) - inner
            pairs = [
                (0, 1) if self._mask(np.array([inner]))[0, list(pair)].all() else (0,)
                for pair in combinations(range(self.nodes), 2)
            ]
            values = [range(decision.levels) for decision in self.lists]
            slots = [values if slot <= inner or slot == self.nodes - 1 else [(0,)] * len(values)
                     for slot in range(self.nodes)]  # fmt: skip
            for edges in product(*pairs):
                if self._connects(np.array(edges, dtype=bool), inner):
                    operations = product(range(1, len(self.inner) + 1), repeat=inner)
                    numbers = product(*(options for slot in slots for options in slot))
                    for chosen, carried in product(operations, list(numbers)):
                        yield Architecture(self, (*chosen, *[0] * left_out, *edges, *carried))

    def _draw(self, rng: np.random.Generator) -> Choices:
        """Uniform. Of more than 40 nodes, next to all architectures have as many as they may."""
        inner = len(self._slots)
        if self.nodes <= COUNTED:
            inner = int(rng.choice(inner + 1, p=self._shares))
        there = self._mask(np.array([inner]))[0]
        within = np.zeros((inner + 2, inner + 2), dtype=bool)
        while not _on_paths(within):
            within = np.triu(rng.random(within.shape) < 0.5, k=1)
        adjacency = np.zeros((self.nodes, self.nodes), dtype=bool)
        adjacency[np.ix_(there, there)] = within
        edges = adjacency[np.triu_indices(self.nodes, k=1)]
        operations = rng.integers(1, len(self.inner) + 1, size=inner).tolist() if inner else []
        numbers = [
            each.of_level(int(rng.integers(each.levels)), rng) if there[slot] else each.first
            for slot in range(self.nodes)
            for each in self.lists
        ]
        operations += [0] * (len(self._slots) - inner)
        return (*operations, *edges.astype(int).tolist(), *numbers)

    # Graphs

    def canonical(self, architecture: Architecture) -> Architecture:
        """The isomorphic graph whose nodes stand in their `canonical_order`."""
        dag = self.dag(architecture)
        nodes = len(dag.operations)
        values = zip(*dag.numbers.values(), strict=True) if dag.numbers else [()] * nodes
        order = canonical_order(list(zip(dag.operations, values, strict=True)), dag.edges)
        place = {node: at for at, node in enumerate(order)}
        edges = sorted((place[i], place[j]) for i, j in dag.edges)
        numbers = {name: [each[node] for node in order] for name, each in dag.numbers.items()}
        moved = Dag([dag.operations[node] for node in order], edges, numbers)
        return Architecture(self, self._choices(moved))

    def graphs(self, architectures: Sequence[Architecture]) -> Graphs:
        """Numbers stand on their own scale from 0, the lowest, to 1, the highest."""
        n = len(architectures)
        choices = np.array([architecture.choices for architecture in architectures])
        choices = choices.reshape(n, len(self._slots) + self._pairs + len(self._lowest))
        chosen, edges, numbers = np.split(
            choices, [len(self._slots), len(self._slots) + self._pairs], axis=1
        )
        adjacency = np.zeros((n, self.nodes, self.nodes), dtype=bool)
        source, target = np.triu_indices(self.nodes, k=1)
        adjacency[:, source, target] = edges
        operations = np.zeros((n, self.nodes), dtype=np.int64)
        operations[:, 1:-1] = chosen
        operations[:, -1] = len(self.operations) - 1
        scaled = numbers.reshape(n, self.nodes, len(self.lists)).astype(np.float64)
        for k, each in enumerate(self.lists):
            scaled[..., k] = each.positions(scaled[..., k])
        return Graphs(adjacency, operations, self._mask((chosen > 0).sum(axis=1)), scaled)


def _read(text: str, at: int) -> Dag:
    try:
        return read_dag(text)
    except InputError as error:
        raise InputError(f"architecture {at}, {short(text, 60)}: {error}") from None


def _on_paths(adjacency: NDArray[np.bool_]) -> bool:
    """Whether each node is on a path from the first to the last, given their order."""
    return bool(adjacency[:-1].any(axis=1).all() and adjacency[:, 1:].any(axis=0).all())


def _value(decision: Decision, choice: Choice) -> float:
    """The number that a choice stands for; an `int` where it is whole."""
    number: float = json.loads(decision.text(choice))
    return number


def _bounds(name: str, graphs: Sequence[Dag]) -> Decision:
    """The range of the numbers in a list, and of 0 where a node has none."""
    values = {
        0.0 if value is None else value for dag in graphs for value in dag.numbers.get(name, [None])
    }
    low, high = min(values), max(values)
    return Decision(name, low=low, high=high) if low < high else Decision(name, (low,))


def edge_sets(nodes: int) -> int:
    """In how many ways nodes in a given order can be joined so that each is on a path.

    That is, from the first to the last. Nodes are added one by one; `unread[k]` is the number of
    ways to join those so far such that k are not yet read, the new one among them.
    """
    unread = {1: 1}
    for node in range(1, nodes - 1):
        after: dict[int, int] = {}
        for k, ways in unread.items():
            for more in range(k + 1):
                joined = math.comb(k, more) * 2 ** (node - k) - (more == 0)
                after[k - more + 1] = after.get(k - more + 1, 0) + ways * joined
        unread = after
    return sum(ways * 2 ** (nodes - 1 - k) for k, ways in unread.items())
