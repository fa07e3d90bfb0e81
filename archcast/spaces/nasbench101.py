"""NAS-Bench-101: cells of up to seven vertices and nine edges, an operation on each vertex."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import combinations, permutations, product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archcast.core.errors import InputError, short
from archcast.core.json_text import read_json
from archcast.spaces.decision import Decision
from archcast.spaces.space import Architecture, Choices, Graphs, Space

VERTICES, MOST_EDGES = 7, 9  # edges are counted after pruning
INPUT, OUTPUT = "input", "output"
OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
PAIRS = list(combinations(range(VERTICES), 2))
SIZE = 423_624  # cells that differ
LEADS_BACK = 2**40  # more than any code of edges, of which nine and their operations fit 64 bits

Edges = tuple[tuple[int, int], ...]


class Cell(NamedTuple):
    """A pruned cell: its interior vertices' operations, as indices, and its edges.

    Vertex 0 is the input, the last one the output.
    """

    operations: tuple[int, ...]
    edges: Edges


class NASBench101(Space):
    """Cells of up to seven vertices and nine edges (Ying et al., 2019): 423,624 that differ.

    The first vertex is the input, the last one the output; edges lead to later vertices. Decisions
    are the 21 edges that there may be, and the operations of the five vertices between. What is not
    on a path from input to output does nothing: valid is what then has a path, and no more than
    nine edges. Vertices that a cell lacks stand before the output, without edges.

    Written as in the published file: the adjacency matrix row by row, a colon, the operations. JSON
    `{"module_adjacency": [[0, 1], [0, 0]], "module_operations": ["input", "output"]}`, as the
    authors' library gives it, is read too.

    `size`, `enumerate` and `sample` are of cells that differ, each in its canonical form.
    """

    name = "nasbench101"
    decisions = (
        *(Decision(f"edge {i}-{j}", ("no", "yes"), ordered=False) for i, j in PAIRS),
        *(Decision(f"operation {vertex}", OPERATIONS) for vertex in range(1, VERTICES - 1)),
    )
    operations = (INPUT, *OPERATIONS, OUTPUT)
    nodes = VERTICES

    @property
    def size(self) -> float:
        return SIZE

    @property
    def example(self) -> Architecture:
        return self._of(Cell((0,), ((0, 1), (1, 2))))

    # Text

    def format(self, architecture: Architecture) -> str:
        edges, operations = _split(architecture.choices)
        vertices = VERTICES - _left_out_at_the_end(edges, operations)
        inner = operations[: vertices - 2]
        matrix = [["0"] * vertices for _ in range(vertices)]
        for i, j in edges:
            matrix[min(i, vertices - 1)][min(j, vertices - 1)] = "1"
        names = [INPUT, *(OPERATIONS[each] for each in inner), OUTPUT]
        return f"{''.join(map(''.join, matrix))}:{','.join(names)}"

    def _parse(self, text: str) -> Choices:
        if text.lstrip().startswith("{"):
            return self._parse_json(read_json(text))
        digits, _, listed = text.replace(" ", "").partition(":")
        names = listed.split(",")
        count = len(names)
        if len(digits) != count**2 or not {*digits} <= {"0", "1"}:
            raise InputError(f"of {count} operations it needs {count**2} digits 0 or 1 before ':'")
        rows = [digits[at : at + count] for at in range(0, len(digits), count)]
        return self._choices([[int(digit) for digit in row] for row in rows], names)

    def _parse_json(self, value: Any) -> Choices:
        keys = ("module_adjacency", "module_operations")
        if not isinstance(value, Mapping) or not {*keys} <= {*value}:
            raise InputError(f"its JSON is no object with {' and '.join(keys)}")
        matrix, names = (value[key] for key in keys)
        of_text = isinstance(names, list) and all(isinstance(name, str) for name in names)
        square = (
            of_text
            and isinstance(matrix, list)
            and len(matrix) == len(names)
            and all(
                isinstance(row, list) and len(row) == len(names) and all(e in (0, 1) for e in row)
                for row in matrix
            )
        )
        if not square:
            raise InputError(f"{keys[0]} is no square matrix of 0 and 1 as large as {keys[1]}")
        return self._choices(matrix, names)

    def _choices(self, matrix: Sequence[Sequence[int]], names: Sequence[str]) -> Choices:
        count = len(names)
        if not 2 <= count <= VERTICES:
            raise InputError(f"{count} vertices; a cell has 2 to {VERTICES}")
        if names[0] != INPUT or names[-1] != OUTPUT:
            raise InputError(f"its operations begin with {INPUT} and end with {OUTPUT}")
        for name in names[1:-1]:
            if name not in OPERATIONS:
                known = ", ".join(OPERATIONS)
                raise InputError(f"operation {short(name, 40)} is none of {known}")
        edges = [(i, j) for i in range(count) for j in range(count) if matrix[i][j]]
        if any(i >= j for i, j in edges):
            raise InputError("an edge leads back; vertices stand in topological order")
        operations = tuple(OPERATIONS.index(name) for name in names[1:-1])
        choices = self._of(Cell(operations, tuple(edges))).choices
        if not self.is_valid(choices):
            raise InputError(
                f"no path leads from {INPUT} to {OUTPUT}, or more than {MOST_EDGES} edges are on"
                " such paths"
            )
        return choices

    # What is an architecture

    def is_valid(self, choices: Choices) -> bool:
        edges = _pruned(_split(choices)[0])
        return 0 < len(edges) <= MOST_EDGES

    def enumerate(self) -> Iterator[Architecture]:
        """Each cell in its canonical form, smaller ones first."""
        for vertices in range(2, VERTICES + 1):
            for shape in _shapes(vertices):
                for operations in product(range(len(OPERATIONS)), repeat=vertices - 2):
                    if shape.is_least(operations):
                        yield self._of(Cell(operations, shape.edges))

    def _draw(self, rng: np.random.Generator) -> Choices:
        """Uniform over cells, in canonical form."""
        shapes, ends = _all_shapes()
        shape = shapes[int(np.searchsorted(ends, rng.integers(ends[-1]), side="right"))]
        while True:  # of the ways to write a cell on a shape, one is least
            drawn = rng.integers(len(OPERATIONS), size=shape.inner)
            operations = tuple(drawn.tolist())
            if shape.is_least(operations):
                return self._of(Cell(operations, shape.edges)).choices

    def canonical(self, architecture: Architecture) -> Architecture:
        """Of the pruned cell's interior vertices in all orders, the least edges and operations."""
        return self._of(least(pruned(architecture)))

    def graphs(self, architectures: Sequence[Architecture]) -> Graphs:
        """Of pruned cells: a node a vertex."""
        n, last = len(architectures), VERTICES - 1
        adjacency = np.zeros((n, VERTICES, VERTICES), dtype=bool)
        operations = np.zeros((n, VERTICES), dtype=np.int64)
        mask = np.zeros((n, VERTICES), dtype=bool)
        for at, architecture in enumerate(architectures):
            cell = pruned(architecture)
            inner = len(cell.operations)
            mask[at, : inner + 1] = True
            operations[at, 1 : inner + 1] = np.array(cell.operations, dtype=np.int64) + 1
            for i, j in cell.edges:
                adjacency[at, i, last if j == inner + 1 else j] = True
        mask[:, -1] = True
        operations[:, -1] = len(self.operations) - 1
        return Graphs(adjacency, operations, mask, np.zeros((n, VERTICES, 0)))

    def _of(self, cell: Cell) -> Architecture:
        """The architecture of a cell, pruned or not; what it lacks stands before the output."""
        inner, last = len(cell.operations), VERTICES - 1
        there = {(i, last if j == inner + 1 else j) for i, j in cell.edges}
        edges = [int(pair in there) for pair in PAIRS]
        return Architecture(self, (*edges, *cell.operations, *[0] * (VERTICES - 2 - inner)))


