"""Spaces of layers and of widths: text, canonical forms and published counts."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from archcast.core.errors import InputError
from archcast.networks.blueprint import networks_of
from archcast.networks.flops import count_flops
from archcast.networks.layerwise_modules import InvertedResidual
from archcast.spaces import registry as spaces
from archcast.spaces.layerwise import LayerwiseSpace
from archcast.tasks.task import Signature

COUNTS = Path(__file__).parents[2] / "shared/data/counts"
LAYERWISE = [name for name in spaces if isinstance(spaces.get(name), LayerwiseSpace)]
PROXYLESS = (
    '{"stage0_cell0":4,"stage0_cell1":0,"stage0_cell2":6,"stage0_cell3":3,"stage1_cell0":3,'
    '"stage1_cell1":6,"stage1_cell2":4,"stage1_cell3":2,"stage2_cell0":4,"stage2_cell1":6,'
    '"stage2_cell2":1,"stage2_cell3":4,"stage3_cell0":5,"stage3_cell1":6,"stage3_cell2":5,'
    '"stage3_cell3":6,"stage4_cell0":1,"stage4_cell1":5,"stage4_cell2":5,"stage4_cell3":0,'
    '"stage5_cell0":3}'
)


def official(space: str, text: str) -> nn.Module:
    networks = networks_of(spaces.get(space))
    signature = next(iter(networks.signatures.values()))
    with torch.device("meta"):
        return networks.build(networks.space.parse(text), signature, networks.scale("official"))


@pytest.mark.parametrize(
    ("space", "text", "parameters"),
    [
        ("size", "8:8:8:16:40", 67_378),
        ("size", "64:64:64:64:64", 713_674),
        ("nasbench-macro", "00000000", 387_882),
        ("nasbench-macro", "11111111", 1_588_874),
        ("nasbench-macro", "22222222", 2_932_586),
        ("proxylessnas", "4063 3642 4614 5656 1550 3", 6_861_912),
    ],
)
def test_published_parameter_counts(space: str, text: str, parameters: int) -> None:
    assert sum(p.numel() for p in official(space, text).parameters()) == parameters


@pytest.mark.skipif(not COUNTS.exists(), reason="needs published counts")
@pytest.mark.parametrize("space", ["nasbench-macro", "proxylessnas"])
def test_more_published_counts(space: str) -> None:
    rows = list(csv.DictReader((COUNTS / f"{space.replace('-', '_')}.csv").open()))[::4]
    for row in rows:
        network = official(space, row["architecture"])
        assert sum(p.numel() for p in network.parameters()) == int(row["params"])
    signature = next(iter(networks_of(spaces.get(space)).signatures.values()))
    network.to_empty(device="cpu")
    found = count_flops(network, torch.zeros(1, *signature.shape))
    assert found == pytest.approx(int(row["flops"]), rel=1e-6)


@pytest.mark.parametrize("space", LAYERWISE)
def test_skipped_layers_can_stand_anywhere_in_their_stage(space: str) -> None:
    """Networks of one canonical form compute the same, given the same weights."""
    here = spaces.get(space)
    networks = networks_of(here)
    for architecture in here.sample(20, np.random.default_rng(0)):
        form = here.canonical(architecture)
        one, other = (
            networks.build(each, Signature((1, 14, 14), 3), networks.scale("mini")).eval()
            for each in (architecture, form)
        )
        assert [p.shape for p in one.parameters()] == [p.shape for p in other.parameters()]
        weights = dict(zip(other.state_dict(), one.state_dict().values(), strict=True))
        other.load_state_dict(weights)
        images = torch.randn(2, 1, 14, 14)
        torch.testing.assert_close(one(images), other(images))


def test_nasbench_macro_has_3969_classes() -> None:
    macro = spaces.get("nasbench-macro")
    assert len({macro.canonical(each) for each in macro.enumerate()}) == 3_969
    assert str(macro.canonical(macro.parse("00010102"))) == "00010120"


def test_json_by_layer_is_read() -> None:
    proxyless = spaces.get("proxylessnas")
    found = proxyless.parse(PROXYLESS)
    assert str(found) == "406336424614565615503"
    assert found == proxyless.parse("4063 3642 4614 5656 1550 3")
    assert list(json.loads(PROXYLESS)) == [decision.name for decision in proxyless.decisions]


@pytest.mark.parametrize(
    ("space", "text", "why"),
    [
        ("mobilenet", "60", "it has 2 digits for 6 layers"),
        ("mobilenet", "600000", "stage0_cell0 is none of 0, 1, 2, 3, 4, 5"),
        ("mobilenet", '{"stage0_cell0": 1}', "keys stage0_cell0 to stage2_cell1"),
        ("nasbench-macro", "00000003", "stage2_cell2 is none of 0, 1, 2"),
        ("size", "8:8:8:16", "is not an architecture"),
        ("size", "8:8:8:16:41", "cell 3 is '41', none of 8, 16"),
    ],
)
def test_what_is_no_architecture_is_told(space: str, text: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        spaces.get(space).parse(text)


def test_an_inverted_residual_by_hand() -> None:
    block = InvertedResidual(4, 4, 3, 3, 1, nn.ReLU).eval()
    x = torch.randn(2, 4, 5, 5)
    assert sum(p.numel() for p in block.parameters()) == 2 * 4 * 12 + 9 * 12 + 4 * 12 + 2 * 4
    torch.testing.assert_close(block(x), block.parts(x) + x)
    torch.testing.assert_close(
        InvertedResidual(4, 4, 3, 1, 2, nn.ReLU)(x).shape, torch.Size([2, 4, 3, 3])
    )
    changes = InvertedResidual(4, 6, 5, 3, 1, nn.ReLU).eval()
    torch.testing.assert_close(changes(x), changes.parts(x))


def test_a_cell_of_chosen_width_by_hand() -> None:
    networks = networks_of(spaces.get("size"))
    network = networks.build(
        networks.space.parse("8:8:16:16:16"), Signature((3, 8, 8), 3), networks.scale("official")
    )
    same, wider = network.layers[0].eval(), network.layers[2].eval()
    x = torch.randn(2, 8, 4, 4)
    one = same.first(x)
    two = same.second[0](x) + same.second[1](one)
    torch.testing.assert_close(same(x), x + same.third[0](one) + same.third[1](two))
    assert wider(x).shape[1] == 16
    assert [type(part) for part in wider.skip] == [nn.Conv2d, nn.BatchNorm2d]
