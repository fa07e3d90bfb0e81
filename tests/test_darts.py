"""DARTS: text of several origins, what is the same cell, and published counts."""

from __future__ import annotations

import csv
import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from archcast.core.errors import InputError
from archcast.networks.blueprint import networks_of
from archcast.networks.darts_modules import Around, HalvedImage, JoinedNodes
from archcast.networks.flops import count_flops
from archcast.spaces import registry as spaces
from archcast.spaces.darts import NODES, OPERATIONS, SPACE, cells_of
from archcast.spaces.space import Architecture
from archcast.tasks.task import Signature

COUNTS = Path(__file__).parents[2] / "shared/data/counts/darts.csv"
CIFAR, GREY = Signature((3, 32, 32), 10), Signature((1, 14, 14), 3)
JOINED = "normal_concat=[2, 3, 4, 5]", "reduce_concat=range(2, 6)"
V1 = (
    "Genotype(normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 0), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), "
    "('skip_connect', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), "
    "('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 0), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('avg_pool_3x3', 0)], reduce_concat=[2, 3, 4, 5])"
)
V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), "
    "('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), "
    "('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), "
    "('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=range(2, 6))"
)


def official(architecture: Architecture, device: str = "meta") -> nn.Module:
    networks = networks_of(SPACE)
    with torch.device(device):
        return networks.build(architecture, CIFAR, networks.scale("official"))