def _split(choices: Choices) -> tuple[list[tuple[int, int]], tuple[int, ...]]:
    """The edges that are there, and the operations."""
    edges = [pair for pair, there in zip(PAIRS, choices, strict=False) if there]
    return edges, tuple(map(int, choices[len(PAIRS) :]))


def _left_out_at_the_end(edges: Sequence[tuple[int, int]], operations: Sequence[int]) -> int:
    """How many vertices before the output are as those that a cell lacks."""
    used = {vertex for edge in edges for vertex in edge}
    count = 0
    while count < VERTICES - 2:
        vertex = VERTICES - 2 - count
        if vertex in used or operations[vertex - 1]:
            break
        count += 1
    return count


def _pruned(edges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those on a path from the input to the output."""
    ahead, back = {0}, {VERTICES - 1}
    for i, j in edges:  # in order of the source
        if i in ahead:
            ahead.add(j)
    for i, j in reversed(edges):
        if j in back:
            back.add(i)
    on_path = ahead & back
    return [(i, j) for i, j in edges if i in on_path and j in on_path]


def pruned(architecture: Architecture) -> Cell:
    """What is on a path from the input to the output, vertices numbered anew in their order."""
    return pruned_with_places(architecture)[0]


def pruned_with_places(architecture: Architecture) -> tuple[Cell, list[int]]:
    """A pruned cell, and which vertex of the whole cell each of its vertices is."""
    edges, operations = _split(architecture.choices)
    edges = _pruned(edges)
    kept = sorted({vertex for edge in edges for vertex in edge})
    place = {vertex: at for at, vertex in enumerate(kept)}
    inner = tuple(operations[vertex - 1] for vertex in kept[1:-1])
    return Cell(inner, tuple((place[i], place[j]) for i, j in edges)), kept


def official_hash(architecture: Architecture) -> str:
    """By which the published file knows a cell: a digest that isomorphic cells share."""
    operations, edges = pruned(architecture)
    vertices = range(len(operations) + 2)
    labels = [-1, *operations, -2]
    sources = [[i for i, j in edges if j == vertex] for vertex in vertices]
    targets = [[j for i, j in edges if i == vertex] for vertex in vertices]
    digests = [
        _md5(str((len(targets[vertex]), len(sources[vertex]), labels[vertex])))
        for vertex in vertices
    ]
    for _ in vertices:
        digests = [
            _md5(
                f"{''.join(sorted(digests[each] for each in sources[vertex]))}|"
                f"{''.join(sorted(digests[each] for each in targets[vertex]))}|{digests[vertex]}"
            )
            for vertex in vertices
        ]
    return _md5(str(sorted(digests)))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


# Cells up to the order of their interior vertices


class Shape:
    """The edges of cells that differ in operations and in the order of vertices alone."""

    def __init__(self, vertices: int, code: int) -> None:
        self.edges = tuple(p for at, p in enumerate(_pairs(vertices)) if code >> at & 1)
        self.inner = vertices - 2
        orders = _orders(vertices)
        self._same = orders[_codes(self.edges, orders) == code]

    def is_least(self, operations: tuple[int, ...]) -> bool:
        """Whether no order that keeps the edges gives lesser operations."""
        codes = _operation_codes(operations, self._same)
        return bool(codes[0] == codes.min())  # the first order changes nothing

    @property
    def cells(self) -> int:
        """How many cells have this shape: the mean of those that an order leaves as they are.

        By the lemma of Cauchy, Frobenius and Burnside.
        """
        kept: list[int] = [len(OPERATIONS) ** (_cycles(order) - 2) for order in self._same.tolist()]
        return sum(kept) // len(kept)


def least(cell: Cell) -> Cell:
    """The least edges, and with these the least operations, over all orders of the vertices."""
    inner = len(cell.operations)
    orders = _orders(inner + 2)
    codes = _codes(cell.edges, orders) * len(OPERATIONS) ** inner
    order = orders[np.argmin(codes + _operation_codes(cell.operations, orders))].tolist()
    operations = [0] * inner
    for vertex, operation in enumerate(cell.operations, start=1):
        operations[order[vertex] - 1] = operation
    return Cell(tuple(operations), tuple(sorted((order[i], order[j]) for i, j in cell.edges)))


@lru_cache(maxsize=VERTICES)
def _pairs(vertices: int) -> list[tuple[int, int]]:
    return list(combinations(range(vertices), 2))


@lru_cache(maxsize=VERTICES)
def _orders(vertices: int) -> NDArray[np.int64]:
    """The new place of each vertex, (orders, vertices); input and output keep theirs."""
    inner = permutations(range(1, vertices - 1))
    return np.array([(0, *places, vertices - 1) for places in inner])


@lru_cache(maxsize=VERTICES)
def _bits(vertices: int) -> NDArray[np.int64]:
    """What an edge adds to the code of a cell's edges, (vertices, vertices)."""
    bits = np.full((vertices, vertices), LEADS_BACK)
    for at, pair in enumerate(_pairs(vertices)):
        bits[pair] = 2**at
    return bits


def _codes(edges: Edges, orders: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number for the edges in each order; a very large one where an edge then leads back."""
    sources, targets = np.array(edges).T
    codes: NDArray[np.int64] = _bits(orders.shape[1])[orders[:, sources], orders[:, targets]].sum(1)
    return codes


def _operation_codes(operations: tuple[int, ...], orders: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number for the operations in each order: as digits, the first vertex's first."""
    inner = len(operations)
    values = len(OPERATIONS) ** (inner - orders[:, 1:-1])
    codes: NDArray[np.int64] = values @ np.array(operations, dtype=np.int64)
    return codes


def _cycles(order: Sequence[int]) -> int:
    left, count = {*range(len(order))}, 0
    while left:
        count += 1
        at = min(left)
        while at in left:
            left.remove(at)
            at = order[at]
    return count


@lru_cache(maxsize=VERTICES)
def _shapes(vertices: int) -> list[Shape]:
    """All shapes with so many vertices."""
    pairs = _pairs(vertices)
    codes = np.arange(2 ** len(pairs))
    there = {pair: codes >> at & 1 for at, pair in enumerate(pairs)}
    whole = sum(there.values()) <= MOST_EDGES
    for vertex in range(vertices - 1):
        whole &= np.any([bit for pair, bit in there.items() if pair[0] == vertex], axis=0)
        whole &= np.any([bit for pair, bit in there.items() if pair[1] == vertex + 1], axis=0)
    codes = codes[whole]
    leasts, bits = codes.copy(), _bits(vertices)
    for order in _orders(vertices).tolist():
        moved = sum((codes >> at & 1) * bits[order[i], order[j]] for at, (i, j) in enumerate(pairs))
        leasts = np.minimum(leasts, moved)
    return [Shape(vertices, code) for code in np.unique(leasts).tolist()]


@lru_cache(maxsize=1)
def _all_shapes() -> tuple[list[Shape], NDArray[np.int64]]:
    """All shapes, and how many cells these and those before have."""
    shapes = [shape for vertices in range(2, VERTICES + 1) for shape in _shapes(vertices)]
    return shapes, np.cumsum([shape.cells for shape in shapes])


SPACE = NASBench101()
