"""A pool without end: all of a space, of which some architectures have known results."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from archcast.search.pool import Pool
from archcast.spaces.space import Architecture, Choices

TRIES = 20  # for a mutant of another class
IDLE = 1_000  # draws in a row of what was drawn before, after which there is nothing left


class OpenPool(Pool):
    """Every architecture of a space may be proposed, whether its results are known or not.

    Those that are not members stand as their canonical forms.
    """

    is_connected = True

    def class_of(self, architecture: Architecture) -> int:
        """The number of the class, which an architecture that is not known begins."""
        if architecture in self._class:
            return self._class[architecture]
        canonical = self.space.canonical(architecture)
        if canonical not in self._class:
            self._class[canonical] = len(self._first)
            self._first.append(canonical)
        return self._class[canonical]

    def find(self, choices: Choices) -> Architecture | None:
        """The architecture with these choices, as a member if it is isomorphic to one."""
        if not self.space.is_valid(choices):
            return None
        return self._first[self.class_of(Architecture(self.space, choices))]

    def draw(self, rng: np.random.Generator) -> Architecture:
        """One architecture, as the space samples."""
        return self._first[self.class_of(self.space.sample(1, rng)[0])]

    def shuffled(self, rng: np.random.Generator) -> Iterator[Architecture]:
        """Random architectures that are not isomorphic, as long as there are any."""
        seen: set[int] = set()
        idle = 0
        while idle < IDLE:
            architecture = self.draw(rng)
            kind = self.class_of(architecture)
            idle = idle + 1 if kind in seen else 0
            if not idle:
                seen.add(kind)
                yield architecture

    def nearest(self, choices: Choices, rng: np.random.Generator) -> Architecture:
        """Any of the space: that of choices which it does not have can't be looked up."""
        return self.draw(rng)

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """A mutant as the space makes them; of one that is isomorphic to the first, a mutant again.

        A random one where none comes about.
        """
        mutant = architecture
        for _ in range(TRIES):
            mutant = self.space.mutate(mutant, rng)
            if (kind := self.class_of(mutant)) != self.class_of(architecture):
                return self._first[kind]
        return self.draw(rng)

    def _near(self, architecture: Architecture) -> Iterator[Architecture]:
        for other in self.space.neighbours(architecture):
            yield self._first[self.class_of(other)]
