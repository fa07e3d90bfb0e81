"""What every search space offers."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archcast.core.errors import InputError, short
from archcast.spaces.decision import Choice, Decision

Choices = tuple[Choice, ...]
TRIES = 1_000  # of a mutation, before all neighbours are listed


@dataclass(frozen=True, slots=True)
class Architecture:
    """One point of a search space.

    `choices` has, for each decision of the space, the index of its option, or the number itself
    where the decision is a range.
    """

    space: Space
    choices: Choices

    def __str__(self) -> str:
        return self.space.format(self)

    def __repr__(self) -> str:
        return f"<{self.space.name} {self}>"


class Graphs(NamedTuple):
    """A batch of directed acyclic graphs with operations, and maybe numbers, on the nodes.

    Node 0 is where signals enter, the last column is where they leave, and the nodes stand in
    topological order. All graphs have as many columns as the largest of the space has nodes
    (`Space.nodes`); in smaller ones, padding without edges stands before the last column. A network
    with several inputs, several cells or several outputs has a node 0 that feeds all inputs, and a
    last one that all outputs feed.
    """

    adjacency: NDArray[np.bool_]  # (n, nodes, nodes); [k, i, j]: an edge from i to j
    operations: NDArray[np.int64]  # (n, nodes), indices into `Space.operations`; 0 for padding
    mask: NDArray[np.bool_]  # (n, nodes), False for padding
    numbers: NDArray[np.float64]  # (n, nodes, `len(Space.numbers)`), scaled to [0, 1]


def whole_graphs(adjacency: NDArray[np.bool_], operations: NDArray[np.int64]) -> Graphs:
    """Graphs without padding and without numbers."""
    mask = np.ones(operations.shape, dtype=bool)
    return Graphs(adjacency, operations, mask, np.zeros((*operations.shape, 0)))


def chains(operations: NDArray[np.int64], numbers: NDArray[np.float64]) -> Graphs:
    """Graphs in which each node feeds the next, without padding."""
    n, nodes = operations.shape
    adjacency = np.broadcast_to(np.eye(nodes, k=1, dtype=bool), (n, nodes, nodes))
    return Graphs(adjacency, operations, np.ones((n, nodes), dtype=bool), numbers)


class Space(ABC):
    """A search space: a fixed list of decisions.

    Subclasses say which combinations are valid, how an architecture is written, which ones are
    the same network, and what its graph is. No method lists all architectures but `enumerate`, and
    `sample` where it is asked for more than half of them: a space may have 10^18. Spaces that are
    code are singletons, each `SPACE` in its module, and `archcast.spaces.registry` has them by
    name. Spaces that are data derive from `DataSpace`.

    Attributes:
        operations: of graph nodes; the first is the input's, the last the output's.
        absent: the operations that carry no signal.
        nodes: the most nodes that a graph has, input and output among them.
        numbers: the names of the numbers that graph nodes carry.
        listed: whether the parts of an architecture are its decisions, which contribute each by
            itself, rather than the nodes of its graph.
    """

    name: str
    decisions: tuple[Decision, ...]
    operations: tuple[str, ...]
    absent: frozenset[str] = frozenset()
    nodes: int
    numbers: tuple[str, ...] = ()
    listed: bool = False

    @abstractmethod
    def format(self, architecture: Architecture) -> str:
        """The text form; `parse` reads it back."""

    @abstractmethod
    def _parse(self, text: str) -> Choices:
        """Choices from text, or `ValueError`/`KeyError` where it is none of this space.

        An `InputError` says why.
        """

    @abstractmethod
    def canonical(self, architecture: Architecture) -> Architecture:
        """The representative of all architectures that are the same network up to isomorphism."""

    def reduced(self, architecture: Architecture) -> Architecture:
        """The representative of all that compute the same, as encodings see them.

        The canonical form, where the space does not know of more that compute the same.
        """
        return self.canonical(architecture)

    @abstractmethod
    def graphs(self, architectures: Sequence[Architecture]) -> Graphs:
        """The graphs of many architectures at once. One depends on its architecture alone."""

    def is_valid(self, choices: Choices) -> bool:
        """Whether this combination is an architecture."""
        return True

    @property
    def size(self) -> float:
        """The number of architectures, an `int`; `math.inf` where a decision is a range.

        Whoever enumerates asks it first. A space with combinations that are not valid gives a
        number of its own.
        """
        return math.prod(decision.size for decision in self.decisions)

    @property
    def example(self) -> Architecture:
        """An architecture to show how one is written."""
        return Architecture(self, tuple(decision.first for decision in self.decisions))

    @property
    def declaration(self) -> str:
        """What `declared_space` makes this space of: its name, or JSON that says all of it."""
        return self.name

    def parse(self, text: str) -> Architecture:
        """Read the text form.

        Raises:
            InputError: `text` is not an architecture of this space.
        """
        reason = ""
        try:
            choices = self._parse(text)
            if self.is_valid(choices):
                return Architecture(self, choices)
        except InputError as error:
            reason = f": {error}"
        except (ValueError, KeyError):
            pass
        raise InputError(
            f"{short(text)} is not an architecture of space {self.name}{reason};"
            f" one is written like {str(self.example)[:500]}"
        )

    def enumerate(self) -> Iterator[Architecture]:
        """Every architecture, in order of the choices.

        Raises:
            InputError: there is no end of them, as a decision is a range.
        """
        if any(decision.is_range for decision in self.decisions):
            raise InputError(f"space {self.name} has ranges, and architectures without number")
        for choices in product(*(range(len(decision.options)) for decision in self.decisions)):
            if self.is_valid(choices):
                yield Architecture(self, choices)

    def sample(self, n: int, rng: np.random.Generator) -> list[Architecture]:
        """Draw `n` distinct architectures uniformly at random; a range on its own scale.

        Raises:
            InputError: the space has fewer than `n`.
        """
        if n > self.size:
            raise InputError(f"space {self.name} has {self.size} architectures, not {n}")
        if n > self.size // 2:
            everything = list(self.enumerate())
            return [everything[i] for i in rng.permutation(len(everything))[:n]]
        drawn: dict[Choices, None] = {}
        while len(drawn) < n:
            drawn[self._draw(rng)] = None
        return [Architecture(self, choices) for choices in drawn]

    def _draw(self, rng: np.random.Generator) -> Choices:
        """One valid combination, uniformly at random."""
        levels = [decision.levels for decision in self.decisions]
        while True:
            drawn = zip(self.decisions, rng.integers(levels).tolist(), strict=True)
            choices = tuple(decision.of_level(level, rng) for decision, level in drawn)
            if self.is_valid(choices):
                return choices

    def neighbours(self, architecture: Architecture) -> list[Architecture]:
        """Every architecture that differs in exactly one decision.

        In a range, the neighbours are a tenth of it away, on its own scale: `Decision.neighbours`.
        """
        old = architecture.choices
        changed = (
            (*old[:at], choice, *old[at + 1 :])
            for at, decision in enumerate(self.decisions)
            for choice in decision.neighbours(old[at])
        )
        return [Architecture(self, choices) for choices in changed if self.is_valid(choices)]

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """Draw one of the decisions anew: first which, then another option or number.

        Raises:
            InputError: no other architecture differs in one decision.
        """
        old = architecture.choices
        open_to_change = [at for at, decision in enumerate(self.decisions) if decision.size > 1]
        for _ in range(TRIES if open_to_change else 0):
            at = open_to_change[rng.integers(len(open_to_change))]
            decision, choice = self.decisions[at], old[at]
            while choice == old[at]:
                choice = decision.of_level(int(rng.integers(decision.levels)), rng)
            choices = (*old[:at], choice, *old[at + 1 :])
            if self.is_valid(choices):
                return Architecture(self, choices)
        if neighbours := self.neighbours(architecture):
            return neighbours[rng.integers(len(neighbours))]
        raise InputError(f"{architecture} has no neighbour in space {self.name}")

    def __reduce__(self) -> str | tuple[object, ...]:
        return "SPACE"


def choice_matrix(architectures: Sequence[Architecture]) -> NDArray[np.int64]:
    """Choices of a space without ranges as an array of shape (architectures, decisions)."""
    return np.array([a.choices for a in architectures], dtype=np.int64)


def level_matrix(architectures: Sequence[Architecture]) -> NDArray[np.int64]:
    """Choices as an array of shape (architectures, decisions), of a range the part it is in.

    See `Decision.level`.
    """
    values = np.array([a.choices for a in architectures])
    decisions = architectures[0].space.decisions if architectures else ()
    for at, decision in enumerate(decisions):
        if decision.is_range:
            values[:, at] = [decision.level(choice) for choice in values[:, at].tolist()]
    return values.astype(np.int64)
