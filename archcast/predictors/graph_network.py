"""Predictors that are graph networks: what they share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from archcast.encodings.live_graphs import live_graphs
from archcast.predictors.base import Context, Predictor, Vector
from archcast.predictors.descent import minimise, seeded
from archcast.predictors.labels import rescale
from archcast.spaces.base import Architecture

BATCH = 2_000  # architectures queried at once: bounds memory


class GraphTensors(NamedTuple):
    """Graphs as dense tensors: cells are so small that sparse products would take longer."""

    nodes: Tensor  # (n, nodes, operations), one-hot; zeros for a dead node
    edges: Tensor  # (n, nodes, nodes), 1 for an edge [k, i, j] from i to j between live nodes
    live: Tensor  # (n, nodes, 1), 1 for a live node

    @classmethod
    def of(cls, architectures: Sequence[Architecture], device: str) -> Self:
        """The live parts of the canonical graphs."""
        adjacency, operations, live = live_graphs(architectures)
        mask = torch.from_numpy(live).float().unsqueeze(2)
        alphabet = len(architectures[0].space.operations)
        nodes = functional.one_hot(torch.from_numpy(operations), alphabet) * mask
        edges = torch.from_numpy(adjacency).float()
        return cls(nodes.to(device), edges.to(device), mask.to(device))

    def __getitem__(self, rows: Tensor) -> GraphTensors:  # type: ignore[override]
        return GraphTensors(*(tensor[rows] for tensor in (self.nodes, self.edges, self.live)))
