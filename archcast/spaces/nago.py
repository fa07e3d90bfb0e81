"""Generators of networks: three levels of random graphs, each node a graph of the level below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from archcast.core.errors import InputError
from archcast.spaces.decision import Decision
from archcast.spaces.space import Architecture, Choices, Graphs, Space, chains

NEIGHBOURS, SAMPLES = range(2, 6), range(8)
REWIRED = 0.1, 1.0  # the chance of each edge
LEVELS = 3
FACTS = ("operations", "depth")  # of the network that was drawn
CONNECTED = 30  # times that a random graph is drawn anew for not being in one piece


class Dag(NamedTuple):
    """Nodes that read earlier ones; those that read none read what comes in."""

    sources: tuple[tuple[int, ...], ...]

    @property
    def outputs(self) -> list[int]:
        """The nodes that no other reads."""
        read = {source for sources in self.sources for source in sources}
        return [node for node in range(len(self.sources)) if node not in read]


class Node(NamedTuple):
    """A graph whose nodes are graphs of the level below, or operations where there are none."""

    dag: Dag
    inside: tuple[Node, ...]

    @property
    def operations(self) -> int:
        return sum(node.operations for node in self.inside) or len(self.dag.sources)

    @property
    def depth(self) -> int:
        """Operations on the longest path."""
        own = [node.depth for node in self.inside] or [1] * len(self.dag.sources)
        longest: list[int] = []
        for sources, depth in zip(self.dag.sources, own, strict=True):
            longest.append(depth + max((longest[source] for source in sources), default=0))
        return max(longest)


class NAGO(Space):
    """Hierarchical generators of networks (Ru et al., 2020, NAGO), each with eight samples.

    At the top and at the bottom stand connected small-world graphs (Watts & Strogatz), with so many
    nodes, joined to so many neighbours, of which so many are rewired by chance; between them random
    graphs with a chance for each edge (Erdos & Renyi). An architecture is a generator and the
    number of a sample: written `8,4,0.35/5,0.6/4,2,0.72/0`, level by level from the top.

    A node is joined to as many neighbours on each side, so that three act as two, and five as four.

    Graphs are chains with a node a decision, and two for what was drawn: `operations` and `depth`.
    Their number `position` is from 0, the least, to 1, the most.
    """

    name = "nago"
    version: ClassVar[int] = 2
    counts: ClassVar = range(3, 11)  # of the nodes of a graph

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:  # type: ignore[override]
        nodes = tuple(self.counts)
        return (
            Decision("top nodes", nodes),
            Decision("top neighbours", tuple(NEIGHBOURS)),
            Decision("top rewired", low=REWIRED[0], high=REWIRED[1]),
            Decision("middle nodes", nodes),
            Decision("middle edges", low=0.2, high=1.0),
            Decision("bottom nodes", nodes),
            Decision("bottom neighbours", tuple(NEIGHBOURS)),
            Decision("bottom rewired", low=REWIRED[0], high=REWIRED[1]),
            Decision("sample", tuple(SAMPLES), ordered=False),
        )

    numbers = ("position",)
    listed = True

    @cached_property
    def operations(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("input", *(decision.name for decision in self.decisions[:-1]), *FACTS, "output")

    @property
    def nodes(self) -> int:  # type: ignore[override]
        return len(self.operations)

    def format(self, architecture: Architecture) -> str:
        pairs = zip(self.decisions, architecture.choices, strict=True)
        top, middle, bottom, sample = _by_level(
            [decision.text(choice) for decision, choice in pairs]
        )
        return "/".join(map(",".join, (top, middle, bottom, sample)))

    def _parse(self, text: str) -> Choices:
        levels = [level.split(",") for level in text.split("/")]
        values = [value.strip() for level in levels for value in level]
        if len(values) != len(self.decisions) or _by_level(values) != [
            [value.strip() for value in level] for level in levels
        ]:
            raise InputError("it has not 3, 2, 3 and 1 numbers")
        choices = tuple(
            decision.choice(value) for decision, value in zip(self.decisions, values, strict=True)
        )
        if not self.is_valid(choices):
            raise InputError("a level has no more neighbours than other nodes")
        return choices

    def is_valid(self, choices: Choices) -> bool:
        return all(NEIGHBOURS[choices[at + 1]] < self.counts[choices[at]] for at in (0, 5))

    def canonical(self, architecture: Architecture) -> Architecture:
        """With as many neighbours as act; and where all are joined, rewired as little as can be."""
        choices = list(architecture.choices)
        for at in (0, 5):
            nodes, acting = self.counts[choices[at]], NEIGHBOURS[choices[at + 1]] // 2 * 2
            choices[at + 1] = NEIGHBOURS.index(acting)
            if acting == nodes - 1:
                choices[at + 2] = REWIRED[0]
        return Architecture(self, tuple(choices))

    def graphs(self, architectures: Sequence[Architecture]) -> Graphs:
        n, decided = len(architectures), self.decisions[:-1]
        numbers = np.zeros((n, self.nodes, 1))
        for at, architecture in enumerate(architectures):
            choices = self.canonical(architecture).choices
            for place, (decision, choice) in enumerate(zip(decided, choices, strict=False), 1):
                numbers[at, place] = decision.position(choice)
            network = drawn(architecture)
            known = np.log([network.operations, network.depth])
            numbers[at, -1 - len(FACTS) : -1, 0] = known / np.log(max(self.counts) ** LEVELS)
        return chains(np.broadcast_to(np.arange(self.nodes), (n, self.nodes)), numbers)


def _by_level(values: list[str]) -> list[list[str]]:
    return [values[:3], values[3:5], values[5:8], values[8:]]


@lru_cache(maxsize=10_000)
def drawn(architecture: Architecture) -> Node:
    """The graphs of an architecture; those inside of another are drawn one after the other."""
    choices, counts = architecture.choices, architecture.space.counts  # type: ignore[attr-defined]
    rng = np.random.default_rng(choices[-1])
    top, bottom = (
        (counts[choices[at]], NEIGHBOURS[choices[at + 1]], choices[at + 2]) for at in (0, 5)
    )
    middle = counts[choices[3]], choices[4]

    def level(draw: Callable[[], Dag], inner: Callable[[], Node]) -> Node:
        dag = draw()
        return Node(dag, tuple(inner() for _ in dag.sources))

    def operations() -> Node:
        return Node(_small_world(*bottom, rng), ())

    def cells() -> Node:
        return level(lambda: _random(*middle, rng), operations)

    return level(lambda: _small_world(*top, rng), cells)


def _small_world(nodes: int, neighbours: int, rewired: float, rng: np.random.Generator) -> Dag:
    import networkx

    seed = int(rng.integers(2**31))
    return _directed(
        networkx.connected_watts_strogatz_graph(nodes, neighbours, rewired, tries=1_000, seed=seed)
    )


def _random(nodes: int, chance: float, rng: np.random.Generator) -> Dag:
    """Connected, unless that never comes about."""
    import networkx

    for _ in range(CONNECTED):
        graph = networkx.gnp_random_graph(nodes, chance, seed=int(rng.integers(2**31)))
        if networkx.is_connected(graph):
            break
    return _directed(graph)


def _directed(graph: Any) -> Dag:
    """Every edge leads from the lower number to the higher."""
    return Dag(tuple(tuple(sorted(i for i in graph[j] if i < j)) for j in range(len(graph))))


SPACE = NAGO()