def weights(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


# Text


def test_how_many_there_are() -> None:
    assert SPACE.size == (180 * 7**8) ** 2


def test_the_order_of_a_nodes_edges_does_not_matter() -> None:
    swapped = V2.replace(
        "('sep_conv_3x3', 1), ('skip_connect', 0)", "('skip_connect', 0), ('sep_conv_3x3', 1)"
    )
    assert swapped != V2
    assert SPACE.parse(swapped) == SPACE.parse(V2) == SPACE.parse(str(SPACE.parse(V2)))


def test_json_of_both_kinds_is_read() -> None:
    for architecture in SPACE.sample(20, np.random.default_rng(0)):
        by_edge, flat = {}, {}
        for name, cell in zip(("normal", "reduce"), cells_of(architecture), strict=True):
            start = 0
            for node, edges in zip(NODES, cell, strict=True):
                for at, (source, operation) in enumerate(reversed(edges)):
                    by_edge[f"{name}/{node}/{at}/input"] = source
                    by_edge[f"{name}/{node}/{at}/op"] = OPERATIONS[operation]
                    flat[f"edge_{name}_{start + source}"] = OPERATIONS[operation]
                if node > 2:
                    flat[f"inputs_node_{name}_{node}"] = f"{edges[0].source}_{edges[1].source}"
                start += node
        assert SPACE.parse(json.dumps(by_edge)) == architecture
        assert SPACE.parse(json.dumps(flat)) == architecture
        prefixed = {f"NetworkSelectorDatasetInfo:darts:{key}": v for key, v in flat.items()}
        assert SPACE.parse(json.dumps(prefixed)) == architecture


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Genotype(normal=[])", "it is no Genotype"),
        (f"{V2}\n{V2}", "it is no Genotype"),
        (V2[:-1] + ", garbage=3)", "it is no Genotype"),
        (V2.replace("dil_conv_3x3", "none"), "operation 'none' is none of max_pool_3x3"),
        (V2.replace("('sep_conv_3x3', 1), ('skip", "('sep_conv_3x3', 0), ('skip"), "reads 0 and 0"),
        (V2.replace("('dil_conv_3x3', 2)", "('dil_conv_3x3', 5)"), "reads 0 and 5, not two"),
        (V2.replace(", ('dil_conv_3x3', 2)", ""), "a cell has 8 edges, not 7"),
        ("{}", "says nothing of 'edge_normal_0'"),
        ('{"normal/2/0/op": "sep_conv_3x3"}', "says nothing of 'normal/2/0/input'"),
        (
            '{"edge_normal_0": "sep_conv_3x3", "edge_normal_1": "sep_conv_3x3",'
            ' "inputs_node_normal_3": "zero"}',
            "inputs_node_normal_3 is 'zero', not like 0_1",
        ),
    ],
)
def test_what_is_no_genotype_is_told(text: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        SPACE.parse(text)


def test_cells_with_their_nodes_in_another_order_are_one() -> None:
    """All orders of the nodes of random cells that keep edges forward."""
    rng, seen = np.random.default_rng(0), 0
    for architecture in SPACE.sample(30, rng):
        normal, reduction = cells_of(architecture)
        for order in permutations(range(4)):
            place = {2 + node: 2 + at for at, node in enumerate(order)}
            parts = []
            for node in order:
                edges = [(place.get(source, source), each) for source, each in normal[node]]
                if any(source >= 2 + place[2 + node] - 2 for source, _ in edges):
                    break
                parts += [f"('{OPERATIONS[each]}', {source})" for source, each in edges]
            else:
                rest = ", ".join(
                    f"('{OPERATIONS[each]}', {source})"
                    for node in reduction
                    for source, each in node
                )
                other = SPACE.parse(
                    f"Genotype(normal=[{', '.join(parts)}], {JOINED[0]}, reduce=[{rest}],"
                    f" {JOINED[1]})"
                )
                seen += other != architecture
                assert SPACE.canonical(other) == SPACE.canonical(architecture)
    assert seen > 10


def test_one_canonical_form_computes_one_function() -> None:
    """Cells of pools and skips, up to the order of the channels that the nodes give."""
    rng = np.random.default_rng(3)
    x, y = torch.randn(2, 4, 6, 6), torch.randn(2, 4, 6, 6)
    for architecture in SPACE.sample(10, rng):
        sums = []
        for each in (architecture, SPACE.canonical(architecture)):
            cell = [tuple(e._replace(operation=e.operation % 3) for e in node)
                    for node in cells_of(each)[0]]  # fmt: skip
            made = JoinedNodes(tuple(cell), Around(4, 4, 4, reduces=False, halved=False)).eval()  # type: ignore[arg-type]
            made.older, made.newer = nn.Identity(), nn.Identity()
            sums.append(made(x, y).reshape(2, 4, 4, 6, 6).sum(dim=1))
        torch.testing.assert_close(*sums)


# Networks


@pytest.mark.parametrize(("text", "parameters"), [(V1, 3_169_414), (V2, 3_349_342)])
def test_known_parameter_counts(text: str, parameters: int) -> None:
    assert weights(official(SPACE.parse(text))) == parameters


@pytest.mark.skipif(not COUNTS.exists(), reason="needs published counts")
def test_published_counts() -> None:
    """Those who published multiply-adds left one depthwise convolution of each operation out."""
    rows = list(csv.DictReader(COUNTS.open()))[::25]  # each takes a quarter of a second
    for row in rows:
        assert weights(official(SPACE.parse(row["architecture"]))) == int(row["params"])
    for row in rows[:5]:
        network = official(SPACE.parse(row["architecture"]))
        left_out = sum(depthwise(cell, number) for number, cell in enumerate(network.cells))
        with torch.device("meta"):
            found = count_flops(network, torch.zeros(1, 3, 32, 32))
        assert found - left_out == int(row["flops"])


def depthwise(cell: nn.Module, number: int) -> int:
    """Multiply-adds of one depthwise convolution of each of a cell's operations."""
    side = 32 >> (number >= 6) + (number >= 13)
    total = 0
    for node in cell.nodes:  # type: ignore[union-attr]
        for each in node:
            convolutions = [m for m in each.modules() if isinstance(m, nn.Conv2d) and m.groups > 1]
            total += convolutions[-1].weight.numel() * side**2 if convolutions else 0
    return total


def test_an_image_is_halved_by_all_its_pixels() -> None:
    halved = HalvedImage(2, 4).eval()
    for side in (6, 7):
        x = torch.rand(1, 2, side, side)
        out = halved(x)
        assert out.shape == (1, 4, 3 + side % 2, 3 + side % 2)
        first, second = (m.weight[:, :, 0, 0] for m in (halved.first, halved.second))
        expected = torch.einsum("oc,nchw->nohw", first, x[:, :, ::2, ::2])
        scale = (halved.norm.running_var + halved.norm.eps).rsqrt()
        torch.testing.assert_close(out[:, :2], expected * scale[:2, None, None])
        expected = torch.einsum("oc,nchw->nohw", second, x[:, :, 1::2, 1::2])
        torch.testing.assert_close(out[:, 2:, :3, :3], expected * scale[2:, None, None])


def test_a_reduction_cell_by_hand() -> None:
    """Nodes add; edges from the inputs halve the image, those between nodes do not."""
    genotype = SPACE.parse(V2)
    cell = JoinedNodes(cells_of(genotype)[1], Around(5, 6, 4, reduces=True, halved=False)).eval()
    older, newer = torch.randn(2, 5, 8, 8), torch.randn(2, 6, 8, 8)
    s0, s1 = cell.older(older), cell.newer(newer)

    def pool(x: torch.Tensor) -> torch.Tensor:
        return nn.functional.max_pool2d(x, 3, 2, 1)

    two = pool(s0) + pool(s1)
    three = pool(s1) + two
    four = pool(s0) + two
    five = pool(s1) + two
    torch.testing.assert_close(cell(older, newer), torch.cat([two, three, four, five], dim=1))


def test_every_network_runs_and_learns() -> None:
    networks = networks_of(SPACE)
    for architecture in SPACE.sample(5, np.random.default_rng(0)):
        network = networks.build(architecture, GREY, networks.scale("mini"))
        network(torch.randn(3, 1, 14, 14)).sum().backward()
        assert all(p.grad is not None for p in network.parameters())


def test_a_long_line_that_is_no_genotype_is_refused_at_once() -> None:
    for start, space in (
        ("Genotype(normal=[", SPACE),
        ("Genotype(recurrent=[", spaces.get("darts-rnn")),
    ):
        with pytest.raises(InputError, match="it is no Genotype"):
            space.parse(start + "('tanh', 0)  " * 40 + "x")


def test_a_genotype_may_have_a_name() -> None:
    assert SPACE.parse(f"DARTS_V2 = {V2}\n") == SPACE.parse(V2)
