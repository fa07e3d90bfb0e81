from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from archcast.core.errors import InputError
from archcast.spaces import registry as spaces
from archcast.spaces.decision import Decision, decision_from_json
from archcast.spaces.nasbench201 import EDGES, OPERATIONS, unique_string
from archcast.spaces.space import Architecture, Space, level_matrix
from archcast.testing import SPACE_CHECKS
from tests.data_spaces import SPACES

NB201 = spaces.get("nasbench201")
ALL = {**{name: spaces.get(name) for name in spaces}, **SPACES}


@pytest.mark.parametrize("check", SPACE_CHECKS, ids=lambda check: check.__name__[6:])
@pytest.mark.parametrize("space", ALL.values(), ids=ALL)
def test_contract(space: Space, check: Callable[[Space], None]) -> None:
    check(space)


def test_sample_of_everything_and_of_too_much() -> None:
    assert len(set(NB201.sample(15_625, np.random.default_rng(0)))) == 15_625
    with pytest.raises(InputError, match="15625 architectures, not 15626"):
        NB201.sample(15_626, np.random.default_rng(0))


def test_samples_are_uniform() -> None:
    counts = Counter(a.choices[0] for a in NB201.sample(5_000, np.random.default_rng(1)))
    assert all(900 < counts[option] < 1_100 for option in range(5))


@pytest.mark.parametrize("name", [name for name in spaces if spaces.get(name).size < 100_000])
def test_size_is_the_number_of_valid_combinations(name: str) -> None:
    assert sum(1 for _ in spaces.get(name).enumerate()) == spaces.get(name).size


# NAS-Bench-201


def test_nasbench201_has_6466_classes() -> None:
    cells = list(NB201.enumerate())
    assert len(cells) == 15_625
    assert len({NB201.canonical(cell) for cell in cells}) == 6_466


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        # The order of a sum: node 2 adds two convolutions of the input.
        ("conv1 conv3 skip none none skip", "conv3 conv1 skip none none skip", True),
        # Skip connections are no operation: 0 -> 1 -> 3 with a skip is an edge 0 -> 3.
        ("skip none none none conv3 none", "none none none conv3 none none", True),
        # What does not reach the output does not count.
        ("none conv3 none conv1 none none", "none none none conv1 none none", True),
        # The order of operations in a chain counts.
        ("conv3 none none none conv1 none", "conv1 none none none conv3 none", False),
        # So does how often one occurs.
        ("none none none conv3 none none", "conv3 none none conv3 skip none", False),
    ],
)
def test_isomorphism_by_hand(one: str, two: str, same: bool) -> None:
    names = {"conv3": 3, "conv1": 2, "skip": 1, "none": 0}
    cells = [
        Architecture(NB201, tuple(names[word] for word in words.split())) for words in (one, two)
    ]
    assert (NB201.canonical(cells[0]) == NB201.canonical(cells[1])) is same


def test_what_computes_the_same_has_one_reduced_form() -> None:
    """Cells as sums of products of symbols, one an operation and what it reads: 4,930 differ."""

    def computed(cell: Architecture) -> object:
        nodes: list[frozenset[tuple[object, int]]] = [frozenset({("input", 1)})]
        for node in (1, 2, 3):
            terms: Counter[object] = Counter()
            for (source, target), choice in zip(EDGES, cell.choices, strict=True):
                if target != node or choice == 0 or not nodes[source]:
                    continue
                if OPERATIONS[choice] == "skip_connect":
                    terms.update(dict(nodes[source]))
                else:
                    terms[choice, nodes[source]] += 1
            nodes.append(frozenset(terms.items()))
        return nodes[-1]

    forms: dict[Architecture, set[object]] = {}
    for cell in NB201.enumerate():
        forms.setdefault(NB201.reduced(cell), set()).add(computed(cell))
    assert len(forms) == 4_930
    assert all(len(same) == 1 for same in forms.values())
    assert all(NB201.reduced(form) == form == NB201.canonical(form) for form in forms)


def test_representative_has_none_wherever_it_may() -> None:
    rng = np.random.default_rng(2)
    for cell in NB201.sample(300, rng):
        canonical = NB201.canonical(cell)
        for edge in np.flatnonzero(canonical.choices):
            choices = list(canonical.choices)
            choices[edge] = 0
            assert unique_string(Architecture(NB201, tuple(choices))) != unique_string(cell)


def test_nasbench201_graph_by_hand() -> None:
    cell = NB201.parse(
        "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|"
    )
    graphs = NB201.graphs([cell])
    names = [NB201.operations[i] for i in graphs.operations[0]]
    edges = {(names[i], names[j]) for i, j in np.argwhere(graphs.adjacency[0])}
    assert names[1:4] == ["nor_conv_3x3", "none", "skip_connect"]
    assert ("input", "nor_conv_3x3") in edges
    assert ("nor_conv_3x3", "skip_connect") in edges
    assert ("skip_connect", "nor_conv_1x1") in edges
    assert ("nor_conv_1x1", "output") in edges
    assert ("nor_conv_3x3", "output") not in edges
    assert graphs.adjacency[0].sum() == 3 + 3 + 4  # from the input, to the output, in between


