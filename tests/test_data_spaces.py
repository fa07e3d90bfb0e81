"""Spaces that are data: what is declared, what is written, and what is the same graph."""

from __future__ import annotations

import json
from itertools import combinations, product

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archcast.core.errors import InputError
from archcast.core.identity import made_of
from archcast.spaces import dag as dag_space
from archcast.spaces import registry as spaces
from archcast.spaces.choices import ChoicesSpace
from archcast.spaces.dag import DagSpace, edge_sets
from archcast.spaces.dag_text import read_dag
from archcast.spaces.decision import Decision
from archcast.spaces.declared import declared_space
from archcast.spaces.space import Space
from tests.data_spaces import MIXED, SPACES

MIX = SPACES["mixed"]
OPS = DagSpace(["a", "b", "c"], 12, [Decision("k", low=0, high=9)])


PLAITED = ["01", "02", "13", "23", "34", "35", "46", "56"]


def dag(operations: str, *edges: str, **numbers: object) -> str:
    """JSON of a graph: `dag("iao", "01", "12")`, where `i` is an input and `o` an output."""
    names = [{"i": "input", "o": "output"}.get(letter, letter) for letter in operations]
    pairs = [[int(digit) for digit in edge] for edge in edges]
    return json.dumps({"operations": names, "edges": pairs, **numbers})


# Declarations


def test_a_name_declares_what_is_registered() -> None:
    assert declared_space("nasbench201") is spaces.get("nasbench201")
    assert declared_space("nasbench201").declaration == "nasbench201"
    with pytest.raises(InputError, match="did you mean nasbench201"):
        declared_space("nasbench210")


def test_texts_complete_what_a_dag_leaves_open() -> None:
    texts = [
        dag("iabo", "01", "12", "23", k=[3, 5, None, 7], depth=[2, 2, 2, 2]),
        dag("cb", k=[9, 8]),  # with an input and an output of their own: four nodes
    ]
    space = declared_space('{"kind": "dag"}', texts)
    bounds = [Decision("depth", low=0, high=2), Decision("k", low=0, high=9)]
    assert space == DagSpace(["a", "b", "c"], 4, bounds)
    for text in texts:
        assert space.parse(str(space.parse(text))) == space.parse(text)
    assert declared_space(space.declaration) == space
    partly = declared_space(
        '{"kind": "dag", "operations": ["c", "b", "a"], "numbers": []}', texts[1:]
    )
    assert partly == DagSpace(["c", "b", "a"], 4)


def test_graphs_that_would_fill_the_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dag_space, "MOST_CHOICES", 10)
    small, large = dag("iabo", "01", "12", "23"), dag("iabao", "01", "12", "23", "34")
    assert declared_space('{"kind": "dag"}', [small]).name == "dag"
    assert declared_space('{"kind": "dag"}', [large]).name == "dag"
    with pytest.raises(InputError, match="2 graphs of up to 5 nodes are 20 choices, and 10 are"):
        declared_space('{"kind": "dag"}', [small, large])


def test_what_a_space_says_is_part_of_its_identity() -> None:
    wider = MIX.declaration.replace('"high": 0.5', '"high": 0.6')
    assert made_of(declared_space(wider)) != made_of(MIX)
    assert made_of(declared_space(MIX.declaration)) == made_of(MIX)


def test_a_text_that_completes_nothing_is_named() -> None:
    with pytest.raises(InputError, match=r"architecture 2, .*: the edges make a circle"):
        declared_space('{"kind": "dag"}', [dag("ab", "01"), dag("ab", "01", "10")])


def test_a_list_of_one_number_is_no_range() -> None:
    space = declared_space('{"kind": "dag"}', [dag("iao", "01", "12", k=[3, 3, 3])])
    assert space.lists == (Decision("k", (3.0,)),)  # type: ignore[attr-defined]


