"""Encodings against hand-computed cells and against plain path enumeration."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from archcast.core.errors import InputError
from archcast.encodings import registry as encodings
from archcast.encodings.graph_features import subsets
from archcast.encodings.path import MOST, longest
from archcast.spaces import registry as spaces
from archcast.spaces.dag import DagSpace
from archcast.spaces.decision import Decision
from archcast.spaces.nasbench201 import OPERATIONS
from archcast.spaces.space import Architecture, Graphs, Space, choice_matrix, whole_graphs
from tests.data_spaces import SPACES as DATA

INNER = 3


class AnyGraph(Space):
    """Every graph of three inner nodes, also with an edge from the input to the output."""

    name = "any-graph"
    decisions = (
        *(Decision(f"edge {i}", ("no", "yes")) for i in range(10)),
        *(Decision(f"operation {i}", ("void", "a", "b")) for i in range(INNER)),
    )
    nodes = INNER + 2
    operations = ("input", "void", "a", "b", "output")
    absent = frozenset({"void"})

    def format(self, architecture: Architecture) -> str:
        return "".join(map(str, architecture.choices))

    def _parse(self, text: str) -> tuple[int, ...]:
        return tuple(map(int, text))

    def canonical(self, architecture: Architecture) -> Architecture:
        return architecture

    def graphs(self, architectures: Sequence[Architecture]) -> Graphs:
        choices = choice_matrix(architectures)
        adjacency = np.zeros((len(choices), INNER + 2, INNER + 2), dtype=bool)
        source, target = np.triu_indices(INNER + 2, k=1)
        adjacency[:, source, target] = choices[:, :10]
        operations = np.zeros((len(choices), INNER + 2), dtype=np.int64)
        operations[:, 1:-1] = choices[:, 10:] + 1
        operations[:, -1] = len(self.operations) - 1
        return whole_graphs(adjacency, operations)


SPACES: dict[str, Space] = {
    **{name: spaces.get(name) for name in spaces},
    "any-graph": AnyGraph(),
    **{name: DATA[name] for name in ("mixed", "dag-edges", "dag-ranges")},
}
CELLS = {
    name: space
    for name, space in SPACES.items()
    if not space.numbers and not any(decision.ordered for decision in space.decisions)
}
NB201 = SPACES["nasbench201"]
PAIRS = [
    pytest.param(space, name, id=f"{name}-{s}") for s, space in SPACES.items() for name in encodings
]
every_space = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
every_cell = pytest.mark.parametrize("space", CELLS.values(), ids=CELLS)
every_pair = pytest.mark.parametrize(("space", "name"), PAIRS)


def encode(name: str, *architectures: Architecture) -> NDArray[np.float64]:
    return encodings.get(name)(architectures)


def alphabet(space: Space) -> list[str]:
    return [o for o in space.operations[1:-1] if o not in space.absent]


def plain_paths(architecture: Architecture) -> Iterator[list[int]]:
    """The paths from input to output, as lists of nodes, without those through absent ones."""
    space = architecture.space
    (adjacency,), (operations,), *_ = space.graphs([architecture])

    def walk(path: list[int]) -> Iterator[list[int]]:
        if space.operations[operations[path[-1]]] in space.absent:
            return
        if path[-1] == len(adjacency) - 1:
            yield path
        for node in np.flatnonzero(adjacency[path[-1]]).tolist():
            yield from walk([*path, node])

    return walk([0])


def names_on(architecture: Architecture, path: list[int]) -> tuple[str, ...]:
    (operations,) = architecture.space.graphs([architecture]).operations
    return tuple(architecture.space.operations[operations[node]] for node in path[1:-1])


def present(row: NDArray[np.float64], space: Space) -> set[tuple[str, ...]]:
    """The sequences of operations that a row of the path encoding holds."""
    most = longest(len(alphabet(space)))
    columns = [s for length in range(most + 1) for s in product(alphabet(space), repeat=length)]
    assert len(columns) + len(space.numbers) * (1 + len(alphabet(space))) == len(row)
    row = row[: len(columns)]
    return {columns[i] for i in np.flatnonzero(row)}


def plain_features(architecture: Architecture) -> list[float]:
    """The row of `graph-features`, from its description."""
    cell = architecture.space.reduced(architecture)
    graphs = cell.space.graphs([cell])
    name = [cell.space.operations[i] for i in graphs.operations[0]]
    paths = list(plain_paths(cell))
    edges = {edge for path in paths for edge in pairwise(path)}
    nodes = Counter(name[node] for node in {node for path in paths for node in path})
    follow = Counter((name[i], name[j]) for i, j in edges)
    letters, nowhere = alphabet(cell.space), len(name)
    chosen = [
        set(subset)
        for size in range(1, len(letters) + 1)
        if size <= 2 or len(letters) - size <= 2
        for subset in combinations(letters, size)
    ]
    inside = [[sum(name[node] in subset for node in path) for path in paths] for subset in chosen]
    whole = [
        [n for n, path in zip(counts, paths, strict=True) if n == len(path) - 2]
        for counts in inside
    ]
    last = len(name) - 1
    live = {node for path in paths for node in path} | {0, last}
    carried = [
        (name[node], graphs.numbers[0, node, k])
        for k in range(len(cell.space.numbers))
        for node in live
    ]
    per_number = len(live)
    sums = [
        sum(number for operation, number in part if letter in (None, operation))
        for part in (carried[i : i + per_number] for i in range(0, len(carried), per_number))
        for letter in (None, *letters)
    ]
    return [
        *(nodes[letter] for letter in letters),
        *(follow[a, b] for a, b in product(letters, letters)),
        *(min(lengths, default=nowhere) for lengths in whole),
        *(max(lengths, default=-1) for lengths in whole),
        *(len(lengths) for lengths in whole),
        *(min(counts, default=nowhere) for counts in inside),
        *(max(counts, default=-1) for counts in inside),
        *(sum(j == last and name[i] in subset for i, j in edges) for subset in chosen),
        *(sum(i == 0 and name[j] in subset for i, j in edges) for subset in chosen),
        *sums,
    ]


@pytest.mark.parametrize(
    ("space", "features"),
    [
        ("nasbench201", {"one-hot": 30, "adjacency": 58, "path": 85, "graph-features": 125}),
        ("nasbench-graph", {"one-hot": 45, "adjacency": 51, "path": 820, "graph-features": 727}),
    ],
)
def test_number_of_features(space: str, features: dict[str, int]) -> None:
    cells = SPACES[space].sample(2, np.random.default_rng(0))
    for name, number in features.items():
        encoded = encode(name, *cells)
        assert encoded.shape == (2, number)
        assert encoded.dtype == np.float64


@every_pair
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 8))
def test_a_row_depends_on_its_architecture_alone(
    space: Space, name: str, seed: int, n: int
) -> None:
    rng = np.random.default_rng(seed)
    cells = space.sample(n, rng)
    together = encode(name, *cells)
    order = rng.integers(n, size=n)  # also with repetitions
    np.testing.assert_array_equal(encode(name, *(cells[i] for i in order)), together[order])
    np.testing.assert_array_equal(encode(name, cells[0]), together[:1])


@every_cell
def test_one_hot_and_adjacency_lose_nothing(space: Space) -> None:
    cells = [space.reduced(cell) for cell in space.sample(50, np.random.default_rng(1))]
    edges = np.cumsum([decision.levels for decision in space.decisions])[:-1]
    chosen = [block.argmax(axis=1) for block in np.split(encode("one-hot", *cells), edges, axis=1)]
    assert [cell.choices for cell in cells] == list(zip(*chosen, strict=True))
    assert (encode("one-hot", *cells).sum(axis=1) == len(space.decisions)).all()

    adjacency, operations, *_ = space.graphs(cells)
    for row, matrix, nodes in zip(encode("adjacency", *cells), adjacency, operations, strict=True):
        upper = [matrix[i, j] for i, j in combinations(range(len(matrix)), 2)]
        one_hot = [node == i for node in nodes[1:-1] for i in range(1, len(space.operations) - 1)]
        assert row.tolist() == [*upper, *one_hot]


def test_path_encoding_of_cells_by_hand() -> None:
    skip, one, three, pool = "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"
    full = f"|{one}~0|+|{three}~0|{skip}~1|+|{pool}~0|{pool}~1|{one}~2|"
    broken = f"|{one}~0|+|{three}~0|none~1|+|{pool}~0|none~1|{one}~2|"
    dead = f"|none~0|+|none~0|{three}~1|+|none~0|{three}~1|{three}~2|"
    expected = {
        full: {(pool,), (one, pool), (three, one), (one, skip, one)},
        broken: {(pool,), (three, one)},
        dead: set(),
    }
    rows = encode("path", *map(NB201.parse, expected))
    assert [present(row, NB201) for row in rows] == list(expected.values())


def test_the_four_paths_of_every_nasbench201_cell() -> None:
    """Without the graph: a path is a list of edges, by their position in the text form."""
    cells = [NB201.reduced(cell) for cell in NB201.sample(500, np.random.default_rng(2))]
    for cell, row in zip(cells, encode("path", *cells), strict=True):
        options = [OPERATIONS[choice] for edge, choice in enumerate(cell.choices)]
        walks = [[options[edge] for edge in path] for path in ([3], [0, 4], [1, 5], [0, 2, 5])]
        assert present(row, NB201) == {tuple(walk) for walk in walks if "none" not in walk}


@every_space
def test_path_encoding_is_path_enumeration(space: Space) -> None:
    cells = space.sample(200, np.random.default_rng(3))
    for cell, row in zip(cells, encode("path", *cells), strict=True):
        stretches = set()
        most = longest(len(alphabet(space)))
        reduced = space.reduced(cell)
        for names in (names_on(reduced, path) for path in plain_paths(reduced)):
            starts = range(max(1, len(names) - most + 1))
            stretches |= {names[start : start + most] for start in starts}
        assert present(row, space) == stretches


def test_a_chain_of_four_keeps_its_stretches() -> None:
    space = SPACES["nasbench-graph"]
    (row,) = encode("path", space.parse("|gat~0|gcn~1|gin~2|fc~3|"))
    assert present(row, space) == {("gat", "gcn", "gin"), ("gcn", "gin", "fc")}


def test_an_edge_from_input_to_output_is_the_empty_path() -> None:
    space = SPACES["any-graph"]
    direct = Architecture(space, (0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2, 2, 2))
    assert present(encode("path", direct)[0], space) == {()}
    assert not encode("path", Architecture(space, (0,) * 13)).any()


@every_space
def test_graph_features_are_path_enumeration(space: Space) -> None:
    cells = space.sample(200, np.random.default_rng(4))
    np.testing.assert_allclose(
        encode("graph-features", *cells), [plain_features(cell) for cell in cells], atol=1e-5
    )


def test_graph_features_of_a_cell_by_hand() -> None:
    """A 3x3 behind a 1x1 convolution, a skip beside them, and a pooling that leads nowhere."""
    cell = NB201.parse(
        "|nor_conv_1x1~0|+|avg_pool_3x3~0|none~1|+|skip_connect~0|nor_conv_3x3~1|none~2|"
    )
    (row,) = encode("graph-features", cell)
    count, pairs, blocks = row[:4], row[4:20].reshape(4, 4), row[20:].reshape(7, 15)
    skip, one, three, pool = range(4)
    assert count.tolist() == [1, 1, 1, 0]
    assert pairs[one, three] == pairs.sum() == 1
    members = [frozenset(np.flatnonzero(subset).tolist()) for subset in subsets(4)]
    of = dict(zip(members, blocks.T.tolist(), strict=True))
    # shortest, longest, paths, fewest, most, read by the output, reading the input
    assert of[frozenset({skip})] == [1, 1, 1, 0, 1, 1, 1]
    assert of[frozenset({pool})] == [8, -1, 0, 0, 0, 0, 0]
    assert of[frozenset({three})] == [8, -1, 0, 0, 1, 1, 0]
    assert of[frozenset({one, three})] == [2, 2, 1, 0, 2, 1, 1]
    assert of[frozenset({skip, one, three, pool})] == [1, 2, 2, 1, 2, 2, 2]


@pytest.mark.parametrize("name", [*encodings])
@pytest.mark.parametrize("space", ["nasbench201", "nasbench-graph", "darts", "darts-rnn"])
def test_isomorphic_cells_share_their_row(space: str, name: str) -> None:
    cells = SPACES[space].sample(300, np.random.default_rng(5))
    canonical = [SPACES[space].canonical(cell) for cell in cells]
    assert canonical != cells
    np.testing.assert_array_equal(encode(name, *cells), encode(name, *canonical))


@pytest.mark.parametrize("name", [*encodings])
def test_swapped_nodes_share_their_row(name: str) -> None:
    cells = [c for c in NB201.sample(1000, np.random.default_rng(6)) if c.choices[2] == 0]
    swapped = [Architecture(NB201, tuple(c.choices[i] for i in (1, 0, 2, 3, 5, 4))) for c in cells]
    np.testing.assert_array_equal(encode(name, *cells), encode(name, *swapped))


@pytest.mark.parametrize(("n", "number"), [(1, 1), (2, 3), (3, 7), (4, 15), (5, 31), (9, 91)])
def test_subsets(n: int, number: int) -> None:
    members = subsets(n)
    assert members.shape == (number, n)
    assert len(np.unique(members, axis=0)) == number
    assert members.any(axis=1).all()
    assert members[-1].all()


# Ranges, numbers, padding and size


def test_one_hot_of_ordered_options_and_ranges_by_hand() -> None:
    space = DATA["mixed"]
    text = "kernel={},act={},lr={},width=32,norm=layer,dropout=0.125"
    rows = encode(
        "one-hot",
        *(space.parse(text.format(*each)) for each in [(3, "gelu", 1e-4), (7, "no act", 0.01)]),
    )
    last = [1, 1, 0, 0, 0, 1, 0.25]  # width 32 is above 16 and 24; norm; dropout
    np.testing.assert_allclose(rows[0], [0, 0, 1, 0, 0, 0, *last])
    np.testing.assert_allclose(rows[1], [1, 1, 0, 0, 1, 2 / 3, *last])


def test_adjacency_of_a_padded_graph_by_hand() -> None:
    space = DATA["dag-ranges"]
    graph = (
        '{"operations": ["input", "conv", "output"], "edges": [[0, 1], [1, 2]], "k": [1, 3, 1],'
        ' "channels": [3, 64, 33.5]}'
    )
    (row,) = encode("adjacency", space.parse(graph))
    edges, rest = row[:36], row[36:]
    assert [
        pair for pair, there in zip(combinations(range(9), 2), edges, strict=True) if there
    ] == [
        (0, 1),
        (1, 8),
    ]
    assert rest[:21].tolist() == [*np.eye(3)[space.operations.index("conv") - 1], *[0] * 18]
    assert rest[21:].tolist() == [0, 0, 1, 1, *[0] * 12, 0, 0.5]


@pytest.mark.parametrize("name", ["path", "graph-features", "one-hot", "adjacency"])
def test_numbers_reach_every_encoding(name: str) -> None:
    space = DATA["dag-ranges"]
    graph = '{"operations": ["conv", "pool"], "edges": [[0, 1]], "channels": [%s, %s]}'
    rows = encode(name, *(space.parse(graph % pair) for pair in [(16, 32), (17, 32), (16, 33)]))
    assert len(np.unique(rows, axis=0)) == 3


def test_isomorphic_graphs_share_their_row() -> None:
    """Written in any order. By name, for what a path is is no matter of order either."""
    space = DATA["dag-ranges"]
    rng = np.random.default_rng(0)
    for each in space.sample(50, rng):
        written = json.loads(str(each))
        n = len(written["operations"])
        order = rng.permutation(n).tolist()
        place = {node: at for at, node in enumerate(order)}
        moved = {
            "edges": [[place[i], place[j]] for i, j in written.pop("edges")],
            **{name: [values[node] for node in order] for name, values in written.items()},
        }
        again = space.parse(json.dumps(moved))
        for name in ("path", "graph-features"):
            np.testing.assert_array_equal(encode(name, each), encode(name, again))


@pytest.mark.parametrize(
    ("alphabet", "most"), [(1, 3), (9, 3), (21, 3), (22, 2), (99, 2), (100, 1), (20_000, 1)]
)
def test_paths_are_shorter_for_large_alphabets(alphabet: int, most: int) -> None:
    assert longest(alphabet) == most
    assert most == 1 or sum(alphabet**length for length in range(most + 1)) <= MOST


def dense(nodes: int, operations: str) -> Architecture:
    """Every node reads all before it."""
    space = DagSpace(sorted({*operations}), nodes)
    names = [operations[i % len(operations)] for i in range(nodes - 2)]
    edges = list(combinations(range(nodes - 2), 2))
    return space.parse(json.dumps({"operations": names, "edges": edges}))


def test_paths_are_counted_up_to_a_million() -> None:
    """Between n nodes that read all before them there are 2^(n - 2) paths."""
    for nodes, paths in [(7, 2**3), (22, 2**18), (27, 10**6), (52, 10**6)]:
        cell = dense(nodes, "ab")
        (row,) = encode("graph-features", cell)
        every = row[2 + 4 + 2 * 3 : 2 + 4 + 3 * 3]
        assert every[-1] == paths


def test_many_operations_have_few_subsets() -> None:
    names = [f"operation {i}" for i in range(120)]
    space = DagSpace(names, 30)
    rows = encode("graph-features", *space.sample(3, np.random.default_rng(0)))
    assert rows.shape == (3, 120 + 7 * 121)
    assert np.isfinite(rows).all()


@pytest.mark.parametrize("name", ["adjacency", "one-hot"])
def test_rows_of_large_graphs_are_refused_where_they_would_be_long(name: str) -> None:
    with pytest.raises(InputError, match="use graph-features"):
        encode(name, DagSpace(["a"], 300).example)
