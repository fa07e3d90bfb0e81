"""The order of the nodes of a graph that does not depend on how they were numbered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

WORK = 10_000  # looks at a node, before it is taken for granted that equal nodes can be exchanged

Edges = tuple[tuple[int, int], ...]


def canonical_order(labels: Sequence[Any], edges: Sequence[tuple[int, int]]) -> list[int]:
    """The nodes of a directed acyclic graph in an order that isomorphic graphs share.

    Labels are compared with each other; isomorphic is what agrees in labels and edges. The order is
    topological: by the longest path that leads to a node, then by label, then by colours refined as
    by Weisfeiler & Leman until none splits. Where nodes still have the same colour, each of them is
    put behind the others in turn and the rest refined, and the order with the least list of edges
    is taken. Of those that can be exchanged for each other, one is tried.

    With ever more symmetries that takes long; after `WORK` the first node is taken wherever colours
    agree. Then, if nodes of one colour can't be exchanged for each other after all, as in regular
    graphs, isomorphic graphs may get different orders. Up to a dozen nodes that does not occur.
    """
    return _Search(labels, edges).order


class _Colouring:
    """An ordered partition of the nodes: a node's colour is the number of nodes before its cell."""

    def __init__(self, colours: list[int], cells: dict[int, list[int]]) -> None:
        self.colours, self.cells = colours, cells

    def copy(self) -> _Colouring:
        return _Colouring(self.colours.copy(), self.cells.copy())

    def split(self, start: int, parts: Sequence[list[int]]) -> list[int]:
        """Put the parts of a cell one behind the other; returns the nodes that moved."""
        moved: list[int] = []
        at = start
        for part in parts:
            self.cells[at] = part
            if at > start:
                moved += part
            for node in part:
                self.colours[node] = at
            at += len(part)
        return moved

    def tie(self) -> int | None:
        """The first cell with several nodes."""
        return min((start for start, cell in self.cells.items() if len(cell) > 1), default=None)


class _Search:
    def __init__(self, labels: Sequence[Any], edges: Sequence[tuple[int, int]]) -> None:
        self.edges, self.work = edges, 0
        self.sources: list[list[int]] = [[] for _ in labels]
        self.targets: list[list[int]] = [[] for _ in labels]
        for i, j in edges:
            self.sources[j].append(i)
            self.targets[i].append(j)
        nodes = range(len(labels))
        cells: dict[Any, list[int]] = {}
        for node, depth in zip(nodes, self._depth(), strict=True):
            cells.setdefault((depth, labels[node]), []).append(node)
        colouring = _Colouring([0] * len(labels), {})
        colouring.split(0, [cells[key] for key in sorted(cells)])
        self._refine(colouring, set(nodes))
        self.order = self._best(colouring)[1]

    def _depth(self) -> list[int]:
        """Of each node, the edges of the longest path to it."""
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

    def _refine(self, colouring: _Colouring, touched: set[int]) -> None:
        """Split cells by the colours around their nodes, until all of a cell see the same.

        `touched` are the nodes around which colours changed since that was so.
        """
        colours, cells = colouring.colours, colouring.cells

        def around(node: int) -> tuple[list[int], list[int]]:
            sees = self.sources[node], self.targets[node]
            return sorted([colours[i] for i in sees[0]]), sorted([colours[i] for i in sees[1]])

        while touched:
            start = min([colours[node] for node in touched])
            cell = cells[start]
            looked = [node for node in cell if node in touched]
            touched.difference_update(looked)
            self.work += len(looked)
            if len(cell) == 1:
                continue
            seen = {node: around(node) for node in looked}
            if len(looked) < len(cell):  # the others saw the same, and still do
                others = [node for node in cell if node not in seen]
                seen |= dict.fromkeys(others, around(others[0]))
            ordered = sorted(cell, key=lambda node: seen[node])
            parts: list[list[int]] = []
            for node in ordered:
                if parts and seen[parts[-1][0]] == seen[node]:
                    parts[-1].append(node)
                else:
                    parts.append([node])
            touched |= self._around(colouring.split(start, parts))

    def _around(self, nodes: Sequence[int]) -> set[int]:
        return {each for node in nodes for each in (*self.sources[node], *self.targets[node])}

    def _last(self, colouring: _Colouring, start: int, node: int) -> None:
        """Put a node behind the others of its cell, and refine."""
        others = [other for other in colouring.cells[start] if other != node]
        self._refine(colouring, self._around(colouring.split(start, [others, [node]])))

    def _greedy(self, colouring: _Colouring) -> tuple[Edges, list[int]]:
        """The edges and the order where always the first node of a cell is put last."""
        colouring = colouring.copy()
        while (start := colouring.tie()) is not None:
            self._last(colouring, start, colouring.cells[start][0])
        place = colouring.colours
        order = sorted(range(len(place)), key=place.__getitem__)
        return tuple(sorted((place[i], place[j]) for i, j in self.edges)), order

    def _best(self, colouring: _Colouring) -> tuple[Edges, list[int]]:
        """The least list of edges, and an order that gives it."""
        start = colouring.tie()
        if start is None or self.work > WORK:
            return self._greedy(colouring)
        tried: dict[Edges, _Colouring] = {}  # nodes of one result can be exchanged: one is enough
        for node in colouring.cells[start]:
            finer = colouring.copy()
            self._last(finer, start, node)
            tried.setdefault(self._greedy(finer)[0], finer)
            if self.work > WORK:
                break
        return min(self._best(finer) for finer in tried.values())