def test_spaces_are_equal_by_content() -> None:
    again = declared_space(MIX.declaration)
    assert again is not MIX
    assert again == MIX
    assert hash(again) == hash(MIX)
    text = str(MIX.example)
    assert {again.parse(text), MIX.parse(text)} == {MIX.parse(text)}
    assert declared_space(json.dumps({"kind": "choices", "decisions": MIXED[:2]})) != MIX
    assert DagSpace(["a"], 4) != DagSpace(["a"], 5)
    assert DagSpace(["a"], 4) != MIX


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "declares no space"),
        ("{}", "declares no space"),
        ('{"kind": "cells"}', "declares no space"),
        ('{"kind": "dag"', "no JSON"),
        ('{"kind": ' + "[" * 1_000_000, "nested too deep"),
        ('{"kind": "choices"}', "lists its decisions"),
        ('{"kind": "choices", "decisions": []}', "decisions are called nothing"),
        ('{"kind": "choices", "decisions": [{"name": "a", "options": [1]}], "x": 1}', "has no 'x'"),
        (
            '{"kind": "choices", "decisions": [{"name": "a=b", "options": [1]}]}',
            "write it otherwise",
        ),
        (
            '{"kind": "choices", "decisions": [{"name": "a", "options": ["b,"]}]}',
            "write it otherwise",
        ),
        (
            '{"kind": "choices", "decisions": [{"name": "a", "options": [""]}]}',
            "write it otherwise",
        ),
        (
            '{"kind": "choices", "decisions": [{"name": "a", "options": ["b\\n"]}]}',
            "can't be printed",
        ),
        ('{"kind": "choices", "decisions": [{"name": "\\ud800", "options": [1]}]}', "printed"),
        ('{"kind": "dag"}', "architectures that show it"),
        ('{"kind": "dag", "operations": ["a"], "nodes": 1}', "1 nodes; give 2 to 1000"),
        ('{"kind": "dag", "operations": ["a"], "nodes": 2000}', "give 2 to 1000"),
        ('{"kind": "dag", "operations": ["a"], "nodes": "9"}', "give 2 to 1000"),
        ('{"kind": "dag", "operations": "a", "nodes": 9}', "lists"),
        ('{"kind": "dag", "operations": ["a", "a"], "nodes": 9}', "not distinct"),
        ('{"kind": "dag", "operations": [1], "nodes": 9}', "not distinct texts"),
        (
            '{"kind": "dag", "operations": ["a"], "nodes": 9, "numbers": [{"name": "edges",'
            ' "low": 0, "high": 1}]}',
            "no list of numbers",
        ),
    ],
)
def test_senseless_declarations(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as raised:
        declared_space(text)
    assert "\n" not in str(raised.value)


# Lists of decisions


def test_choices_in_any_order_and_unseen_values() -> None:
    text = "dropout=0.25, act = no act,kernel=5.0,width=64,norm=layer,lr=3e-4"
    written = "kernel=5,act=no act,lr=0.0003,width=64,norm=layer,dropout=0.25"
    assert str(MIX.parse(text)) == written
    assert MIX.parse(written).choices == (1, 2, 0.0003, 4, 1, 0.25)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("kernel=3", "kernel=4"), "kernel is '4', none of 3, 5, 7"),
        (("kernel=3", ""), "no name=value"),
        (("kernel=3,", ""), "says nothing of 'kernel'"),
        (("kernel=3", "kernel=3,kernel=3"), "the second of its name"),
        (("kernel=3", "kernel=3,size=3"), "no decision 'size'"),
        (("lr=0.0001", "lr=1"), "not a number from 0.0001 to 0.1"),
        (("lr=0.0001", "lr=nan"), "not a number from 0.0001 to 0.1"),
    ],
)
def test_text_of_no_combination(change: tuple[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        MIX.parse(str(MIX.example).replace(*change))


def test_graph_of_a_combination_by_hand() -> None:
    space = ChoicesSpace([Decision("act", ("relu", "gelu")), Decision("k", (3, 5, 7))])
    graphs = space.graphs([space.parse("act=gelu,k=5")])
    assert [space.operations[i] for i in graphs.operations[0]] == [
        "input", "act=gelu", "k=5", "output",
    ]  # fmt: skip
    assert np.argwhere(graphs.adjacency[0]).tolist() == [[0, 1], [1, 2], [2, 3]]
    assert graphs.numbers[0, :, 0].tolist() == [0, 0, 0.5, 0]


# Graphs


def test_input_and_output_by_hand() -> None:
    """Those that are written so are taken; where there are none or several, there are new ones."""
    for text, names, edges in [
        (dag("iao", "01", "12"), "iao", ["01", "12"]),
        (dag("oai", "21", "10"), "iao", ["01", "12"]),
        (dag("ab", "01"), "iabo", ["01", "12", "23"]),
        (dag("ab"), "iabo", ["01", "02", "13", "23"]),
        (dag("iiaoo", "02", "12", "23", "24"), "iiiaooo", PLAITED),
        (dag("iab", "02", "12"), "iiabo", ["01", "02", "13", "23", "34"]),
        (dag("i"), "io", ["01"]),
        (dag("io", "01"), "io", ["01"]),
        (dag("iao", "01", "01", "12"), "iao", ["01", "12"]),
    ]:  # fmt: skip
        expected = json.loads(dag(names, *edges))
        assert read_dag(text).operations == expected["operations"], text
        assert [[i, j] for i, j in read_dag(text).edges] == expected["edges"], text


def test_graph_and_numbers_by_hand() -> None:
    space = DagSpace(["a", "b"], 6, [Decision("k", (1, 3, 5)), Decision("c", low=10, high=20)])
    graphs = space.graphs(
        [space.parse(dag("iabo", "01", "02", "13", "23", k=[1, 5, 3, None], c=[10, 15, 20, 12]))]
    )
    assert graphs.mask.tolist() == [[True, True, True, False, False, True]]
    assert graphs.operations.tolist() == [[0, 1, 2, 0, 0, 3]]
    assert np.argwhere(graphs.adjacency[0]).tolist() == [[0, 1], [0, 2], [1, 5], [2, 5]]
    assert graphs.numbers[0].tolist() == [[0, 0], [1, 0.5], [0.5, 1], [0, 0], [0, 0], [0, 0.2]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (dag("aba", "01", "12", "20"), "circle"),
        (dag("ab", "00"), "circle"),
        (dag("iabo", "01", "13", "12"), r"node 2 \('b'\) leads to no output"),
        (dag("ab", "05"), r"edge '\[0, 5\]' is no pair of nodes, which count from 0 to 1"),
        (json.dumps({"operations": ["a", "b"], "edges": [[0, True]]}), "no pair of nodes"),
        (json.dumps({"operations": ["a", "b"], "edges": [[0, 1.0]]}), "no pair of nodes"),
        (json.dumps({"operations": ["a", "b"], "edges": [[0, 1, 1]]}), "no pair of nodes"),
        (json.dumps({"operations": ["a", "b"], "edges": 5}), "list of pairs"),
        (json.dumps({"operations": ["a", ""], "edges": []}), "list of names"),
        (json.dumps({"operations": [], "edges": []}), "0 nodes"),
        (json.dumps({"operations": ["a"] * 1_001, "edges": []}), "1001 nodes"),
        (json.dumps({"operations": ["a"]}), "an object with operations and edges"),
        (dag("a" * 11), "13 nodes, input and output among them, and 12 are the most"),
        (dag("ax", "01"), "operation 'x' is none of a, b, c"),
        (dag("ii", k=[1, 1]), "operation 'input' is none of a, b, c"),
        (dag("ab", "01", k=[1]), "no list of 2 numbers"),
        (dag("ab", "01", k=[1, "2"]), "no list of 2 numbers"),
        (dag("ab", "01", k=[1, 10**400]), "no list of 2 numbers"),
        (dag("ab", "01", k=[1, float("inf")]), "Infinity is no number of JSON"),
        (dag("ab", "01", k=[1, 10]), "k is '10.0', not a number from 0 to 9"),
        (dag("ab", "01", size=[1, 2]), "'size' is no list of numbers of the space: k"),
        ("9" * 5_000, "thousands of digits"),
        ('{"operations": ' + "[" * 1_000_000, "nested too deep"),
        ("[" * 30_000_000, "characters of JSON"),
    ],
)
def test_text_of_no_graph(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as raised:
        OPS.parse(text)
    assert "\n" not in str(raised.value)


@st.composite
def graphs(draw: st.DrawFn, most: int = 8) -> tuple[list[str], list[tuple[int, int]], list[float]]:
    """Any graph in topological order, with a number a node."""
    n = draw(st.integers(1, most))
    names = draw(st.lists(st.sampled_from("abc"), min_size=n, max_size=n))
    pairs = list(combinations(range(n), 2))
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return names, edges, draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))


