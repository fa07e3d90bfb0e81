from __future__ import annotations

import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archcast.core.errors import InputError
from archcast.spaces import registry as spaces
from archcast.spaces.nasbench201 import unique_string
from archcast.spaces.space import Architecture, Space

NB201 = spaces.get("nasbench201")
ALL = [spaces.get(name) for name in spaces]
every_space = pytest.mark.parametrize("space", ALL, ids=list(spaces))


def drawn(space: Space, seed: int) -> Architecture:
    return space.sample(1, np.random.default_rng(seed))[0]


@every_space
@given(seed=st.integers(0, 10_000))
def test_text_and_pickle_round_trip(space: Space, seed: int) -> None:
    architecture = drawn(space, seed)
    assert space.parse(str(architecture)) == architecture
    copy = pickle.loads(pickle.dumps(architecture))
    assert copy == architecture
    assert copy.space is space


@every_space
@given(seed=st.integers(0, 10_000))
def test_canonical_form_is_idempotent(space: Space, seed: int) -> None:
    canonical = space.canonical(drawn(space, seed))
    assert space.canonical(canonical) == canonical


@every_space
@given(seed=st.integers(0, 10_000))
def test_neighbours_differ_in_one_decision(space: Space, seed: int) -> None:
    architecture = drawn(space, seed)
    neighbours = space.neighbours(architecture)
    assert len(set(neighbours)) == len(neighbours)
    for neighbour in neighbours:
        changes = np.not_equal(neighbour.choices, architecture.choices)
        assert changes.sum() == 1
        assert space.is_valid(neighbour.choices)
        assert architecture in space.neighbours(neighbour)
    assert space.mutate(architecture, np.random.default_rng(seed)) in neighbours


@every_space
def test_samples_are_distinct_and_seeded(space: Space) -> None:
    one, two = (space.sample(200, np.random.default_rng(5)) for _ in range(2))
    assert one == two
    assert len(set(one)) == 200
    assert space.sample(200, np.random.default_rng(6)) != one


@every_space
def test_graphs_run_from_input_to_output_in_order(space: Space) -> None:
    graphs = space.graphs(space.sample(100, np.random.default_rng(0)))
    assert not np.tril(graphs.adjacency).any()
    assert (graphs.operations[:, 0] == 0).all()
    assert (graphs.operations[:, -1] == len(space.operations) - 1).all()
    assert not graphs.adjacency[:, :, 0].any()
    assert not graphs.adjacency[:, -1].any()


def test_sample_of_everything_and_of_too_much() -> None:
    assert len(set(NB201.sample(15_625, np.random.default_rng(0)))) == 15_625
    with pytest.raises(InputError, match="15625 architectures, not 15626"):
        NB201.sample(15_626, np.random.default_rng(0))


def test_samples_are_uniform() -> None:
    counts = Counter(a.choices[0] for a in NB201.sample(5_000, np.random.default_rng(1)))
    assert all(900 < counts[option] < 1_100 for option in range(5))


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


@pytest.mark.parametrize("text", ["", "nonsense", "|none~0|+|none~0|none~1|", "|conv~0|+|" * 3])
@every_space
def test_text_of_no_architecture(space: Space, text: str) -> None:
    with pytest.raises(InputError, match=f"not an architecture of space {space.name}"):
        space.parse(text)
