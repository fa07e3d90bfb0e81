"""Spaces that are a list of decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

import numpy as np

from archcast.core.errors import InputError, short
from archcast.spaces.data_space import DataSpace, check_keys
from archcast.spaces.decision import Decision, decision_from_json
from archcast.spaces.space import Architecture, Choices, Graphs, chains

RESERVED = ",="


class ChoicesSpace(DataSpace):
    """Every combination of options is an architecture, written like `kernel=3,act=relu`.

    Declared as `{"kind": "choices", "decisions": [...]}`, with decisions as `Decision` has them. A
    value that a range was not seen to have is read like any other.

    Graphs are chains with a node a decision. An option is an operation, `act=relu`; a range is one
    with its name. Ordered options and ranges carry the number `position`, from 0 for the first to
    1 for the last.

    Raises:
        InputError: no decisions, two of one name, or names and options that the text form can't
            hold.
    """

    name = "choices"
    listed = True

    def __init__(self, decisions: Sequence[Decision]) -> None:
        self.decisions = tuple(decisions)
        names = [decision.name for decision in self.decisions]
        if not names or len({*names}) < len(names):
            raise InputError(
                f"decisions are called {', '.join(names) or 'nothing'}; give one or more, each"
                " with a name of its own"
            )
        for decision in self.decisions:
            for text in (decision.name, *map(str, decision.options)):
                if not text or text != text.strip() or not text.isprintable():
                    raise InputError(
                        f"decision {decision.name!r}: {short(text)} is empty, has spaces around it"
                        " or what can't be printed; write it otherwise"
                    )
                if {*RESERVED} & {*text}:
                    raise InputError(
                        f"decision {decision.name!r}: {short(text)} has ',' or '=' in it, by which"
                        " the text form separates; write it otherwise"
                    )
        options = [
            [f"{decision.name}={option}" for option in decision.options] or [decision.name]
            for decision in self.decisions
        ]
        self._written = [
            {f"{decision.name}={option}": index for index, option in enumerate(decision.options)}
            for decision in self.decisions
        ]
        self.operations = ("input", *chain.from_iterable(options), "output")
        self.nodes = len(self.decisions) + 2
        if any(decision.ordered for decision in self.decisions):
            self.numbers = ("position",)
        self._first_operation: list[int] = np.cumsum([1, *map(len, options)]).tolist()

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ChoicesSpace:
        check_keys(value, ("decisions",))
        decisions = value.get("decisions")
        if not isinstance(decisions, list):
            raise InputError(
                'a space of kind \'choices\' lists its decisions: {"kind": "choices", "decisions":'
                ' [{"name": "act", "options": ["relu", "gelu"]}]}'
            )
        return cls([decision_from_json(decision) for decision in decisions])

    def as_json(self) -> dict[str, Any]:
        return {"decisions": [decision.as_json() for decision in self.decisions]}

    def format(self, architecture: Architecture) -> str:
        pairs = zip(self.decisions, architecture.choices, strict=True)
        return ",".join(f"{decision.name}={decision.text(choice)}" for decision, choice in pairs)

    def _parse(self, text: str) -> Choices:
        """In any order, and with spaces around names and values."""
        parts = text.split(",")
        if len(parts) == len(self.decisions):
            with suppress(KeyError):  # as `format` writes it, of options, which is most of a table
                return tuple(
                    [known[part] for known, part in zip(self._written, parts, strict=True)]
                )
        values: dict[str, str] = {}
        for part in parts:
            name, equals, value = (each.strip() for each in part.partition("="))
            if not equals or name in values:
                raise InputError(f"{short(part, 40)} is no name=value, or the second of its name")
            values[name] = value
        names = [decision.name for decision in self.decisions]
        if lacking := [name for name in names if name not in values]:
            raise InputError(f"it says nothing of {lacking[0]!r}")
        if unknown := [name for name in values if name not in names]:
            raise InputError(f"there is no decision {short(unknown[0], 40)}")
        return tuple(decision.choice(values[decision.name]) for decision in self.decisions)

    def canonical(self, architecture: Architecture) -> Architecture:
        """The architecture: no other is the same network."""
        return architecture

    def graphs(self, architectures: Sequence[Architecture]) -> Graphs:
        """Chains: the input, a node a decision, the output."""
        n = len(architectures)
        operations = np.zeros((n, self.nodes), dtype=np.int64)
        operations[:, -1] = self._first_operation[-1]
        numbers = np.zeros((n, self.nodes, len(self.numbers)))
        for node, decision in enumerate(self.decisions, start=1):
            chosen = [architecture.choices[node - 1] for architecture in architectures]
            option = 0 if decision.is_range else np.array(chosen, dtype=np.int64)
            operations[:, node] = self._first_operation[node - 1] + option
            if decision.ordered:
                numbers[:, node, 0] = decision.positions(np.array(chosen, dtype=np.float64))
        return chains(operations, numbers)
