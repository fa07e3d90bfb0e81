"""What every space must do."""

from __future__ import annotations

import math
import pickle
from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
from scipy.stats import chi2

from archcast.core.errors import InputError
from archcast.encodings import registry as encodings
from archcast.spaces import registry as spaces
from archcast.spaces.canonical_order import canonical_order
from archcast.spaces.declared import declared_space
from archcast.spaces.space import Architecture, Choices, Graphs, Space, level_matrix

SAMPLE = 40
VALID = 100  # combinations, of which all are valid where any is
DRAWN = 1_000  # to count options
COUNTED = 300  # architectures: of smaller spaces each is drawn some forty times
NONSENSE = ("", "nonsense", "(((", "[" * 1_000_000, '{"kind": "dag"}')


def _sample(space: Space, n: int = SAMPLE, seed: int = 0) -> list[Architecture]:
    return space.sample(int(min(n, space.size)), np.random.default_rng(seed))


def _changes(one: Architecture, other: Architecture) -> list[int]:
    """The decisions in which two differ."""
    pairs = zip(one.choices, other.choices, strict=True)
    return [at for at, (a, b) in enumerate(pairs) if a != b]


def check_text_round_trip(space: Space) -> None:
    """`parse` reads what `format` wrote, the example too."""
    for architecture in [*_sample(space), space.example]:
        assert space.parse(str(architecture)) == architecture, f"{architecture} is read otherwise"


def check_nonsense_is_refused(space: Space) -> None:
    """Other text is an `InputError` of one line."""
    for text in NONSENSE:
        said = ""
        try:
            space.parse(text)
        except InputError as error:
            said = str(error)
        assert said, f"{text[:20]!r} was read"
        assert "\n" not in said, f"more than one line about {text[:20]!r}"
        assert len(said) < 2_000, f"a very long line about {text[:20]!r}"


def check_choices_are_of_the_decisions(space: Space) -> None:
    """An option's index is an `int` that counts from 0, a number of a range is within it."""
    for architecture in [*_sample(space), space.example]:
        for decision, choice in zip(space.decisions, architecture.choices, strict=True):
            if decision.is_range:
                inside = isinstance(choice, float) and decision.low <= choice <= decision.high  # type: ignore[operator]
            else:
                inside = isinstance(choice, int) and 0 <= choice < len(decision.options)
            assert inside, f"{decision.name} of {architecture.choices} is {choice!r}"


def check_samples_are_distinct_and_valid(space: Space) -> None:
    """A sample repeats with its seed, has none twice, and ends where there are no more."""
    sample = _sample(space)
    assert len({*sample}) == len(sample), "an architecture was drawn twice"
    assert all(space.is_valid(each.choices) for each in sample), "what is not valid was drawn"
    assert _sample(space) == sample, "the seed does not decide what is drawn"
    if space.size > SAMPLE:
        assert _sample(space, seed=1) != sample, "the seed makes no difference"
    if space.size < math.inf:
        try:
            space.sample(int(space.size) + 1, np.random.default_rng(0))
        except InputError:
            return
        raise AssertionError("more was drawn than there is")


def check_size_and_enumeration(space: Space) -> None:
    """Where `size` is small, that many are enumerated, each once and valid."""
    if space.size > COUNTED:
        return
    everything = list(islice(space.enumerate(), COUNTED + 1))
    assert len({*everything}) == len(everything) == space.size, f"{len(everything)} are enumerated"
    assert all(space.is_valid(each.choices) for each in everything), "one of them is not valid"


def check_samples_are_uniform(space: Space) -> None:
    """Of small spaces each architecture is drawn as often as any other, up to chance.

    Of larger ones each option of a decision is, where any combination is an architecture; of a
    range, each eighth of its scale.
    """
    if space.size > COUNTED:
        _check_options_are_uniform(space)
    elif space.size > 1:
        _check_architectures_are_uniform(space)


