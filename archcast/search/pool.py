"""What a search may propose: the architectures whose results are known."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from archcast.search.goal import ACCURATE, Goal
from archcast.spaces.space import Architecture, Choices, Space

TRIES = 20  # mutations in a row that change nothing
MOST_ASKED = 1_000  # neighbours of an architecture that are looked up among the members


class Pool:
    """The architectures of a space that a search may propose, and what it is after.

    Isomorphic architectures are the same network: they share a `class_of`, and whoever has trained
    one of them has trained all.

    Attributes:
        epochs: of a whole training run; 1 where nothing is known of shorter ones.
        goal: says which values are better.
    """

    def __init__(
        self,
        space: Space,
        architectures: Sequence[Architecture],
        epochs: int,
        goal: Goal = ACCURATE,
    ) -> None:
        self.space, self.architectures, self.epochs, self.goal = space, architectures, epochs, goal
        self._class: dict[Architecture, int] = {}  # of members and of canonical forms
        self._first: list[Architecture] = []  # member of each class
        for architecture in architectures:
            canonical = space.canonical(architecture)
            if canonical not in self._class:
                self._class[canonical] = len(self._first)
                self._first.append(architecture)
            self._class[architecture] = self._class[canonical]
        self._members = frozenset(architectures)
        self._neighbours: dict[Architecture, list[Architecture]] = {}

    def __len__(self) -> int:
        """The number of architectures that are not isomorphic."""
        return len(self._first)

    def class_of(self, architecture: Architecture) -> int:
        """The number of the class of a member."""
        return self._class[architecture]

    def find(self, choices: Choices) -> Architecture | None:
        """The member with these choices, or one isomorphic to it, if there is any."""
        if not self.space.is_valid(choices):
            return None
        architecture = Architecture(self.space, choices)
        if architecture in self._members:
            return architecture
        found = self._class.get(self.space.canonical(architecture))
        return None if found is None else self._first[found]

    def draw(self, rng: np.random.Generator) -> Architecture:
        """One architecture, uniformly at random."""
        return self.architectures[int(rng.integers(len(self.architectures)))]

    def shuffled(self, rng: np.random.Generator) -> Iterator[Architecture]:
        """All architectures that are not isomorphic, in random order."""
        seen = set()
        for at in rng.permutation(len(self.architectures)):
            architecture = self.architectures[at]
            if (kind := self.class_of(architecture)) not in seen:
                seen.add(kind)
                yield architecture

    def neighbours(self, architecture: Architecture) -> list[Architecture]:
        """The members that differ from a member in one decision, one of each class but its own.

        In spaces where an architecture has more than 1,000 neighbours, those are left out that
        differ in one decision only after their nodes are numbered anew.
        """
        return self._others(architecture, self.class_of(architecture))

    def _others(self, architecture: Architecture, own: int) -> list[Architecture]:
        """Of an architecture of a class the neighbours of others."""
        if architecture not in self._neighbours:
            kinds = {self.class_of(other): other for other in self._near(architecture)}
            kinds.pop(own, None)
            self._neighbours[architecture] = list(kinds.values())
        return self._neighbours[architecture]

    def _near(self, architecture: Architecture) -> Iterator[Architecture]:
        if sum(decision.levels - 1 for decision in self.space.decisions) > MOST_ASKED:
            changes = self._changes(architecture.choices)
            yield from (self.architectures[at] for at in np.flatnonzero(changes == 1).tolist())
        else:
            near = (self.find(other.choices) for other in self.space.neighbours(architecture))
            yield from (other for other in near if other is not None)

    @cached_property
    def _choices(self) -> NDArray[np.float64]:
        """Of all members, (architectures, decisions)."""
        return np.array([member.choices for member in self.architectures], dtype=np.float64)

    def nearest(self, choices: Choices, rng: np.random.Generator) -> Architecture:
        """A member that differs from choices in the fewest decisions, one of them at random."""
        changes = self._changes(choices)
        return self.architectures[int(rng.choice(np.flatnonzero(changes == changes.min())))]

    def _changes(self, choices: Choices) -> NDArray[np.int64]:
        """In how many decisions each member differs from choices."""
        changes: NDArray[np.int64] = (self._choices != choices).sum(axis=1)
        return changes

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """A neighbour, drawn uniformly at random; any member where mutations do not lead far.

        Where a mutation as the space makes them changes nothing, it is a neighbour of what came of
        it: otherwise none would lead from a network with few live parts to many others.
        """
        if not self.is_connected:
            return self.draw(rng)
        mutant, own = architecture, self.class_of(architecture)
        for _ in range(TRIES):
            other = self.space.mutate(mutant, rng)
            found = self.find(other.choices)
            if found is None or self.class_of(found) != own:
                break
            mutant = other
        near = self._others(mutant, own) or self._others(architecture, own)
        return near[rng.integers(len(near))] if near else self.draw(rng)

    @cached_property
    def is_connected(self) -> bool:
        """Whether mutations lead from most architectures to many others, or to half of them.

        Asked of ten, evenly spaced; fifty others are many.
        """
        some = self.architectures[:: -(-len(self.architectures) // 10)]
        many = min(50, len(self) // 2)
        return 2 * sum(self._reached(each, many) >= many for each in some) > len(some)

    def _reached(self, start: Architecture, enough: int) -> int:
        """How many others mutations lead to, counted up to `enough`."""
        reached, new = {self.class_of(start)}, deque([start])
        while new and len(reached) <= enough:
            for near in self.neighbours(new.popleft()):
                if self.class_of(near) not in reached:
                    reached.add(self.class_of(near))
                    new.append(near)
        return len(reached) - 1
