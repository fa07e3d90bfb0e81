"""What every search space offers."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archcast.core.errors import InputError


@dataclass(frozen=True, slots=True)
class Architecture:
    """One point of a search space: for each decision of the space, the index of its option."""

    space: Space
    choices: tuple[int, ...]

    def __str__(self) -> str:
        return self.space.format(self)

    def __repr__(self) -> str:
        return f"<{self.space.name} {self}>"


class Graphs(NamedTuple):
    """A batch of cells as directed acyclic graphs with operations on the nodes.

    Nodes are in topological order; node 0 is the input of the cell, the last one its output.
    """

    adjacency: NDArray[np.bool_]  # (n, nodes, nodes); [k, i, j]: an edge from i to j
    operations: NDArray[np.int64]  # (n, nodes), indices into `Space.operations`


class Space(ABC):
    """A search space: a fixed list of decisions, each with its options.

    Subclasses say which combinations are valid, how an architecture is written, which ones are
    the same network, and what its graph is. Spaces are singletons, each `SPACE` in its module: get
    one by `archcast.spaces.registry.get(name)`.
    """

    name: ClassVar[str]
    decisions: ClassVar[tuple[tuple[str, ...], ...]]
    operations: ClassVar[tuple[str, ...]]  # of graph nodes; the first is input, the last output
    absent: ClassVar[frozenset[str]] = frozenset()  # the operations that carry no signal

    @abstractmethod
    def format(self, architecture: Architecture) -> str:
        """The text form; `parse` reads it back."""

    @abstractmethod
    def _parse(self, text: str) -> tuple[int, ...]:
        """Choices from text, or `ValueError`/`KeyError` where it is none of this space."""

    @abstractmethod
    def canonical(self, architecture: Architecture) -> Architecture:
        """The representative of all architectures that are the same network up to isomorphism."""

    @abstractmethod
    def graphs(self, architectures: Sequence[Architecture]) -> Graphs:
        """The graphs of many architectures at once."""

    def is_valid(self, choices: tuple[int, ...]) -> bool:
        """Whether this combination of options is an architecture."""
        return True

    def parse(self, text: str) -> Architecture:
        """Read the text form.

        Raises:
            InputError: `text` is not an architecture of this space.
        """
        try:
            choices = self._parse(text)
        except (ValueError, KeyError):
            choices = None
        if choices is None or not self.is_valid(choices):
            raise InputError(
                f"{text!r} is not an architecture of space {self.name};"
                f" one is written like {next(self.enumerate())}"
            )
        return Architecture(self, choices)

    def enumerate(self) -> Iterator[Architecture]:
        """Every architecture, in order of the choices."""
        for choices in product(*(range(len(options)) for options in self.decisions)):
            if self.is_valid(choices):
                yield Architecture(self, choices)

    def sample(self, n: int, rng: np.random.Generator) -> list[Architecture]:
        """Draw `n` distinct architectures uniformly at random.

        Raises:
            InputError: the space has fewer than `n`.
        """
        sizes = [len(options) for options in self.decisions]
        if n > math.prod(sizes) // 2:
            everything = list(self.enumerate())
            if n > len(everything):
                raise InputError(f"space {self.name} has {len(everything)} architectures, not {n}")
            return [everything[i] for i in rng.permutation(len(everything))[:n]]
        drawn: dict[tuple[int, ...], None] = {}
        while len(drawn) < n:
            choices = tuple(rng.integers(sizes).tolist())
            if self.is_valid(choices):
                drawn[choices] = None
        return [Architecture(self, choices) for choices in drawn]

    def neighbours(self, architecture: Architecture) -> list[Architecture]:
        """Every architecture that differs in exactly one decision."""
        old = architecture.choices
        changed = (
            (*old[:at], option, *old[at + 1 :])
            for at, options in enumerate(self.decisions)
            for option in range(len(options))
            if option != old[at]
        )
        return [Architecture(self, choices) for choices in changed if self.is_valid(choices)]

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """Change one decision: a neighbour drawn uniformly at random."""
        neighbours = self.neighbours(architecture)
        return neighbours[rng.integers(len(neighbours))]

    def __reduce__(self) -> str:
        return "SPACE"


def choice_matrix(architectures: Sequence[Architecture]) -> NDArray[np.int64]:
    """Choices as an array of shape (architectures, decisions)."""
    return np.array([a.choices for a in architectures], dtype=np.int64)
