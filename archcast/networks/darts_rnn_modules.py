"""Recurrent DARTS cells as torch modules."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from archcast.networks.scales import Recurrence
from archcast.networks.supernet import Selection, Supernet
from archcast.spaces.darts_rnn import NODES, SPACE, Node, nodes_of
from archcast.spaces.space import Architecture
from archcast.tasks.task import Signature

FUNCTIONS: tuple[Callable[[Tensor], Tensor], ...] = (  # of `ACTIVATIONS`
    torch.tanh, torch.relu, torch.sigmoid, lambda values: values,
)  # fmt: skip


class MixedNode(NamedTuple):
    """What weighs the nodes that one can read, and the activations."""

    sources: Tensor
    activations: Tensor


class Recurrent(nn.Module):
    """From sequences (n, length, alphabet) to logits (n, alphabet, length), from a state of zeros.

    With weights that have one more dimension before theirs, of several networks, it reads the
    sequences of each.

    What embeds a character is what foretells it. Dropout takes the same values at every place of a
    sequence.
    """

    def __init__(self, signature: Signature, scale: Recurrence) -> None:
        super().__init__()
        self.scale = scale
        self.embedding = nn.Parameter(torch.empty(signature.classes, scale.width))
        self.bias = nn.Parameter(torch.zeros(signature.classes))
        self.cell = Cell(scale.width)
        for weight in (self.embedding, *self.cell.parameters()):
            nn.init.uniform_(weight, -scale.initial, scale.initial)

    def read(self, sequences: Tensor, nodes: Sequence[Node | MixedNode]) -> Tensor:
        """Logits, by a cell of these nodes."""
        embedded = self._thinned(sequences @ self.embedding, self.scale.dropped_inputs)
        state = torch.zeros_like(embedded[..., 0, :])
        kept_of_step = self._kept(state, self.scale.dropped_steps)
        kept_of_state = self._kept(state, self.scale.dropped_states)
        states = []
        for step in embedded.unbind(-2):
            state = self.cell(step, state, kept_of_step, kept_of_state, nodes)
            states.append(state)
        outputs = self._thinned(torch.stack(states, -2), self.scale.dropped_outputs)
        return (outputs @ self.embedding.mT + self.bias).mT

    def _thinned(self, values: Tensor, dropped: float) -> Tensor:
        kept = self._kept(values[..., :1, :], dropped)
        return values if kept is None else values * kept

    def _kept(self, like: Tensor, dropped: float) -> Tensor | None:
        """What values are multiplied by in training."""
        if not self.training or not dropped:
            return None
        return torch.empty_like(like).bernoulli_(1.0 - dropped) / (1.0 - dropped)


class RecurrentNetwork(Recurrent):
    """One cell that reads a text."""

    def __init__(self, nodes: Sequence[Node], signature: Signature, scale: Recurrence) -> None:
        super().__init__(signature, scale)
        self.nodes = nodes

    def forward(self, sequences: Tensor) -> Tensor:
        return self.read(sequences, self.nodes)


class RecurrentSupernet(Recurrent, Supernet):
    """All cells in one: a node has one weight, whatever it reads and by whichever activation."""

    def __init__(self, signature: Signature, scale: Recurrence) -> None:
        super().__init__(signature, scale)
        self.signature = signature

    def forward(self, sequences: Tensor, selection: Selection) -> Tensor:
        if not isinstance(selection, Tensor):
            return self.read(sequences, nodes_of(Architecture(SPACE, tuple(selection))))
        first = selection.new_ones(1)  # the first node reads node 0
        rows = iter([first, *selection])
        return self.read(sequences, [MixedNode(row, next(rows)) for row in rows])

    def inherit(self, architecture: Architecture) -> RecurrentNetwork:
        with torch.device("meta"):
            heir = RecurrentNetwork(nodes_of(architecture), self.signature, self.scale)
        heir.embedding, heir.bias, heir.cell = self.embedding, self.bias, self.cell
        return copy.deepcopy(heir)


class Cell(nn.Module):
    """Node 0 from input and state, then each node from an earlier one; their mean without node 0.

    Each is a step from what it reads towards an activation, as far as a gate opens.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.empty(2 * width, 2 * width))
        self.weights = nn.ParameterList(torch.empty(width, 2 * width) for _ in NODES)

    def forward(
        self, step: Tensor, state: Tensor, kept_of_step: Tensor | None,
        kept_of_state: Tensor | None, nodes: Sequence[Node | MixedNode],
    ) -> Tensor:  # fmt: skip
        joined = torch.cat([_masked(step, kept_of_step), _masked(state, kept_of_state)], dim=-1)
        made = [_towards(state, joined @ self.first, torch.tanh)]
        for node, weight in zip(nodes, self.weights, strict=True):
            if isinstance(node, Node):
                start = made[node.source]
                both = _masked(start, kept_of_state) @ weight
                made.append(_towards(start, both, FUNCTIONS[node.activation]))
            else:
                made.append(_mixed(node, torch.stack(made), kept_of_state, weight))
        return torch.stack(made[1:]).mean(dim=0)


def _mixed(node: MixedNode, made: Tensor, kept: Tensor | None, weight: Tensor) -> Tensor:
    """From all nodes before it; a source is read once, whatever the activations."""
    read, used = ([at for at, share in enumerate(row.tolist()) if share] for row in node)
    starts = made[read]

    def mixture(goal: Tensor) -> Tensor:
        mixed = torch.zeros_like(goal)
        for at in used:
            mixed = mixed + node.activations[at] * FUNCTIONS[at](goal)
        return mixed

    whole = node.activations[used].sum()
    ends = _towards(whole * starts, _masked(starts, kept) @ weight, mixture)
    found: Tensor = torch.tensordot(node.sources[read], ends, dims=1)
    return found


def _masked(values: Tensor, kept: Tensor | None) -> Tensor:
    return values if kept is None else values * kept


def _towards(start: Tensor, both: Tensor, activation: Callable[[Tensor], Tensor]) -> Tensor:
    gate, goal = both.chunk(2, dim=-1)
    return torch.lerp(start, activation(goal), torch.sigmoid(gate))
