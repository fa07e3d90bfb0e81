"""Recurrent cells: text, and which trees are the same."""

from __future__ import annotations

import json
from itertools import permutations

import numpy as np
import pytest

from archcast.core.errors import InputError
from archcast.spaces.darts_rnn import ACTIVATIONS, SPACE, Node, _choices, nodes_of
from archcast.spaces.space import Architecture

PUBLISHED = (  # the first-order cell of the authors
    "Genotype(recurrent=[('relu', 0), ('relu', 1), ('tanh', 2), ('relu', 3), ('relu', 4), "
    "('identity', 1), ('relu', 5), ('relu', 1)], concat=range(1, 9))"
)


def test_how_many_there_are() -> None:
    assert SPACE.size == 2_642_411_520


def test_texts_are_read() -> None:
    cell = SPACE.parse(PUBLISHED)
    assert nodes_of(cell)[5] == Node(1, ACTIVATIONS.index("identity"))
    assert str(cell) == PUBLISHED
    listed = PUBLISHED.replace("range(1, 9)", "[1, 2, 3, 4, 5, 6, 7, 8]")
    assert SPACE.parse(listed) == cell
    flat = {}
    for at, (source, activation) in enumerate(nodes_of(cell)):
        flat |= {f"act/{at}": activation, f"switch/{at}": source}
    assert SPACE.parse(json.dumps(flat)) == cell


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Genotype()", "it is no Genotype"),
        (f"{PUBLISHED} import os", "it is no Genotype"),
        (PUBLISHED.replace("identity", "none"), "activation 'none' is none of tanh, relu"),
        (PUBLISHED.replace("('relu', 0), ", ""), "8 nodes, not 7"),
        (PUBLISHED.replace("('relu', 5)", "('relu', 7)"), "node 7 reads 7, which is no earlier"),
        ('{"act/0": 1}', "has not the keys act/0 to switch/7"),
        (
            json.dumps({f"{what}/{at}": 4 for what in ("act", "switch") for at in range(8)}),
            "act/0 to act/7 are numbers from 0 to 3",
        ),
    ],
)
def test_what_is_no_cell_is_told(text: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        SPACE.parse(text)


def test_trees_with_their_nodes_in_another_order_are_one() -> None:
    rng, seen = np.random.default_rng(0), set()
    for cell in SPACE.sample(20, rng):
        nodes = nodes_of(cell)
        for _ in range(200):
            order = [0, *(rng.permutation(8) + 1)]  # the new place of each node
            if any(order[source] >= order[at] for at, (source, _) in enumerate(nodes, start=1)):
                continue
            moved = [Node(0, 0)] * 8
            for at, (source, activation) in enumerate(nodes, start=1):
                moved[order[at] - 1] = Node(int(order[source]), activation)
            other = Architecture(SPACE, _choices(moved))
            seen.add(other)
            assert SPACE.canonical(other) == SPACE.canonical(cell)
    assert len(seen) > 40


def test_different_trees_have_different_forms() -> None:
    """Of small ones, against trying all orders: the last five nodes are a chain that none reads."""
    tail = [Node(3 + at, 1) for at in range(5)]
    forms: dict[object, Architecture] = {}
    for one in range(2):
        for two in range(3):
            for acts in np.ndindex(2, 2, 2):
                nodes = [Node(0, acts[0]), Node(one, acts[1]), Node(two, acts[2])]
                keys = []
                for places in permutations((1, 2, 3)):
                    order = (0, *places)
                    if any(order[s] >= order[at] for at, (s, _) in enumerate(nodes, start=1)):
                        continue
                    moved = sorted(
                        (order[at], order[s], a) for at, (s, a) in enumerate(nodes, start=1)
                    )
                    keys.append((moved, order[3]))
                cell = Architecture(SPACE, _choices([*nodes, *tail]))
                key = str(min(keys))
                form = SPACE.canonical(cell)
                assert forms.setdefault(key, form) == form
    assert len({*forms.values()}) == len(forms)


def test_a_genotype_may_be_broken_into_lines() -> None:
    broken = PUBLISHED.replace("range(1, 9)", "range( 1,\n9 )")
    assert broken != PUBLISHED
    assert SPACE.parse(broken) == SPACE.parse(PUBLISHED)
