"""The space that a text declares: a registered name, or all of it as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from archcast.core.errors import InputError, short
from archcast.core.json_text import read_json
from archcast.spaces import registry as spaces
from archcast.spaces.choices import ChoicesSpace
from archcast.spaces.dag import DagSpace
from archcast.spaces.space import Space


def declared_space(text: str, architectures: Sequence[str] = ()) -> Space:
    """The space called `text`, or that the JSON in `text` declares.

    `architectures`, texts of the space, complete what the declaration of a `dag` leaves open: its
    operations, its most nodes, its lists of numbers and their bounds. `Space.declaration` gives the
    name or the complete JSON back.

    Raises:
        InputError: an unknown name or kind, a senseless declaration, or a text that is no graph.
    """
    if not text.lstrip().startswith(("{", "[")):
        return spaces.get(text)
    value = read_json(text)
    kind = value.get("kind") if isinstance(value, dict) else None
    if kind == DagSpace.name:
        return DagSpace.completed(value, architectures)
    if kind == ChoicesSpace.name:
        return ChoicesSpace.from_json(value)
    raise InputError(
        f"{short(text)} declares no space; it is a name, or an object whose kind is"
        f" {ChoicesSpace.name} or {DagSpace.name}"
    )
