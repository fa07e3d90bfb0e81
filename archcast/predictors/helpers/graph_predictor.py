"""Predictors that are graph networks: what they share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from archcast.core.heavy import torch
from archcast.core.seeding import seeded
from archcast.encodings.bounded_memory import batches
from archcast.encodings.live_graphs import live_graphs
from archcast.predictors.helpers.capacity import sized
from archcast.predictors.helpers.descent import minimise
from archcast.predictors.helpers.labels import Axis, RescalesLabels
from archcast.predictors.helpers.losses import ERROR, LOSSES, alignment, check_loss
from archcast.predictors.predictor import Context, Predictor, Vector
from archcast.spaces.space import Architecture

if TYPE_CHECKING:
    from torch import Tensor, nn

BATCH = 2_000  # architectures queried at once: bounds memory
MANY = 100  # labels, from which on there are more steps


class GraphTensors(NamedTuple):
    """Graphs as dense tensors: cells are so small that sparse products would take longer."""

    nodes: Tensor  # (n, nodes, features): operation, one-hot, and numbers; zeros for a dead node
    edges: Tensor  # (n, nodes, nodes), 1 for an edge [k, i, j] from i to j between live nodes
    live: Tensor  # (n, nodes, 1), 1 for a live node


class GraphPredictor(RescalesLabels, Predictor):
    """Regresses rescaled labels on the live parts of canonical graphs by a network.

    Subclasses give the network, and take these parameters:
        labels: how labels are rescaled, a name from `labels.LABELS`.
        loss: `error` for the mean squared one; or `pairwise`, `listwise` or `top`, see `losses`.
        width, layers: of the graph convolutions.
        steps, batch_size, learning_rate, weight_decay: see `descent.minimise`.
            Without `width` these are 64 wide for up to 200 labels, and without `steps` there are
            60 of them for up to 100; both grow with more, to 157 and 954 for 4,000.
        device: where to compute, any name of a PyTorch device.
        seed: of the initial weights and the batches.
    """

    networks: ClassVar[int] = 1  # of different initial weights, whose mean counts
    networks_: Sequence[nn.Module]

    @classmethod
    def search_space(cls) -> Mapping[str, Any]:
        from scipy.stats import loguniform, randint

        return {
            "width": randint(64, 201),
            "batch_size": randint(5, 33),
            "learning_rate": loguniform(1e-5, 1e-1),
            "weight_decay": loguniform(1e-5, 1e-1),
        }

    def __init__(
        self,
        labels: str = "normal",
        width: int | None = None,
        layers: int = 3,
        steps: int | None = None,
        batch_size: int = 128,
        learning_rate: float = 0.01,
        weight_decay: float = 0.01,
        loss: str = ERROR,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        self.labels = labels
        self.width = width
        self.layers = layers
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.loss = loss
        self.device = device
        self.seed = seed

    @abstractmethod
    def _network(self, features: int) -> nn.Module:
        """A network from `GraphTensors` with so many features a node to scores (n,)."""

    def check_parameters(self) -> None:
        super().check_parameters()
        check_loss(self.loss, *LOSSES)

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        self._fit_graphs(self._graphs(architectures), self._rescaled(labels))

    def _fit_graphs(self, graphs: GraphTensors, labels: Vector) -> None:
        """Learn from graphs and rescaled labels (n,)."""
        self.axis_ = Axis(labels)
        self.width_ = sized(self.width, 64, 0.3, len(labels))
        y = torch.from_numpy(self.axis_.standardise(labels)).float().to(self.device)
        with seeded(self.seed) as generator:
            self.networks_ = [
                self._network(graphs.nodes.shape[2]).to(self.device) for _ in range(self.networks)
            ]
        for network in self.networks_:
            self._train(network, graphs, y, generator)
        self.alignment_ = 0.0, 1.0
        if self.loss != ERROR:
            with torch.no_grad():
                scores = self._mean(graphs).cpu().numpy()
            self.alignment_ = alignment(scores, y.cpu().numpy())

    def _train(
        self, network: nn.Module, graphs: GraphTensors, y: Tensor, generator: torch.Generator
    ) -> None:
        def loss(rows: Tensor) -> Tensor:
            batch = GraphTensors(*(tensor[rows] for tensor in graphs))
            of = torch.nn.functional.mse_loss if self.loss == ERROR else LOSSES[self.loss]
            return of(network(batch), y[rows])

        minimise(
            network,
            loss,
            len(y),
            generator,
            steps=sized(self.steps, 60, 0.75, len(y), MANY),
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
        )

    def _mean(self, graphs: GraphTensors) -> Tensor:
        """The networks' scores (n,)."""
        return torch.stack([network(graphs) for network in self.networks_]).mean(dim=0)

    def _query(self, architectures: Sequence[Architecture], context: Context) -> Vector:
        with torch.no_grad():
            return np.concatenate([self._query_graphs(x) for x in self._batches(architectures)])

    def _query_graphs(self, graphs: GraphTensors) -> Vector:
        """Scores (n,) of graphs."""
        offset, slope = self.alignment_
        scores = offset + slope * self._mean(graphs).double()
        return self.axis_.restore(scores.cpu().numpy())

    def _query_with_std(
        self, architectures: Sequence[Architecture], context: Context
    ) -> tuple[Vector, Vector]:
        with torch.no_grad():
            batches = [self._query_graphs_with_std(x) for x in self._batches(architectures)]
        scores, std = (np.concatenate(parts) for parts in zip(*batches, strict=True))
        return scores, std

    def _query_graphs_with_std(self, graphs: GraphTensors) -> tuple[Vector, Vector]:
        """Scores and standard deviations (n,); of probabilistic predictors."""
        raise NotImplementedError

    def _batches(self, architectures: Sequence[Architecture]) -> Iterator[GraphTensors]:
        nodes = architectures[0].space.nodes
        return map(self._graphs, batches(architectures, nodes * (nodes + self.width_), BATCH))

    def _graphs(self, architectures: Sequence[Architecture]) -> GraphTensors:
        adjacency, operations, live, numbers = live_graphs(architectures)
        mask = torch.from_numpy(live).float().unsqueeze(2)
        alphabet = len(architectures[0].space.operations)
        one_hot = torch.nn.functional.one_hot(torch.from_numpy(operations), alphabet)
        nodes = torch.cat([one_hot, torch.from_numpy(numbers).float()], dim=2) * mask
        edges = torch.from_numpy(adjacency).float()
        return GraphTensors(*(tensor.to(self.device) for tensor in (nodes, edges, mask)))