def _check_architectures_are_uniform(space: Space) -> None:
    size, rng = int(space.size), np.random.default_rng(0)
    n = max(1, size // 3)
    counts = Counter(each for _ in range(40 * size // n) for each in space.sample(n, rng))
    mean = counts.total() / size
    off = sum((count - mean) ** 2 / mean for count in counts.values())
    off += (size - len(counts)) * mean  # what was never drawn
    assert off < chi2.ppf(1 - 1e-6, size - 1), "some are drawn more often than others"


def _check_options_are_uniform(space: Space) -> None:
    rng = np.random.default_rng(0)
    if not all(space.is_valid(_any_combination(space, rng)) for _ in range(VALID)):
        return
    levels = level_matrix(space.sample(int(min(DRAWN, space.size // 2)), rng))
    for decision, of_all in zip(space.decisions, levels.T, strict=True):
        counts = np.bincount(of_all, minlength=decision.levels)
        if len(counts) == 1:
            continue
        mean = len(of_all) / len(counts)
        off = float(((counts - mean) ** 2).sum() / mean)
        often = f"options of {decision.name} are drawn {counts.tolist()} times"
        assert off < chi2.ppf(1 - 1e-6, len(counts) - 1), often


def _any_combination(space: Space, rng: np.random.Generator) -> Choices:
    return tuple(each.of_level(int(rng.integers(each.levels)), rng) for each in space.decisions)


def check_mutation_changes_one_decision(space: Space) -> None:
    """A mutant is another architecture, valid, and differs in one decision."""
    rng = np.random.default_rng(0)
    for architecture in _sample(space):
        try:
            mutant = space.mutate(architecture, rng)
        except InputError:
            assert not space.neighbours(architecture), f"no mutant of {architecture}"
            continue
        assert space.is_valid(mutant.choices), f"{mutant.choices} is not valid"
        assert len(_changes(architecture, mutant)) == 1, f"{architecture} became {mutant}"


def check_neighbours(space: Space) -> None:
    """All that differ in one decision, each once; the same both ways, where there are no ranges."""
    rng = np.random.default_rng(0)
    for architecture in _sample(space, 5):
        neighbours = space.neighbours(architecture)
        assert len({*neighbours}) == len(neighbours), f"{architecture} has a neighbour twice"
        for neighbour in neighbours:
            assert space.is_valid(neighbour.choices), f"{neighbour.choices} is not valid"
            assert len(_changes(architecture, neighbour)) == 1, f"{neighbour} is no neighbour"
        if space.size < math.inf:
            for at in rng.permutation(len(neighbours))[:5]:
                back = space.neighbours(neighbours[at])
                assert architecture in back, f"{architecture} has neighbours that do not have it"
        for at in rng.permutation(len(space.decisions))[:20]:
            for choice in range(len(space.decisions[at].options)):
                changed = (*architecture.choices[:at], choice, *architecture.choices[at + 1 :])
                if choice != architecture.choices[at] and space.is_valid(changed):
                    assert Architecture(space, changed) in neighbours, "a neighbour is lacking"


def check_canonical_form(space: Space) -> None:
    """It is its own canonical form, and that of all whose graphs are isomorphic."""
    forms: dict[Any, Architecture] = {}
    for architecture in _sample(space, 500 if space.nodes <= 10 else SAMPLE):
        form = space.canonical(architecture)
        assert form.space == space, f"{form!r} is of another space"
        assert space.is_valid(form.choices), f"{form.choices} is not valid"
        assert space.canonical(form) == form, f"{form} is canonical and is not"
        same = forms.setdefault(_up_to_isomorphism(space.graphs([architecture])), form)
        assert same == form, f"isomorphic graphs have the canonical forms {same} and {form}"


def _up_to_isomorphism(graphs: Graphs) -> Any:
    """What isomorphic graphs have in common, and no others."""
    (adjacency,), (operations,), (mask,), (numbers,) = graphs
    there = np.flatnonzero(mask)
    labels = list(zip(operations[there].tolist(), map(tuple, numbers[there].tolist()), strict=True))
    edges = [(int(i), int(j)) for i, j in np.argwhere(adjacency[there][:, there])]
    order = canonical_order(labels, edges)
    place = {node: at for at, node in enumerate(order)}
    moved = sorted((place[i], place[j]) for i, j in edges)
    return tuple(labels[node] for node in order), tuple(moved)


def check_graphs(space: Space) -> None:
    """Graphs keep the conventions of `Graphs`."""
    sample = _sample(space)
    adjacency, operations, mask, numbers = space.graphs(sample)
    n, nodes, last = len(sample), space.nodes, len(space.operations) - 1
    assert adjacency.shape == (n, nodes, nodes), f"adjacency has shape {adjacency.shape}"
    assert operations.shape == mask.shape == (n, nodes), f"operations are {operations.shape}"
    assert numbers.shape == (n, nodes, len(space.numbers)), f"numbers have shape {numbers.shape}"
    assert adjacency.dtype == mask.dtype == np.bool_, "adjacency and mask are not bool"
    assert np.issubdtype(operations.dtype, np.integer), "operations are no integers"
    assert not np.tril(adjacency).any(), "nodes are not in topological order"
    assert mask[:, [0, -1]].all(), "the first or the last node is padding"
    assert (mask[:, :-2] >= mask[:, 1:-1]).all(), "padding stands before other nodes than the last"
    there = mask[:, :, None] & mask[:, None]
    assert not (adjacency & ~there).any(), "padding has edges"
    assert (operations[~mask] == 0).all(), "padding has an operation"
    assert (operations[:, 0] == 0).all(), "the first node is not the input"
    assert (operations[:, -1] == last).all(), "the last node is not the output"
    inner = operations[:, 1:-1][mask[:, 1:-1]]
    assert ((inner > 0) & (inner < last)).all(), "an inner node has no operation of its own"
    assert np.isfinite(numbers).all(), "numbers are not finite"
    assert (numbers >= -0.1).all(), "numbers are far below 0"
    assert (numbers <= 1.1).all(), "numbers are far above 1"
    assert (numbers[~mask] == 0).all(), "padding has numbers"


def check_graphs_do_not_depend_on_the_batch(space: Space) -> None:
    """A graph alone is what it is among others; no architectures have no graphs."""
    sample = _sample(space, 10)
    together = space.graphs(sample)
    for k, architecture in enumerate(sample):
        alone = space.graphs([architecture])
        for part, of_all in zip(alone, together, strict=True):
            np.testing.assert_array_equal(part[0], of_all[k])
    assert [part.shape[1:] for part in space.graphs([])] == [part.shape[1:] for part in together]


def check_encodings(space: Space) -> None:
    """The columns of each encoding depend on the space alone, a row on its network alone.

    Of encodings that do not refuse the space, as graphs may be too large for one.
    """
    sample = _sample(space, 10)
    for name in encodings:
        encode = encodings.get(name)
        try:
            together = encode(sample)
        except InputError:
            assert name != "graph-features", "graph-features refuse the space"
            continue
        assert np.isfinite(together).all(), f"{name} is not finite"
        np.testing.assert_array_equal(encode(sample[::-1])[::-1], together, name)
        for k, architecture in enumerate(sample):
            np.testing.assert_array_equal(encode([architecture]), together[[k]], name)
            for form in (space.canonical(architecture), space.reduced(architecture)):
                np.testing.assert_array_equal(encode([form]), together[[k]], name)


def check_pickles(space: Space) -> None:
    """An architecture and its space survive pickling, and are equal to what they were."""
    for architecture in _sample(space, 5):
        copy = pickle.loads(pickle.dumps(architecture))
        assert copy == architecture, f"{architecture} comes back as another"
        assert hash(copy) == hash(architecture), f"{architecture} has another hash"
        assert copy.space == space, "the space comes back as another"


def check_declaration(space: Space) -> None:
    """`declared_space` makes the space of its declaration, where it is data or registered."""
    if space.declaration.startswith("{") or space.name in spaces:
        again = declared_space(space.declaration)
        assert again == space, f"{space.declaration} declares another space"
        assert again.declaration == space.declaration, "the declaration changes"


SPACE_CHECKS: list[Callable[[Space], None]] = [
    check
    for name, check in list(globals().items())
    if name.startswith("check_") and name != "check_space"
]


def check_space(space: Space) -> None:
    """Run all checks.

    Raises:
        AssertionError: a check failed; its name is in the message.
    """
    for check in SPACE_CHECKS:
        try:
            check(space)
        except Exception as error:
            raise AssertionError(f"{check.__name__}: {error}") from error
