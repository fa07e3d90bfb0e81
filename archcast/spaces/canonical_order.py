"""The order of the nodes of a graph that does not depend on how they were numbered."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

WORK = 20_000  # nodes whose colours are looked at before symmetries are taken for granted

Edges = list[tuple[int, int]]


def canonical_order(labels: Sequence[Any], edges: Sequence[tuple[int, int]]) -> list[int]:
    """The nodes of a directed acyclic graph in an order that isomorphic graphs share.

    Labels are compared with each other; isomorphic is what agrees in labels and edges. The order is
    topological: by the longest path that leads to a node, then by label, then by colours refined as
    by Weisfeiler & Leman until none splits. Where nodes still have the same colour, each of them is
    put before the others in turn and the rest refined, and the order with the least list of edges
    is taken. Of those that can be exchanged for each other, one is tried.

    With ever more symmetries that takes long; after `WORK` the first node is taken wherever colours
    agree. Then, if nodes of one colour can't be exchanged for each other after all, as in regular
    graphs, isomorphic graphs may get different orders. Up to some twenty nodes that does not occur.
    """
    return _Search(labels, edges).order


class _Search:
    def __init__(self, labels: Sequence[Any], edges: Sequence[tuple[int, int]]) -> None:
        self.edges = edges
        self.sources: list[list[int]] = [[] for _ in labels]
        self.targets: list[list[int]] = [[] for _ in labels]
        for i, j in edges:
            self.sources[j].append(i)
            self.targets[i].append(j)
        self.work = 0
        depth = self._depth()
        begun = _ranks([(depth[node], label) for node, label in enumerate(labels)])
        self.order = self._best(self._refined(begun))[1]

    def _depth(self) -> list[int]:
        depth, waits = [0] * len(self.sources), [len(each) for each in self.sources]
        ready = [node for node, count in enumerate(waits) if not count]
        while ready:
            node = ready.pop()
            for target in self.targets[node]:
                depth[target] = max(depth[target], depth[node] + 1)
                waits[target] -= 1
                if not waits[target]:
                    ready.append(target)
        return depth

    def _refined(self, colours: list[int]) -> list[int]:
        """Colours that tell apart what differs in the colours around; none that differed agree."""
        while True:
            self.work += len(colours)
            finer = _ranks(
                [
                    (
                        colour,
                        tuple(sorted([colours[each] for each in self.sources[node]])),
                        tuple(sorted([colours[each] for each in self.targets[node]])),
                    )
                    for node, colour in enumerate(colours)
                ]
            )
            if finer == colours:
                return colours
            colours = finer

    def _first(self, colours: list[int], node: int) -> list[int]:
        """Colours refined after the node was put before the others of its colour."""
        return self._refined(
            [
                2 * colour + (colour == colours[node] and at != node)
                for at, colour in enumerate(colours)
            ]
        )

    def _greedy(self, colours: list[int]) -> tuple[Edges, list[int]]:
        """The edges and the order where always the first node of a colour is put first."""
        while tie := _tie(colours):
            colours = self._first(colours, tie[0])
        order = sorted(range(len(colours)), key=colours.__getitem__)
        place = {node: at for at, node in enumerate(order)}
        return sorted((place[i], place[j]) for i, j in self.edges), order

    def _best(self, colours: list[int]) -> tuple[Edges, list[int]]:
        """The least list of edges, and an order that gives it."""
        tie = _tie(colours)
        if not tie or self.work > WORK:
            return self._greedy(colours)
        tried: dict[Hashable, list[int]] = {}  # nodes of one result can be exchanged: one is enough
        for node in tie:
            finer = self._first(colours, node)
            tried.setdefault(tuple(self._greedy(finer)[0]), finer)
        return min(self._best(finer) for finer in tried.values())


def _tie(colours: list[int]) -> list[int]:
    """The nodes of the least colour that several have; none if all differ."""
    nodes: dict[int, list[int]] = {}
    for node, colour in enumerate(colours):
        nodes.setdefault(colour, []).append(node)
    return min(((c, each) for c, each in nodes.items() if len(each) > 1), default=(0, []))[1]


def _ranks(keys: Sequence[Hashable]) -> list[int]:
    """Each key's place among the different ones, in order."""
    place = {key: at for at, key in enumerate(sorted(set(keys)))}  # type: ignore[type-var]
    return [place[key] for key in keys]
