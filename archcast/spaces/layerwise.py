"""Spaces of networks that are stacks of layers, each chosen by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from archcast.core.errors import InputError
from archcast.core.json_text import read_json
from archcast.spaces.decision import Decision
from archcast.spaces.space import Architecture, Choices, Graphs, Space, chains, choice_matrix

SKIP = "skip"


class Layer(NamedTuple):
    """Which layer a decision is of, both counted from 0."""

    stage: int
    place: int  # in the stage


class LayerwiseSpace(Space):
    """Stages of layers; within a stage all but the first keep the width and the resolution.

    Written as a digit a layer, from the first to the last; spaces between are passed over. JSON
    with the digits by layer, `{"stage0_cell0": 4, ...}`, is read too.

    Graphs are chains with a node a layer. Its number `depth` is 0 for the first layer and 1 for the
    last.

    Attributes:
        stages: how many layers each stage has.
        blocks: what a layer can be, in order of the digits.
        first: what the first layer of a stage can be.
    """

    stages: tuple[int, ...]
    blocks: tuple[str, ...]
    first: tuple[str, ...]
    numbers = ("depth",)
    listed = True

    @cached_property
    def layers(self) -> list[Layer]:
        return [Layer(stage, at) for stage, n in enumerate(self.stages) for at in range(n)]

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:  # type: ignore[override]
        """One a layer."""
        return tuple(
            Decision(f"stage{stage}_cell{at}", self.blocks if at else self.first)
            for stage, at in self.layers
        )

    @cached_property
    def operations(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("input", *self.blocks, "output")

    @property
    def nodes(self) -> int:  # type: ignore[override]
        return sum(self.stages) + 2

    def block(self, decision: int, choice: int) -> str:
        """What a layer is."""
        return str(self.decisions[decision].options[choice])

    def format(self, architecture: Architecture) -> str:
        chosen = enumerate(architecture.choices)
        return "".join(str(self.blocks.index(self.block(*each))) for each in chosen)

    def _parse(self, text: str) -> Choices:
        if text.lstrip().startswith("{"):
            value = read_json(text)
            names = [decision.name for decision in self.decisions]
            if not isinstance(value, Mapping) or {*value} != {*names}:
                raise InputError(f"its JSON has not the keys {names[0]} to {names[-1]}")
            digits = [str(value[name]) for name in names]
        else:
            digits = [*text.replace(" ", "")]
        if len(digits) != len(self.decisions):
            raise InputError(f"it has {len(digits)} digits for {len(self.decisions)} layers")
        known = {str(digit): block for digit, block in enumerate(self.blocks)}
        choices = []
        for decision, digit in zip(self.decisions, digits, strict=True):
            if known.get(digit) not in decision.options:
                allowed = (str(self.blocks.index(str(option))) for option in decision.options)
                raise InputError(f"{decision.name} is none of {', '.join(allowed)}")
            choices.append(decision.options.index(known[digit]))
        return tuple(choices)

    def canonical(self, architecture: Architecture) -> Architecture:
        """Skipped layers go behind the others of their stage, but a first one."""
        choices: list[int] = []
        start = 0
        for layers in self.stages:
            first, *others = range(start, start + layers)
            kept = [architecture.choices[first]]
            rest = [architecture.choices[at] for at in others]
            skip = self.blocks.index(SKIP)
            kept += sorted(rest, key=lambda choice: choice == skip)
            choices += kept
            start += layers
        return Architecture(self, tuple(choices))

    def graphs(self, architectures: Sequence[Architecture]) -> Graphs:
        n, layers = len(architectures), len(self.decisions)
        chosen = choice_matrix(architectures).reshape(n, layers)
        operations = np.zeros((n, self.nodes), dtype=np.int64)
        for at, decision in enumerate(self.decisions):
            numbers = np.array([self.operations.index(str(each)) for each in decision.options])
            operations[:, at + 1] = numbers[chosen[:, at]]
        operations[:, -1] = len(self.operations) - 1
        depths = np.zeros((n, self.nodes, 1))
        depths[:, 1:-1, 0] = np.linspace(0, 1, layers)
        return chains(operations, depths)
