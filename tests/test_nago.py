"""Generators of networks: what is drawn, and how it becomes a network."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch
from torch import nn

from archcast.core.errors import InputError
from archcast.networks import registry as networks
from archcast.networks.blueprint import networks_of
from archcast.networks.nago_modules import InnerGraph, Merge, halved, operation, stages_of
from archcast.networks.scales import GraphStages
from archcast.spaces import registry as spaces
from archcast.spaces.nago import SPACE, Dag, Node, drawn
from archcast.spaces.space import Architecture

LARGE, SMALL = SPACE.sample(20, np.random.default_rng(0)), spaces.get("nago-small")
TEXT = "9,4,0.65/5,0.46/3,2,0.18/1"


def dags(node: Node) -> list[Dag]:
    return [node.dag, *(dag for inner in node.inside for dag in dags(inner))]


def joined(dag: Dag) -> nx.Graph:
    graph = nx.Graph()
    graph.add_nodes_from(range(len(dag.sources)))
    graph.add_edges_from((i, j) for j, sources in enumerate(dag.sources) for i in sources)
    return graph


def test_what_is_drawn_is_what_was_decided() -> None:
    top = drawn(SPACE.parse(TEXT))
    assert len(top.dag.sources) == 9
    assert all(len(middle.dag.sources) == 5 for middle in top.inside)
    assert all(len(b.dag.sources) == 3 for middle in top.inside for b in middle.inside)
    assert top.operations == 9 * 5 * 3
    assert joined(top.dag).number_of_edges() == 9 * 2, "rewiring keeps the number of edges"
    for architecture in LARGE:
        assert all(nx.is_connected(joined(dag)) for dag in dags(drawn(architecture)))
        assert all(i < j for dag in dags(drawn(architecture)) for j, s in enumerate(dag.sources)
                   for i in s)  # fmt: skip
    middles = {middle.dag for middle in top.inside}
    assert len(middles) > 1, "each inner graph is drawn by itself"


def test_what_is_drawn_stays() -> None:
    """Tables hold results of networks that are drawn anew, by whatever version of networkx."""
    top = drawn(SPACE.parse(TEXT))
    assert top.dag.sources == (
        (), (0,), (), (1, 2), (0, 2, 3), (1, 2, 4), (4,), (1, 3, 6), (1, 2, 4, 5, 6)
    )  # fmt: skip
    assert top.inside[8].inside[4].dag.sources == ((), (0,), (0, 1))


def test_a_sample_is_drawn_again_alike_and_others_otherwise() -> None:
    for architecture in LARGE[:5]:
        again = drawn.__wrapped__(SPACE.parse(str(architecture)))
        assert again == drawn(architecture)
        samples = [Architecture(SPACE, (*architecture.choices[:-1], k)) for k in range(8)]
        assert len({drawn(each) for each in samples}) == 8


def test_odd_numbers_of_neighbours_act_as_even_ones() -> None:
    odd, even = SPACE.parse("9,5,0.65/5,0.46/4,3,0.18/1"), SPACE.parse("9,4,0.65/5,0.46/4,2,0.18/1")
    assert drawn(odd) == drawn(even)
    assert SPACE.canonical(odd) == even == SPACE.canonical(even)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("9,4,0.65/5,0.46/3,2,0.18", "not 3, 2, 3 and 1 numbers"),
        ("9,4/0.65,5,0.46/3,2,0.18/1", "not 3, 2, 3 and 1 numbers"),
        ("9,4,0.65/5,0.46/3,3,0.18/1", "no more neighbours than other nodes"),
        ("11,4,0.65/5,0.46/3,2,0.18/1", "top nodes is '11', none of 3, 4"),
        ("9,4,0.05/5,0.46/3,2,0.18/1", r"top rewired is '0.05', not a number from 0.1 to 1"),
    ],
)
def test_text_that_is_no_generator(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        SPACE.parse(text)


def test_depth_by_networkx() -> None:
    for architecture in SMALL.sample(10, np.random.default_rng(1)):
        top = drawn(architecture)

        def longest(node: Node) -> int:
            weights = [longest(inner) for inner in node.inside] or [1] * len(node.dag.sources)
            graph = nx.DiGraph()
            for j, sources in enumerate(node.dag.sources):
                graph.add_weighted_edges_from([(i, j, weights[j]) for i in sources])
                graph.add_edge("in", j, weight=weights[j])
            return int(nx.dag_longest_path_length(graph))

        assert top.depth == longest(top)


def test_a_graph_by_hand() -> None:
    """Two nodes read the input, one of them and both are read; two outputs are averaged."""
    torch.manual_seed(0)
    node = Node(Dag(((), (), (0, 1), (1,))), ())
    graph = InnerGraph(node, 3, [4] * 4, [0] * 4, GraphStages(operation="separable")).eval()
    with torch.no_grad():
        graph.merges[2].gates.copy_(torch.tensor([0.3, -2.0]))
    features = torch.randn(2, 3, 5, 5)
    first, second, third, fourth = graph.nodes
    one, two = first(features), second(features)
    gates = torch.sigmoid(torch.tensor([0.3, -2.0]))
    expected = (third(gates[0] * one + gates[1] * two) + fourth(two)) / 2
    torch.testing.assert_close(graph(features), expected)
    assert sum(p.numel() for p in graph.merges.parameters()) == 2, "single inputs have no gate"


def test_inputs_of_other_widths_and_stages() -> None:
    merge = Merge([2, 4, 4]).eval()
    inputs = [torch.randn(1, width, 3, 3) for width in (2, 4, 4)]
    bring = merge.fitted[0]
    assert isinstance(bring, nn.Conv2d)
    expected = bring(inputs[0]) + torch.sigmoid(torch.ones(())) * (inputs[1] + inputs[2])
    torch.testing.assert_close(merge(inputs), expected)
    node = Node(Dag(((), (0,), (0,))), ())
    graph = InnerGraph(node, 2, [2, 4, 8], [0, 1, 2], GraphStages()).eval()
    features = torch.randn(1, 2, 7, 7)
    first, second, third = graph.nodes
    one = first(features)
    widened = graph.widened[0](halved(second(halved(one, 1)), 1))
    expected = (widened + third(halved(one, 2))) / 2
    torch.testing.assert_close(graph(features), expected)
    assert graph(features).shape == (1, 8, 2, 2)


def test_operations() -> None:
    whole, separable = operation(4, 6, "convolution"), operation(4, 6, "separable")
    assert sum(p.numel() for p in whole.parameters()) == 9 * 4 * 6 + 6 + 2 * 6
    assert sum(p.numel() for p in separable.parameters()) == 9 * 4 + 4 * 6 + 2 * 6


def test_stages_are_thirds() -> None:
    """As the authors cut: a node is in the next stage from a third of the nodes on."""
    for nodes in range(3, 11):
        by_hand = [sum(3 * at >= nodes * stage for stage in (1, 2)) for at in range(nodes)]
        assert stages_of(nodes) == by_hand
    assert [stages_of(4), stages_of(5)] == [[0, 0, 1, 2], [0, 0, 1, 1, 2]]


@pytest.mark.parametrize("space", ["nago", "nago-small"])
def test_official_networks_have_the_weights_that_they_may(space: str) -> None:
    found = networks_of(spaces.get(space))
    for architecture in found.space.sample(3, np.random.default_rng(0)):
        with torch.device("meta"):
            network = found.build(
                architecture, found.signatures["cifar10"], found.scale("official")
            )
        convolutions = [
            module.weight.numel()
            for name, module in network.graph.named_modules()
            if isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3)
        ]
        assert len(convolutions) == drawn(architecture).operations
        width = network.stem[0][0].out_channels
        assert sum(convolutions) <= 4_000_000 < sum(convolutions) * (width + 1) ** 2 / width**2


def test_all_samples_are_networks() -> None:
    assert {"nago", "nago-small"} <= {*networks}
    found = networks_of(SMALL)
    images = torch.randn(2, 1, 14, 14)
    for architecture in SMALL.sample(4, np.random.default_rng(2)):
        network = found.build(architecture, found.signatures["cifar10"], found.scale("mini"))
        with pytest.raises(RuntimeError):
            network(images)  # of one channel, where three are told
        gray = found.build(
            architecture, type(found.signatures["cifar10"])((1, 14, 14), 10), found.scale("mini")
        )
        gray(images).sum().backward()
        assert all(p.grad is not None for p in gray.parameters()), "nothing is without use"


def test_where_all_are_joined_nothing_is_rewired() -> None:
    one, two = (
        SPACE.parse(f"3,2,{top}/4,0.5/5,4,{bottom}/0") for top, bottom in ((0.2, 0.7), (1, 1))
    )
    assert drawn(one) == drawn(two) == drawn(SPACE.canonical(one))
    assert SPACE.canonical(one) == SPACE.canonical(two)
    fewer = [SPACE.parse(f"4,2,{top}/4,0.5/5,2,0.3/0") for top in (0.2, 0.9)]
    assert SPACE.canonical(fewer[0]) != SPACE.canonical(fewer[1])
