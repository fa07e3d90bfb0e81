"""Every check of spaces fails on a space that breaks what it asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest

from archcast.core.errors import InputError
from archcast.spaces.choices import ChoicesSpace
from archcast.spaces.dag import DagSpace
from archcast.spaces.decision import Decision
from archcast.spaces.space import Architecture, Choices, Graphs, Space
from archcast.testing import SPACE_CHECKS, check_space
from archcast.testing import space_checks as checks
from tests.data_spaces import SPACES

DECISIONS = (Decision("k", (3, 5, 7)), Decision("act", ("relu", "gelu")))


class Forgets(ChoicesSpace):
    def format(self, architecture: Architecture) -> str:
        return super().format(Architecture(self, (0, architecture.choices[1])))


class ReadsAnything(ChoicesSpace):
    def parse(self, text: str) -> Architecture:
        try:
            return super().parse(text)
        except InputError:
            return self.example


class SaysTooMuch(ChoicesSpace):
    def parse(self, text: str) -> Architecture:
        try:
            return super().parse(text)
        except InputError:
            raise InputError(f"what is this?\n{text}") from None


class CountsFromOne(ChoicesSpace):
    def _draw(self, rng: np.random.Generator) -> Choices:
        k, act = super()._draw(rng)
        return k + 1, act

    def enumerate(self) -> Iterator[Architecture]:
        return (Architecture(self, (k, act)) for k in (1, 2, 3) for act in (0, 1))


class DrawsTwice(ChoicesSpace):
    def sample(self, n: int, rng: np.random.Generator) -> list[Architecture]:
        return (super().sample(n, rng)[: n // 2] * 2) if n > 1 else super().sample(n, rng)


class IgnoresTheSeed(ChoicesSpace):
    def sample(self, n: int, rng: np.random.Generator) -> list[Architecture]:
        return super().sample(n, np.random.default_rng(0))


class NeverEnds(ChoicesSpace):
    def sample(self, n: int, rng: np.random.Generator) -> list[Architecture]:
        return super().sample(int(min(n, self.size)), rng)


class Miscounts(ChoicesSpace):
    @property
    def size(self) -> float:
        return 5


class PrefersTheFirst(ChoicesSpace):
    def sample(self, n: int, rng: np.random.Generator) -> list[Architecture]:
        drawn = super().sample(n, rng)
        return drawn if self.example in drawn or rng.random() < 0.5 else [self.example, *drawn[1:]]


class PrefersTheLast(ChoicesSpace):
    def _draw(self, rng: np.random.Generator) -> Choices:
        return max(super()._draw(rng), super()._draw(rng))


class ChangesTwo(ChoicesSpace):
    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        k, act = architecture.choices
        return Architecture(self, ((k + 1) % 3, 1 - act))


class ChangesNothing(ChoicesSpace):
    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        return architecture


class OneWay(ChoicesSpace):
    def neighbours(self, architecture: Architecture) -> list[Architecture]:
        return [
            each for each in super().neighbours(architecture) if each.choices > architecture.choices
        ]


class FarNeighbours(ChoicesSpace):
    def neighbours(self, architecture: Architecture) -> list[Architecture]:
        return [each for each in self.enumerate() if each != architecture]


class FewNeighbours(ChoicesSpace):
    def neighbours(self, architecture: Architecture) -> list[Architecture]:
        return [
            each
            for each in super().neighbours(architecture)
            if each.choices[0] == architecture.choices[0]
        ]


class Walks(ChoicesSpace):
    """What is canonical is another architecture each time."""

    def canonical(self, architecture: Architecture) -> Architecture:
        k, act = architecture.choices
        return Architecture(self, ((k + 1) % 3, act))


class OwnForms(DagSpace):
    def canonical(self, architecture: Architecture) -> Architecture:
        return architecture


class _Graphs(ChoicesSpace):
    """Graphs with a fault."""

    def graphs(self, architectures: Sequence[Architecture]) -> Graphs:
        parts = (np.array(part) for part in super().graphs(architectures))
        return self.spoil(Graphs(*parts))

    def spoil(self, graphs: Graphs) -> Graphs:
        raise NotImplementedError


class Backward(_Graphs):
    def spoil(self, graphs: Graphs) -> Graphs:
        return graphs._replace(adjacency=graphs.adjacency.swapaxes(1, 2))


class PaddingFirst(_Graphs):
    def spoil(self, graphs: Graphs) -> Graphs:
        graphs.mask[:, 1] = False
        return graphs


class EdgesOfPadding(_Graphs):
    def spoil(self, graphs: Graphs) -> Graphs:
        graphs.mask[:, -2] = False
        graphs.operations[:, -2] = 0
        return graphs


class NoOutput(_Graphs):
    def spoil(self, graphs: Graphs) -> Graphs:
        graphs.operations[:, -1] = 1
        return graphs


class RawNumbers(_Graphs):
    def spoil(self, graphs: Graphs) -> Graphs:
        return graphs._replace(numbers=graphs.numbers * 64)


class NotFinite(_Graphs):
    def spoil(self, graphs: Graphs) -> Graphs:
        graphs.numbers[:, 1] = np.nan
        return graphs


class Narrow(_Graphs):
    def spoil(self, graphs: Graphs) -> Graphs:
        return Graphs(*(part[:, :-1] for part in graphs))


class OfTheBatch(_Graphs):
    def spoil(self, graphs: Graphs) -> Graphs:
        top = graphs.numbers.max(initial=1e-9)
        return graphs._replace(numbers=graphs.numbers / top * (len(graphs.numbers) > 1))


class Twin(ChoicesSpace):
    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = ChoicesSpace.__hash__


class Anonymous(ChoicesSpace):
    @property
    def declaration(self) -> str:  # type: ignore[override]
        return '{"kind": "choices", "decisions": [{"name": "k", "options": [3]}]}'


def _choices(kind: type[ChoicesSpace], *decisions: Decision) -> ChoicesSpace:
    return kind(decisions or DECISIONS)


LARGE = tuple(Decision(f"d{i}", tuple("abcdef")) for i in range(5))
BROKEN: list[tuple[Space, Callable[[Space], None]]] = [
    (_choices(Forgets), checks.check_text_round_trip),
    (_choices(ReadsAnything), checks.check_nonsense_is_refused),
    (_choices(SaysTooMuch), checks.check_nonsense_is_refused),
    (_choices(CountsFromOne), checks.check_choices_are_of_the_decisions),
    (_choices(DrawsTwice), checks.check_samples_are_distinct_and_valid),
    (_choices(IgnoresTheSeed, *LARGE), checks.check_samples_are_distinct_and_valid),
    (_choices(NeverEnds), checks.check_samples_are_distinct_and_valid),
    (_choices(Miscounts), checks.check_size_and_enumeration),
    (_choices(PrefersTheFirst), checks.check_samples_are_uniform),
    (_choices(PrefersTheLast, *LARGE), checks.check_samples_are_uniform),
    (_choices(ChangesTwo), checks.check_mutation_changes_one_decision),
    (_choices(ChangesNothing), checks.check_mutation_changes_one_decision),
    (_choices(OneWay), checks.check_neighbours),
    (_choices(FarNeighbours), checks.check_neighbours),
    (_choices(FewNeighbours), checks.check_neighbours),
    (_choices(Walks), checks.check_canonical_form),
    (OwnForms(["a"], 6), checks.check_canonical_form),
    (_choices(Backward), checks.check_graphs),
    (_choices(PaddingFirst), checks.check_graphs),
    (_choices(EdgesOfPadding), checks.check_graphs),
    (_choices(NoOutput), checks.check_graphs),
    (_choices(RawNumbers), checks.check_graphs),
    (_choices(NotFinite), checks.check_graphs),
    (_choices(Narrow), checks.check_graphs),
    (_choices(OfTheBatch), checks.check_graphs_do_not_depend_on_the_batch),
    (_choices(OfTheBatch), checks.check_encodings),
    (_choices(Twin), checks.check_pickles),
    (_choices(Anonymous), checks.check_declaration),
]


@pytest.mark.parametrize(
    ("space", "check"), BROKEN, ids=lambda each: getattr(each, "__name__", type(each).__name__)
)
def test_a_broken_space_is_found(space: Space, check: Callable[[Space], None]) -> None:
    with pytest.raises(AssertionError):
        check(space)


def test_every_check_can_fail() -> None:
    assert {check for _, check in BROKEN} == {*SPACE_CHECKS}


def test_all_checks_run_and_are_named() -> None:
    check_space(SPACES["six"])
    with pytest.raises(AssertionError, match="check_mutation_changes_one_decision"):
        check_space(_choices(ChangesNothing))
