"""Any basic graph network of torch-geometric as a predictor."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from archcast.core.errors import InputError, did_you_mean
from archcast.core.seeding import seeded
from archcast.core.spec import parse_spec
from archcast.predictors.helpers.graph_predictor import GraphPredictor, GraphTensors
from archcast.predictors.helpers.losses import ERROR
from archcast.predictors.predictor import Tags, Vector

if TYPE_CHECKING:  # its import takes seconds
    from torch_geometric.nn.models.basic_gnn import BasicGNN

MODELS = ("EdgeCNN", "GAT", "GCN", "GIN", "GraphSAGE")


class GraphModel(GraphPredictor):
    """Wraps a graph network of torch-geometric: text such as `GIN(num_layers=2)`, or an object.

    Two copies look at the live parts of canonical graphs, one along the edges and one against
    them. What they say of a node is averaged over the nodes, and read by a linear layer.

    Text names one of `MODELS`; its parameters are those of torch-geometric, without `in_channels`,
    and by default three layers of 64. An object is a `BasicGNN`, whose `in_channels` are the
    features of a node; -1 takes any. Its weights are drawn anew in each fit. Without `steps` these
    grow with the labels, as those of `GCN`.
    """

    tags = Tags(paper="Fey and Lenssen, 2019", version=3)
    width = 200  # of a layer, for the memory of a query

    @classmethod
    def search_space(cls) -> Mapping[str, Any]:
        everything = super().search_space().items()
        return {name: values for name, values in everything if name != "width"}

    def __init__(
        self,
        model: BasicGNN | str = "GIN",
        labels: str = "normal",
        steps: int | None = None,
        batch_size: int = 128,
        learning_rate: float = 0.01,
        weight_decay: float = 0.01,
        loss: str = ERROR,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        """Text is looked through already here.

        Raises:
            InputError: it names no model, or parameters that the model does not take.
        """
        self.model = model
        self.labels = labels
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.loss = loss
        self.device = device
        self.seed = seed
        if isinstance(model, str):
            with seeded(0):
                model_by_name(model, features=4)

    def uses(self) -> Sequence[object]:
        """The content of an object."""
        if isinstance(self.model, str):
            return ()
        return (hashlib.sha256(pickle.dumps(self.model)).hexdigest(),)

    def _fit_graphs(self, graphs: GraphTensors, labels: Vector) -> None:
        with seeded(self.seed):  # dropout, where a model has it
            super()._fit_graphs(graphs, labels)

    def _network(self, features: int) -> nn.Module:
        return Network(lambda: self._model(features))

    def _model(self, features: int) -> BasicGNN:
        if isinstance(self.model, str):
            return model_by_name(self.model, features)
        if self.model.in_channels not in (-1, features):
            raise InputError(
                f"graph: the model takes {self.model.in_channels} features, and nodes have"
                f" {features}; build it with in_channels=-1 or {features}"
            )
        model = deepcopy(self.model)
        _check_norms(model)
        model.reset_parameters()
        model(torch.zeros(1, features), torch.zeros((2, 0), dtype=torch.long))  # in_channels=-1
        return model


class Network(nn.Module):
    """From graphs to scores (n,), by two models of a kind."""

    def __init__(self, make: Callable[[], BasicGNN]) -> None:
        super().__init__()
        self.along, self.against = make(), make()
        self.head = nn.Linear(2 * self.along.out_channels, 1)

    def forward(self, graphs: GraphTensors) -> Tensor:
        nodes, edges, owners = sparse(graphs)
        n = len(graphs.nodes)
        both = [
            self.along(nodes, edges, batch=owners, batch_size=n),
            self.against(nodes, edges.flip(0), batch=owners, batch_size=n),
        ]
        values = torch.cat(both, dim=1)
        sums = values.new_zeros(n, values.shape[1]).index_add(0, owners, values)
        scores: Tensor = self.head(sums / graphs.live.sum(dim=1)).squeeze(1)
        return scores


def sparse(graphs: GraphTensors) -> tuple[Tensor, Tensor, Tensor]:
    """Graphs as torch-geometric has them: all live nodes of a batch in one graph.

    Features (nodes, operations); edges (2, edges), sources and targets as rows of the features;
    and the graph that each node is of (nodes,).
    """
    live = graphs.live.squeeze(2) > 0
    row = live.flatten().cumsum(0).view_as(live) - 1
    graph, source, target = graphs.edges.nonzero(as_tuple=True)
    edges = torch.stack([row[graph, source], row[graph, target]])
    return graphs.nodes[live], edges, live.nonzero()[:, 0]


def model_by_name(text: str, features: int) -> BasicGNN:
    """Build a model of nodes with so many features from text such as `GIN(num_layers=2)`.

    Raises:
        InputError: no such model, or parameters that it does not take.
    """
    from torch_geometric.nn import models

    name, params = parse_spec(text)
    if name not in MODELS:
        raise InputError(f"graph({text}): no model {name!r}; {did_you_mean(name, MODELS)}")
    given = {"hidden_channels": 64, "num_layers": 3, **params}
    try:
        model: BasicGNN = getattr(models, name)(in_channels=features, **given)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"graph({text}): {reason}; give parameters of torch_geometric.nn.models.{name}"
        ) from None
    _check_norms(model)
    return model


def _check_norms(model: BasicGNN) -> None:
    """Refuse norms of graphs where layers don't say which graph a node is of.

    A score would depend on the other graphs of the batch.
    """
    if any(getattr(part, "supports_norm_batch", False) for part in model.convs.modules()):
        name = type(model).__name__
        raise InputError(
            f"graph({name}): its layers would take a batch for one graph with this norm;"
            " choose norm=BatchNorm, or none"
        )