Written = tuple[list[str], list[tuple[int, int]], list[float]]


def text_of(graph: Written, order: list[int] | None = None) -> str:
    """Its JSON, with the nodes in another order."""
    names, edges, numbers = graph
    order = order or list(range(len(names)))
    place = {node: at for at, node in enumerate(order)}
    moved = {
        "operations": [names[node] for node in order],
        "edges": [[place[i], place[j]] for i, j in edges],
        "k": [numbers[node] for node in order],
    }
    return json.dumps(moved)


def labelled(graph: Written) -> networkx.DiGraph:
    made = networkx.DiGraph()
    for node, label in enumerate(zip(graph[0], graph[2], strict=True)):
        made.add_node(node, label=label)
    made.add_edges_from(graph[1])
    return made


@settings(deadline=None, max_examples=150)
@given(graph=graphs(), data=st.data())
def test_the_canonical_form_does_not_know_the_numbering(
    graph: Written, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(graph[0]))))
    one, two = OPS.parse(text_of(graph)), OPS.parse(text_of(graph, order))
    form = OPS.canonical(one)
    assert OPS.canonical(two) == form
    assert OPS.canonical(form) == form
    assert OPS.parse(str(one)) == one
    # It is the same network: what was read is isomorphic to what was written, with new ends.
    found = OPS.dag(form)  # type: ignore[attr-defined]
    numbers = [float(number or 0) for number in found.numbers["k"]]
    inner = labelled((found.operations, found.edges, numbers)).subgraph(
        range(1, len(found.operations) - 1)
    )
    same = networkx.algorithms.isomorphism.categorical_node_match("label", None)
    assert networkx.is_isomorphic(inner, labelled(graph), node_match=same)


