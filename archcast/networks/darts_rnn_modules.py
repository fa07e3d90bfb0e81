"""Recurrent DARTS cells as torch modules."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from archcast.networks.scales import Recurrence
from archcast.spaces.darts_rnn import ACTIVATIONS, Node
from archcast.tasks.task import Signature

_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "identity": lambda values: values,
}


class RecurrentNetwork(nn.Module):
    """From sequences (n, length, alphabet) to logits (n, alphabet, length), from a state of zeros.

    What embeds a character is what foretells it. Dropout takes the same values at every place of a
    sequence.
    """

    def __init__(self, nodes: Sequence[Node], signature: Signature, scale: Recurrence) -> None:
        super().__init__()
        self.scale = scale
        self.embedding = nn.Parameter(torch.empty(signature.classes, scale.width))
        self.bias = nn.Parameter(torch.zeros(signature.classes))
        self.cell = Cell(nodes, scale.width)
        for weight in (self.embedding, *self.cell.parameters()):
            nn.init.uniform_(weight, -scale.initial, scale.initial)

    def forward(self, sequences: Tensor) -> Tensor:
        embedded = self._thinned(sequences @ self.embedding, self.scale.dropped_inputs)
        state = embedded.new_zeros(len(sequences), self.scale.width)
        kept_of_step = self._kept(state, self.scale.dropped_steps)
        kept_of_state = self._kept(state, self.scale.dropped_states)
        states = []
        for step in embedded.unbind(1):
            state = self.cell(step, state, kept_of_step, kept_of_state)
            states.append(state)
        outputs = self._thinned(torch.stack(states, 1), self.scale.dropped_outputs)
        return nn.functional.linear(outputs, self.embedding, self.bias).transpose(1, 2)

    def _thinned(self, values: Tensor, dropped: float) -> Tensor:
        kept = self._kept(values[:, :1], dropped)
        return values if kept is None else values * kept

    def _kept(self, like: Tensor, dropped: float) -> Tensor | None:
        """What values are multiplied by in training."""
        if not self.training or not dropped:
            return None
        return torch.empty_like(like).bernoulli_(1.0 - dropped) / (1.0 - dropped)


class Cell(nn.Module):
    """Node 0 from input and state, then each node from an earlier one; their mean without node 0.

    Each is a step from what it reads towards an activation, as far as a gate opens.
    """

    def __init__(self, nodes: Sequence[Node], width: int) -> None:
        super().__init__()
        self.sources = [node.source for node in nodes]
        self.activations = [_FUNCTIONS[ACTIVATIONS[node.activation]] for node in nodes]
        self.first = nn.Parameter(torch.empty(2 * width, 2 * width))
        self.weights = nn.ParameterList(torch.empty(width, 2 * width) for _ in nodes)

    def forward(
        self, step: Tensor, state: Tensor, kept_of_step: Tensor | None, kept_of_state: Tensor | None
    ) -> Tensor:
        joined = torch.cat([_masked(step, kept_of_step), _masked(state, kept_of_state)], dim=1)
        nodes = [_towards(state, joined @ self.first, torch.tanh)]
        for source, activation, weight in zip(
            self.sources, self.activations, self.weights, strict=True
        ):
            read = nodes[source]
            nodes.append(_towards(read, _masked(read, kept_of_state) @ weight, activation))
        return torch.stack(nodes[1:]).mean(dim=0)


def _masked(values: Tensor, kept: Tensor | None) -> Tensor:
    return values if kept is None else values * kept


def _towards(start: Tensor, both: Tensor, activation: Callable[[Tensor], Tensor]) -> Tensor:
    gate, goal = both.chunk(2, dim=1)
    return torch.lerp(start, activation(goal), torch.sigmoid(gate))
