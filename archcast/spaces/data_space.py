"""Spaces that are data: JSON says all of them, so that a table can carry its space."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from archcast.core.errors import InputError
from archcast.core.json_text import read_json
from archcast.spaces.space import Space


class DataSpace(Space):
    """A space whose `declaration` is JSON. Two are equal if it is, and pickles hold nothing else.

    Subclasses are named by `kind`, give `as_json`, and are made again by `from_json`.
    """

    @classmethod
    @abstractmethod
    def from_json(cls, value: Mapping[str, Any]) -> Space:
        """The space of a declaration.

        Raises:
            InputError: it says too little, or nonsense.
        """

    @abstractmethod
    def as_json(self) -> dict[str, Any]:
        """What `from_json` reads, without `kind`."""

    @cached_property
    def declaration(self) -> str:
        """JSON that says all of the space."""
        return json.dumps({"kind": self.name, **self.as_json()})

    def uses(self) -> Sequence[object]:
        """What decides scores beside the class: all that it says."""
        return (self.declaration,)

    def __eq__(self, other: object) -> bool:
        return self is other or (
            type(self) is type(other) and self.declaration == other.declaration
        )

    def __hash__(self) -> int:
        return hash(self.declaration)

    def __repr__(self) -> str:
        return self.declaration

    def __reduce__(self) -> tuple[Callable[..., Space], tuple[type[DataSpace], str]]:
        return _again, (type(self), self.declaration)


def _again(kind: type[DataSpace], declaration: str) -> Space:
    return kind.from_json(read_json(declaration))


def check_keys(value: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Refuse keys of a declaration that mean nothing.

    Raises:
        InputError: there is one.
    """
    if unknown := sorted({*value} - {"kind", *known}):
        raise InputError(
            f"a space of kind {value['kind']!r} has no {unknown[0]!r}; it has {', '.join(known)}"
        )
