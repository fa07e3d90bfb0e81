"""Directed acyclic graphs as text: JSON of operations, edges and numbers."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

from archcast.core.errors import InputError, short
from archcast.core.json_text import read_json
from archcast.spaces.decision import finite

MOST_NODES = 1_000
EXAMPLE = '{"operations": ["input", "conv3x3", "output"], "edges": [[0, 1], [1, 2]]}'


class Dag(NamedTuple):
    """One graph: the first node is the input, the last the output, in topological order.

    `numbers` has a list a name, with a number or None a node. Each node is on a path from the input
    to the output.
    """

    operations: list[str]
    edges: list[tuple[int, int]]  # sorted, each once, from the lower number to the higher
    numbers: dict[str, list[float | None]]


def read_dag(text: str) -> Dag:
    """The graph that JSON text writes.

    Raises:
        InputError: it writes none.
    """
    value = read_json(text)
    if not isinstance(value, dict) or not {"operations", "edges"} <= {*value}:
        raise InputError(f"an object with operations and edges is wanted, like {EXAMPLE}")
    names, edges = _nodes(value["operations"]), value["edges"]
    numbers = {
        name: _numbers(name, values, len(names))
        for name, values in value.items()
        if name not in ("operations", "edges")
    }
    if not isinstance(edges, list):
        raise InputError(f"edges are a list of pairs of nodes, like {EXAMPLE}")
    return _ordered(names, sorted({_edge(edge, len(names)) for edge in edges}), numbers)


def _nodes(names: object) -> list[str]:
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise InputError(f"operations are a list of names, like {EXAMPLE}")
    if not 1 <= len(names) <= MOST_NODES:
        raise InputError(f"{len(names)} nodes; a graph has 1 to {MOST_NODES}")
    return names


def _edge(edge: object, nodes: int) -> tuple[int, int]:
    pair = edge if isinstance(edge, list) and len(edge) == 2 else []
    if not pair or not all(type(end) is int and 0 <= end < nodes for end in pair):
        raise InputError(
            f"edge {short(str(edge), 40)} is no pair of nodes, which count from 0 to {nodes - 1}"
        )
    return pair[0], pair[1]


def _numbers(name: str, values: Any, nodes: int) -> list[float | None]:
    found = [finite(value) for value in values] if isinstance(values, list) else []
    if len(found) != nodes or any(
        number is None and value is not None for number, value in zip(found, values, strict=True)
    ):
        raise InputError(f"{short(name, 40)} is no list of {nodes} numbers or nulls, one a node")
    return found


def _ordered(
    names: list[str], edges: list[tuple[int, int]], numbers: dict[str, list[float | None]]
) -> Dag:
    """The graph with one input and one output, in topological order."""
    readers: list[list[int]] = [[] for _ in names]
    waits = [0] * len(names)  # for so many nodes
    for i, j in edges:
        readers[i].append(j)
        waits[j] += 1
    sources = [node for node in range(len(names)) if not waits[node]]
    sinks = [node for node in range(len(names)) if not readers[node]]
    outputs = [node for node in sinks if names[node] == "output"] or sinks
    if dangling := [node for node in sinks if node not in outputs]:
        raise InputError(
            f"node {dangling[0]} ({short(names[dangling[0]], 40)}) leads to no output; drop it, or"
            " call it output too"
        )
    first, last = len(names), len(names) + 1  # of our own, where the graph has none
    if [names[node] for node in sources] == ["input"]:
        (first,) = sources
    if [names[node] for node in outputs] == ["output"]:
        (last,) = outputs

    order, waiting = [first], [node for node in sources if node != first]
    for node in readers[first] if first in sources else []:
        waits[node] -= 1
        waiting += [node] * (not waits[node])
    heapify(waiting)
    while waiting:  # what can be computed, in the order in which it is written
        node = heappop(waiting)
        order += [node] * (node != last)
        for reader in readers[node]:
            waits[reader] -= 1
            if not waits[reader]:
                heappush(waiting, reader)
    if any(waits):
        raise InputError("the edges make a circle; signals run from input to output only")
    order.append(last)
    place = {node: at for at, node in enumerate(order)}
    placed = [(place[i], place[j]) for i, j in edges]
    placed += [(0, place[node]) for node in sources if node != first]
    placed += [(place[node], len(order) - 1) for node in outputs if node != last]
    none: list[float | None] = [None, None]
    return Dag(
        ["input", *(names[node] for node in order[1:-1]), "output"],
        sorted(placed),
        {name: [[*values, *none][node] for node in order] for name, values in numbers.items()},
    )
