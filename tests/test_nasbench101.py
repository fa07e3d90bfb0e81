"""NAS-Bench-101: what is the same cell, and what its networks hold."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from archcast.core.errors import InputError
from archcast.networks.blueprint import networks_of
from archcast.networks.nasbench101_modules import vertex_widths
from archcast.spaces.nasbench101 import (
    MOST_EDGES,
    OPERATIONS,
    PAIRS,
    SPACE,
    _shapes,
    official_hash,
    pruned,
)
from archcast.spaces.space import Architecture
from archcast.tasks.task import Signature

C3, C1, POOL = OPERATIONS
GREY = Signature((1, 14, 14), 3)


def cell(edges: Iterable[tuple[int, int]], operations: Iterable[str]) -> Architecture:
    names = ["input", *operations, "output"]
    there = {*edges}
    vertices = range(len(names))
    rows = ["".join(str(int((i, j) in there)) for j in vertices) for i in vertices]
    return SPACE.parse("".join(rows) + ":" + ",".join(names))


INCEPTION = cell(
    [(0, 1), (0, 2), (0, 3), (0, 5), (1, 6), (2, 6), (3, 4), (4, 6), (5, 6)], [C1, C3, C3, C3, POOL]
)
CHAIN = cell(
    [(0, 1), (0, 5), (1, 2), (1, 5), (2, 3), (3, 4), (4, 5), (5, 6)], [POOL, C3, C3, C3, POOL]
)
FIRST = cell(  # of the published file
    [(0, 1), (0, 4), (0, 5), (1, 2), (2, 3), (2, 6), (3, 5), (4, 5), (5, 6)],
    [C3, POOL, C3, C3, C1],
)


@pytest.mark.parametrize(
    ("vertices", "cells"),
    [(2, 1), (3, 6), (4, 84), (5, 2_441), (6, 62_010), (7, 359_082)],
)
def test_how_many_cells_there_are(vertices: int, cells: int) -> None:
    assert sum(shape.cells for shape in _shapes(vertices)) == cells


def test_enumeration_has_each_cell_once() -> None:
    """Of up to five vertices, against all raw cells and the published digest."""
    sizes: Counter[int] = Counter()
    digests = set()
    for architecture in SPACE.enumerate():
        vertices = len(pruned(architecture).operations) + 2
        if vertices > 5:
            break
        sizes[vertices] += 1
        digests.add(official_hash(architecture))
        assert SPACE.canonical(architecture) == architecture
    assert sizes == {2: 1, 3: 6, 4: 84, 5: 2_441}
    assert len(digests) == sizes.total()


def test_samples_are_uniform_over_cells() -> None:
    sample = SPACE.sample(4_000, np.random.default_rng(0))
    counts = Counter(len(pruned(each).operations) + 2 for each in sample)
    assert counts[7] / 4_000 == pytest.approx(359_082 / 423_624, abs=0.02)
    assert counts[6] / 4_000 == pytest.approx(62_010 / 423_624, abs=0.02)
    assert all(SPACE.canonical(each) == each for each in sample[:200])


raw = st.lists(st.booleans(), min_size=len(PAIRS), max_size=len(PAIRS))
operations = st.lists(st.integers(0, 2), min_size=5, max_size=5)


@given(raw, operations, st.permutations(range(1, 6)))
def test_the_order_of_vertices_does_not_matter(
    edges: list[bool], chosen: list[int], places: list[int]
) -> None:
    order = [0, *places, 6]
    there = {(order[i], order[j]) for (i, j), edge in zip(PAIRS, edges, strict=True) if edge}
    if any(i >= j for i, j in there):
        return
    one = (*map(int, edges), *chosen)
    moved = [0] * 5
    for vertex, operation in enumerate(chosen, start=1):
        moved[order[vertex] - 1] = operation
    other = (*(int(pair in there) for pair in PAIRS), *moved)
    assert SPACE.is_valid(one) == SPACE.is_valid(other)
    if SPACE.is_valid(one):
        first, second = (Architecture(SPACE, each) for each in (one, other))
        assert SPACE.canonical(first) == SPACE.canonical(second)
        assert official_hash(first) == official_hash(second)
        assert len(pruned(first).edges) <= MOST_EDGES


def test_different_cells_have_different_forms() -> None:
    """Against trying all orders of the vertices on each pair of cells."""
    drawn = [
        each for each in SPACE.sample(3_000, np.random.default_rng(1))
        if len(pruned(each).operations) == 3
    ]  # fmt: skip

    def forms(architecture: Architecture) -> set[object]:
        found = pruned(architecture)
        orders = [(0, *places, 4) for places in permutations(range(1, 4))]
        return {
            (
                frozenset((order[i], order[j]) for i, j in found.edges),
                frozenset((order[at], each) for at, each in enumerate(found.operations, start=1)),
            )
            for order in orders
        }

    assert len(drawn) > 10
    for at, one in enumerate(drawn):
        assert not any(forms(one) & forms(other) for other in drawn[:at])


def test_published_digests() -> None:
    assert official_hash(FIRST) == "00005c142e6f48ac74fdcf73e3439874"
    assert official_hash(SPACE.canonical(FIRST)) == official_hash(FIRST)


def test_what_hangs_is_pruned() -> None:
    plain = cell([(0, 1), (1, 2)], [C1])
    hanging = cell([(0, 1), (0, 2), (0, 3), (1, 4), (2, 3)], [C1, C3, POOL])
    assert str(plain) == "010001000:input,conv1x1-bn-relu,output"
    assert SPACE.canonical(hanging) == SPACE.canonical(plain) == plain
    assert official_hash(hanging) == official_hash(plain)
    every = cell([pair for pair in PAIRS if pair[1] < 5] + [(0, 6)], [C1] * 5)
    assert len(pruned(every).edges) == 1, "ten more lead nowhere"


def test_json_of_the_authors_library_is_read() -> None:
    matrix = [[0, 1, 1], [0, 0, 1], [0, 0, 0]]
    value = {"module_adjacency": matrix, "module_operations": ["input", C3, "output"]}
    value["trainable_parameters"] = 8_555_530  # as in the authors' fixed metrics
    assert SPACE.parse(json.dumps(value)) == cell([(0, 1), (0, 2), (1, 2)], [C3])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0100:input,output,output", "of 3 operations it needs 9 digits"),
        ("0010:input,output", "an edge leads back"),
        ("0000:input,output", "no path leads from input to output"),
        ("010001000:input,conv5x5,output", "'conv5x5' is none of conv3x3-bn-relu"),
        ("010001000:input,output,maxpool3x3", "begin with input and end with output"),
        ("1" * 64 + ":input" + ",maxpool3x3" * 6 + ",output", "8 vertices; a cell has 2 to 7"),
        ('{"module_adjacency": [[0, 1]], "module_operations": ["input", "output"]}', "no square"),
        ('{"module_adjacency": 3}', "no object with module_adjacency and module_operations"),
        ('{"module_adjacency": [[0, 1]], "module_operations": 3}', "no square"),
        ('{"module_adjacency": [[0, 1]], "module_operations": null}', "no square"),
        (
            "".join("".join(str(int(j > i)) for j in range(7)) for i in range(7))
            + f":input,{','.join([C1] * 5)},output",
            "more than 9 edges",
        ),
    ],
)
def test_what_is_no_cell_is_told(text: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        SPACE.parse(text)


# Networks


@pytest.mark.parametrize(
    ("architecture", "parameters"),
    [
        (INCEPTION, 2_694_282),
        (CHAIN, 29_641_610),
        (FIRST, 8_555_530),
        (cell([(0, 1)], []), 882_570),
    ],
)
def test_published_parameter_counts(architecture: Architecture, parameters: int) -> None:
    networks = networks_of(SPACE)
    with torch.device("meta"):
        network = networks.build(
            architecture, networks.signatures["cifar10"], networks.scale("official")
        )
    assert sum(p.numel() for p in network.parameters()) == parameters


def test_widths_by_hand() -> None:
    edges = ((0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4))
    assert vertex_widths(edges, 128) == [0, 43, 43, 42, 128]
    edges = ((0, 1), (1, 2), (1, 3), (2, 4), (3, 4))
    assert vertex_widths(edges, 7) == [0, 4, 4, 3, 7], "as wide as the widest that it feeds"
    assert vertex_widths(((0, 1),), 7) == [0, 7]


def test_a_cell_by_hand() -> None:
    """Interior vertices add, of wider ones the first channels; the output joins, and adds."""
    edges = [(0, 1), (0, 4), (1, 2), (1, 3), (2, 4), (3, 4)]
    networks = networks_of(SPACE)
    scale = networks.scale("mini")
    network = networks.build(cell(edges, [POOL] * 3), GREY, scale).eval()
    made = network.stacks[0]
    x = torch.randn(2, 8, 7, 7)
    one = torch.nn.functional.max_pool2d(made.projections["1"](x), 3, 1, 1)
    assert one.shape[1] == 4
    two = torch.nn.functional.max_pool2d(one, 3, 1, 1)
    expected = torch.cat([two, two], dim=1) + made.projections["4"](x)
    torch.testing.assert_close(made(x), expected)


def test_an_uneven_cell_runs() -> None:
    edges = [(0, 1), (1, 2), (1, 3), (1, 4), (2, 5), (3, 5), (4, 5)]
    networks = networks_of(SPACE)
    network = networks.build(cell(edges, [C3, C1, POOL, C3]), GREY, networks.scale("mini"))
    assert network.stacks[0].widths == [0, 3, 3, 3, 2, 8]
    network(torch.randn(2, 1, 14, 14)).sum().backward()
    assert all(p.grad is not None for p in network.parameters())
