"""All cells of NAS-Bench-201 in one network, which share their weights."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from archcast.networks.nasbench201_network import (
    Network,
    Skeleton,
    Stacked,
    Zero,
    operation,
    sum_at_nodes,
)
from archcast.spaces.nasbench201 import EDGES, OPERATIONS
from archcast.spaces.space import Architecture

Path = Sequence[int]  # the operation of each edge, as an index into `OPERATIONS`


class Supernet(Stacked):
    """Every operation on every edge, with weights of its own that all architectures share.

    A forward pass takes images (n, c, h, w) and a selection of operations, the same in all cells:
    a path, which runs one operation an edge; or a mixture, a tensor of shape (edges, operations)
    that weighs them. Operations that are not on the path, or weigh exactly 0, do not run and get no
    gradient. The weights of a mixture get theirs.
    """

    def __init__(self, skeleton: Skeleton) -> None:
        super().__init__(MixedCell, skeleton)
        self.skeleton = skeleton

    def forward(self, images: Tensor, selection: Path | Tensor) -> Tensor:
        features: Tensor = self.stem(images)
        for stage in self.stages:
            mixed = isinstance(stage, MixedCell)
            features = stage(features, selection) if mixed else stage(features)
        return self.head(features)

    def inherit(self, architecture: Architecture) -> Network:
        """The network of one architecture, with a copy of its share of the weights."""
        with torch.device("meta"):
            network = Network(architecture, self.skeleton)
        weights = self.state_dict()

        def ours(name: str) -> str:
            choice = r"edges\.(\d)\."
            return re.sub(choice, lambda m: f"{m[0]}{architecture.choices[int(m[1])]}.", name)

        share = {name: weights[ours(name)].clone() for name in network.state_dict()}
        network.load_state_dict(share, assign=True)
        return network


class MixedCell(nn.Module):
    """A cell with every operation on every edge."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.edges = nn.ModuleList(
            nn.ModuleList(operation(name, channels) for name in OPERATIONS) for _ in EDGES
        )

    def forward(self, features: Tensor, selection: Path | Tensor) -> Tensor:
        def send(edge: int, source: Tensor) -> Tensor | None:
            operations = self.edges[edge]
            assert isinstance(operations, nn.ModuleList)
            if isinstance(selection, Tensor):
                return _mix(operations, selection[edge], source)
            chosen = operations[selection[edge]]
            return None if isinstance(chosen, Zero) else chosen(source)

        return sum_at_nodes(features, send)


def _mix(operations: nn.ModuleList, weights: Tensor, source: Tensor) -> Tensor | None:
    terms = [
        weight * operation(source)
        for operation, weight in zip(operations, weights, strict=True)
        if weight != 0 and not isinstance(operation, Zero)
    ]
    return sum(terms[1:], terms[0]) if terms else None


@torch.no_grad()
def recalibrate(network: nn.Module, batches: Sequence[Tensor]) -> None:
    """Replace the statistics of batch norm by the means over `batches` of images.

    Those of a supernet are of all architectures that were trained, and of none in particular.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches, each weighing the same
    network.train()
    for images in batches:
        network(images)
    network.eval()
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
