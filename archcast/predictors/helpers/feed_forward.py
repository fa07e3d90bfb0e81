"""Feed-forward networks, many of one shape in one batched program."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class FeedForward(nn.Module):
    """Independent networks of one shape: each layer is one product for all of them.

    Hidden layers end in ReLU. Weights and biases start uniform within one over the root of the
    number of the layer's inputs, as PyTorch's own do. Inputs are standardised features; beyond
    three deviations they are cut, for counts of paths have long tails.
    """

    def __init__(self, networks: int, sizes: Sequence[int], generator: torch.Generator) -> None:
        """`sizes` are the features, then the width of each hidden layer; each has one output."""
        super().__init__()
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for inputs, outputs in zip(sizes, [*sizes[1:], 1], strict=True):
            for parameters, rows in ((self.weights, inputs), (self.biases, 1)):
                uniform = 2 * torch.rand((networks, rows, outputs), generator=generator) - 1
                parameters.append(nn.Parameter(uniform / inputs**0.5))

    def align(self, offset: float, slope: float) -> None:
        """Scale and shift the outputs."""
        self.weights[-1].mul_(slope)
        self.biases[-1].mul_(slope).add_(offset)

    def hidden(self, inputs: Tensor) -> Tensor:
        """The last hidden layer, (networks, n, width), of inputs (n, features)."""
        values = inputs.clamp(-3, 3).expand(len(self.weights[0]), *inputs.shape)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            values = functional.relu(torch.baddbmm(bias, values, weight))
        return values

    def forward(self, inputs: Tensor) -> Tensor:
        """The outputs (networks, n) of inputs (n, features)."""
        return torch.baddbmm(self.biases[-1], self.hidden(inputs), self.weights[-1]).squeeze(2)