def test_indices_of_naslib() -> None:
    """Edges 0-1, 0-2, 0-3, 1-2, 1-3, 2-3; 0 skips, 1 is none, 2 a 3x3, 3 a 1x1, 4 pools."""
    pool, skip, none = "avg_pool_3x3", "skip_connect", "none"
    three, one = "nor_conv_3x3", "nor_conv_1x1"
    cell = f"|{pool}~0|+|{skip}~0|{none}~1|+|{one}~0|{pool}~1|{three}~2|"
    for text in ("(4, 0, 3, 1, 4, 2)", "[4,0,3,1,4,2]"):
        assert str(NB201.parse(text)) == cell
    every = product(range(5), repeat=6)
    assert len({NB201.parse(str(indices)) for indices in every}) == 15_625
    for text in ("(4, 0, 3, 1, 4, 5)", "(4, 0, 3, 1, 4)", "4, 0, 3, 1, 4, 2", "(4 0 3 1 4 2)"):
        with pytest.raises(InputError, match="not an architecture of space nasbench201"):
            NB201.parse(text)


@pytest.mark.parametrize("text", ["", "nonsense", "|none~0|+|none~0|none~1|", "|conv~0|+|" * 3])
@pytest.mark.parametrize("name", list(spaces))
def test_text_of_no_architecture(name: str, text: str) -> None:
    with pytest.raises(InputError, match=f"not an architecture of space {name}"):
        spaces.get(name).parse(text)


# Decisions


def test_decisions_read_what_they_wrote() -> None:
    for decision in (
        Decision("kernel", (3, 5, 7)),
        Decision("kernel", (3, 5, 7), ordered=False),
        Decision("size", ("small", "large"), ordered=True),
        Decision("lr", low=1e-4, high=0.1, log=True),
    ):
        assert decision_from_json(decision.as_json()) == decision


def test_numbers_are_ordered_unless_said_otherwise() -> None:
    assert Decision("kernel", (7, 3, 5)).options == (3, 5, 7)
    assert Decision("kernel", (7, 3, 5)).ordered
    assert Decision("kernel", (7, 3, 5), ordered=False).options == (7, 3, 5)
    assert not Decision("act", ("relu", 3)).ordered


def test_positions_by_hand() -> None:
    kernel, lr = Decision("kernel", (3, 5, 7)), Decision("lr", low=1e-4, high=0.1, log=True)
    assert [kernel.position(choice) for choice in range(3)] == [0, 0.5, 1]
    assert Decision("one", (1,)).position(0) == 0
    np.testing.assert_allclose(
        [lr.position(x) for x in (1e-4, 1e-3, 1e-2, 0.1)], [0, 1 / 3, 2 / 3, 1]
    )
    assert [lr.level(x) for x in (1e-4, 2.3e-4, 2.4e-4, 0.1)] == [0, 0, 1, 7]
    assert lr.at(0) == 1e-4
    assert lr.at(1) == 0.1
    np.testing.assert_allclose(lr.neighbours(1e-3), [1e-3 / 10**0.3, 1e-3 * 10**0.3])
    assert len(lr.neighbours(1e-4)) == 1


def test_numbers_of_a_range_are_uniform_on_its_scale() -> None:
    space = SPACES["mixed"]
    lr = space.decisions[2]
    sample = space.sample(4_000, np.random.default_rng(0))
    positions = [lr.position(each.choices[2]) for each in sample]
    assert (np.abs(np.histogram(positions, 10, (0, 1))[0] - 400) < 100).all()
    levels = level_matrix(sample)
    assert levels[:, 2].tolist() == [int(position * 8) for position in positions]
    assert levels[:, 0].tolist() == [each.choices[0] for each in sample]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"name": "", "options": [1]}, "name is text"),
        ({"name": "a"}, "neither text nor finite numbers, or none"),
        ({"name": "a", "options": [True, False]}, "write true and false as text"),
        ({"name": "a", "options": [[1]]}, "neither text nor finite numbers"),
        ({"name": "a", "options": [float("nan")]}, "neither text nor finite numbers"),
        ({"name": "a", "options": [1, 1.0]}, "an option twice"),
        ({"name": "a", "options": [3, "3"]}, "an option twice"),
        ({"name": "a", "options": "relu"}, "options are a list"),
        ({"name": "a", "options": [1], "log": True}, "log of ranges"),
        ({"name": "a", "options": [1], "low": 0, "high": 1}, "a range has low, high and log"),
        ({"name": "a", "low": 1}, "no range"),
        ({"name": "a", "low": 1, "high": 1}, "no range"),
        ({"name": "a", "low": 0, "high": 1, "log": True}, "above 0"),
        ({"name": "a", "low": 0, "high": 10**400}, "no range"),
        ({"name": "a", "low": "0", "high": 1}, "no range"),
        ({"name": "a", "option": [1]}, "is no decision"),
        (["a"], "is no decision"),
    ],
)
def test_senseless_decisions(value: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        decision_from_json(value)


def test_a_space_of_one_architecture_has_no_mutants() -> None:
    only = SPACES["dag-nothing"].example
    with pytest.raises(InputError, match="no neighbour"):
        SPACES["dag-nothing"].mutate(only, np.random.default_rng(0))


def test_operations_of_nasbench201_are_categorical() -> None:
    assert {decision.options for decision in NB201.decisions} == {OPERATIONS}
    assert not any(decision.ordered for decision in NB201.decisions)
