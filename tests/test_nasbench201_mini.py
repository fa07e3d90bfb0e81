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
    for name in ("epoch_seconds", "parameters", "flops", "memory", "latency_cpu"):
        assert (TABLE.columns[name] > 0).all()


def test_three_seeds_agree() -> None:
    assert (np.diff(TABLE.starts) == 3).all()
    assert TABLE.columns["seed"].reshape(-1, 3).tolist() == [[0, 1, 2]] * len(TABLE)
    runs = TABLE.columns["test_accuracy"].reshape(-1, 3).T
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert kendall_tau(runs[one], runs[other]) > 0.7  # as the datasheet says


def test_facts_are_of_the_cell_and_robustness_of_the_new_runs() -> None:
    for name in ("parameters", "flops", "memory"):
        by_run = TABLE.columns[name].reshape(-1, 3)
        assert (by_run == by_run[:, :1]).all(), name
    for name in ("fgsm_accuracy", "pgd_accuracy"):
        by_run = TABLE.columns[name].reshape(-1, 3)
        assert np.isnan(by_run[:, 0]).all()
        assert np.isfinite(by_run[:, 1:]).all()
    seconds = np.median(TABLE.columns["epoch_seconds"].reshape(-1, 3), axis=0)
    assert (seconds / seconds[0]).min() > 0.95, "levelled to those of seed 0"
    assert (seconds / seconds[0]).max() < 1.05


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