@settings(deadline=None, max_examples=150)
@given(one=graphs(4), two=graphs(4))
def test_the_canonical_form_tells_apart_what_is_not_isomorphic(one: Written, two: Written) -> None:
    same = networkx.algorithms.isomorphism.categorical_node_match("label", None)
    isomorphic = networkx.is_isomorphic(labelled(one), labelled(two), node_match=same)
    forms = [OPS.canonical(OPS.parse(text_of(graph))) for graph in (one, two)]
    assert (forms[0] == forms[1]) is isomorphic


def test_number_of_graphs_up_to_isomorphism() -> None:
    """Against networkx, over all graphs of up to five nodes with one operation."""
    space = DagSpace(["a"], 5)
    kinds: list[networkx.DiGraph] = []
    for each in space.enumerate():
        graph = networkx.DiGraph(space.dag(each).edges)
        if not any(networkx.is_isomorphic(graph, other) for other in kinds):
            kinds.append(graph)
    assert len({space.canonical(each) for each in space.enumerate()}) == len(kinds)


def regular(layers: int, width: int, seed: int) -> Written:
    """Layers of equal nodes, each of which reads two of the layer before."""
    rng, edges = np.random.default_rng(seed), set()
    for layer in range(layers - 1):
        for shift in (rng.permutation(width), rng.permutation(width)):
            edges |= {
                (layer * width + i, (layer + 1) * width + int(shift[i])) for i in range(width)
            }
    n = layers * width
    return ["a"] * n, sorted(edges), [0] * n


def branches(blocks: int, width: int) -> Written:
    """Blocks of equal branches of two nodes, one behind the other."""
    names, edges = ["b"], []
    for _ in range(blocks):
        begin, end = len(names) - 1, len(names) + 2 * width
        for branch in range(width):
            first = len(names)
            names += ["a", "c"]
            edges += [(begin, first), (first, first + 1), (first + 1, end)]
            assert branch < width
        names.append("b")
    return names, edges, [0] * len(names)


@pytest.mark.parametrize(
    "graph", [regular(2, 4, 0), regular(3, 5, 1), branches(3, 8), branches(1, 40)]
)
def test_symmetric_graphs_have_one_form(graph: Written) -> None:
    space = DagSpace(["a", "b", "c"], 100, [Decision("k", low=0, high=9)])
    rng = np.random.default_rng(0)
    orders = [rng.permutation(len(graph[0])).tolist() for _ in range(3)]
    forms = {space.canonical(space.parse(text_of(graph, order))) for order in orders}
    assert len(forms) == 1


def test_a_thousand_nodes() -> None:
    names = ["a", "b"] * 499
    edges = [(i, j) for i in range(998) for j in (i + 1, i + 2, i + 7) if j < 998]
    space = DagSpace(["a", "b"], 1_000, [Decision("k", low=0, high=9)])
    written = names, edges, [0.0] * 998
    order = np.random.default_rng(0).permutation(998).tolist()
    one, two = space.parse(text_of(written)), space.parse(text_of(written, order))
    assert space.canonical(one) == space.canonical(two)


@pytest.mark.parametrize("nodes", range(2, 7))
def test_edge_sets_are_counted(nodes: int) -> None:
    pairs = list(combinations(range(nodes), 2))
    whole = 0
    for chosen in product((False, True), repeat=len(pairs)):
        edges = [pair for pair, there in zip(pairs, chosen, strict=True) if there]
        whole += {i for i, _ in edges} == {*range(nodes - 1)} and {j for _, j in edges} == {
            *range(1, nodes)
        }
    assert edge_sets(nodes) == whole


def test_sizes_without_counting() -> None:
    assert SPACES["huge"].size == 8**20
    assert SPACES["mixed"].size == float("inf")
    assert DagSpace(["a"], 41).size == float("inf")
    assert 2**700 < DagSpace(["a"], 40).size < 2**800


@pytest.mark.parametrize("name", ["mixed", "dag-ranges"])
def test_ranges_are_not_enumerated(name: str) -> None:
    space: Space = SPACES[name]
    with pytest.raises(InputError, match="architectures without number"):
        next(space.enumerate())
