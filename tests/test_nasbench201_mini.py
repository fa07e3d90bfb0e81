"""The embedded benchmark is whole, and is what the trainer makes."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest
import torch

from archcast.benchmarks.opening import open_table
from archcast.benchmarks.table import CURVES
from archcast.cli.options import DEFAULT_BENCHMARK
from archcast.evaluation.metrics import kendall_tau
from archcast.making.trainer import train
from archcast.networks.flops import count_flops
from archcast.networks.nasbench201_modules import Network
from archcast.networks.nasbench201_network import MINI
from archcast.spaces import registry as spaces
from archcast.tasks.images import load_images
from archcast.tasks.task import Signature

SPACE = spaces.get("nasbench201")
TABLE = open_table("nasbench201-mini")
SIGNATURE = Signature((1, 14, 14), 10)


def test_it_is_the_default() -> None:
    assert DEFAULT_BENCHMARK == "nasbench201-mini"
    assert TABLE.dataset == "fashion-mnist-14"


def test_every_cell_is_there() -> None:
    assert len(TABLE) == 6_466
    assert {TABLE.index(cell) for cell in SPACE.enumerate()} == set(range(6_466))


def test_every_run_is_whole() -> None:
    for name in CURVES:
        curves = TABLE.columns[name]
        whole = np.isfinite(curves).all(axis=1)
        assert curves.shape == (len(whole), 12)
        assert np.isfinite(curves[:, 0]).all()
        chance = TABLE.columns["test_accuracy"] == 10.0
        assert (whole | chance).all(), "a cut run that is not recorded as diverged"
    for name in ("epoch_seconds", "parameters", "flops", "latency_cpu"):
        assert (TABLE.columns[name] > 0).all()


def test_two_seeds_agree() -> None:
    first = TABLE.starts[:-1][np.diff(TABLE.starts) > 1]
    assert len(first) >= 1_000
    test = TABLE.columns["test_accuracy"]
    assert kendall_tau(test[first], test[first + 1]) > 0.7  # as the datasheet says


def test_it_is_small() -> None:
    folder = files("archcast.benchmarks") / "shipped"
    sizes = [len((folder / path.name).read_bytes()) for path in folder.iterdir()]
    assert sum(sizes) < 10e6


@pytest.mark.parametrize("row", [0, 3_000])
def test_facts_are_those_of_the_network(row: int) -> None:
    network = Network(TABLE.architectures[row], SIGNATURE, MINI)
    at = TABLE.starts[row]
    assert TABLE.columns["parameters"][at] == sum(p.numel() for p in network.parameters())
    assert TABLE.columns["flops"][at] == count_flops(network, torch.zeros(1, 1, 14, 14))


def test_training_a_cell_again_gives_its_row() -> None:
    """To the last digit on the machine that made it; elsewhere arithmetic differs a little."""
    text = "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"
    row = TABLE.starts[TABLE.index(SPACE.parse(text))]
    cell = TABLE.architectures[TABLE.index(SPACE.parse(text))]
    data = load_images("fashion-mnist-14").data("cpu")
    seed = int(TABLE.columns["seed"][row])
    run = train(lambda: Network(cell, SIGNATURE, MINI), str(cell), seed, data)
    assert run.train_loss[0] == pytest.approx(TABLE.columns["train_loss"][row, 0], rel=0.05)
    assert run.test_score == pytest.approx(TABLE.columns["test_accuracy"][row], abs=3.0)
