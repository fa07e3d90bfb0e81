from __future__ import annotations

import json
import logging
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import rankdata
from torch import nn

from archcast.core.errors import InputError
from archcast.networks.nasbench201_network import Network, Skeleton
from archcast.spaces import registry as spaces
from archcast.tasks.images import load_images
from archcast.zero_cost import Batch, score
from archcast.zero_cost import registry as proxies
from archcast.zero_cost.combination import AZ_NAS, SWAP_REG, TE_NAS, ranks
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import Proxy
from archcast.zero_cost.saliency import snip
from archcast.zero_cost.scoring import build

SPACE = spaces.get("nasbench201")
CELLS = SPACE.sample(3, np.random.default_rng(0))
TINY = Skeleton(channels=2, cells=1, stem_stride=2, reduction="pool", in_channels=1, classes=3)
BATCH = Batch(
    torch.randn(6, 1, 14, 14, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 3
)
NAMES = ["snip", "nwot", "params"]


def run(cells: Any = CELLS, names: Any = NAMES, batch: Batch = BATCH, **options: Any) -> Any:
    return score(cells, names, batch, **{"skeleton": TINY, "device": "cpu", **options})


def equal(a: Any, b: Any) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def test_scores_are_those_of_single_calls() -> None:
    state = torch.get_rng_state()
    scores = run()
    assert torch.equal(torch.get_rng_state(), state)
    for row, cell in enumerate(CELLS):
        for name in NAMES:
            proxy = proxies.get(name)
            assert isinstance(proxy, Proxy)
            assert scores.values[name][row] == proxy(build(cell, TINY, 0), BATCH)
            assert scores.seconds[name][row] > 0
    assert equal(
        run(CELLS[::-1], NAMES[::-1]).values, {n: scores.values[n][::-1] for n in NAMES[::-1]}
    )
    assert not np.array_equal(run(seed=1).values["snip"], scores.values["snip"])


def test_worker_processes_give_the_same() -> None:
    assert equal(run(workers=2).values, run().values)


def test_modules_are_networks_too(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(196, 3))
    scores = run([network], ["snip"], cache=tmp_path)
    assert scores.values["snip"] == [snip(network, BATCH)]
    assert not list(tmp_path.iterdir())


def test_unknown_proxies_and_undefined_scores() -> None:
    with pytest.raises(InputError, match="unknown proxy 'snap': did you mean"):
        run(names=["snap"])
    with pytest.raises(InputError, match=r"\|.*: proxy snip: needs labels"):
        run(batch=Batch(BATCH.images))


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(Passes, "measure", fail)


def test_cached_scores_keep_their_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(names=["snip"], cache=tmp_path)
    run(names=["nwot", "params"], cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == len(CELLS)
    forbid(monkeypatch)
    again = run(cache=tmp_path)
    assert np.array_equal(again.values["snip"], first.values["snip"])
    assert np.array_equal(again.seconds["snip"], first.seconds["snip"])


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"batch": Batch(BATCH.images + 1.0, BATCH.labels)},
        {"batch": Batch(BATCH.images, BATCH.labels.flip(0))},  # type: ignore[union-attr]
        {"skeleton": Skeleton(2, 2, 2, "pool", 1, 3)},
        {"cells": SPACE.sample(4, np.random.default_rng(1))},
        {"names": ["plain"]},
    ],
)
def test_the_cache_is_for_the_same_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    run(cache=tmp_path)
    forbid(monkeypatch)
    run(cache=tmp_path)
    with pytest.raises(AssertionError, match="computed again"):
        run(cache=tmp_path, **change)


def test_a_new_version_of_a_proxy_is_computed_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(names=["snip"], cache=tmp_path)
    monkeypatch.setattr(snip, "version", snip.version + 1)
    monkeypatch.setattr(snip, "_compute", lambda passes: 7.0)
    assert run(names=["snip"], cache=tmp_path).values["snip"].tolist() == [7.0] * len(CELLS)
    assert first.values["snip"].tolist() != [7.0] * len(CELLS)


@pytest.mark.parametrize("damage", ["cut", "pickle", "foreign", "infinite", "extra"])
def test_damaged_cache_files(tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str) -> None:
    expected = run(CELLS[:1], cache=tmp_path)
    (path,) = tmp_path.iterdir()
    held = json.loads(path.read_text())
    if damage == "foreign":
        held["key"]["architecture"] = str(CELLS[1])
    elif damage == "infinite":
        held["scores"]["snip"]["score"] = float("inf")
    elif damage == "extra":
        held["scores"]["snip"]["more"] = 1
    path.write_text(json.dumps(held))
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:50])
    elif damage == "pickle":
        path.write_bytes(pickle.dumps(held))
    with caplog.at_level(logging.WARNING, logger="archcast"):
        again = run(CELLS[:1], cache=tmp_path)
    assert "ignoring" in caplog.text
    assert equal(again.values, expected.values)
    caplog.clear()
    run(CELLS[:1], cache=tmp_path)
    assert not caplog.text, "the file was mended"


def test_a_cache_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="choose another folder"):
        run(cache=tmp_path / "file")


def test_ranks() -> None:
    values = np.random.default_rng(0).integers(0, 5, (20, 3)).astype(float)
    assert np.array_equal(ranks(values, values), rankdata(values, axis=0))
    assert ranks(np.array([[0.0], [2.5], [9.0]]), np.array([[1.0], [2.0], [3.0]])).T.tolist() == [
        [0.5, 2.5, 3.5]
    ]


def test_combinations_by_hand() -> None:
    parts = np.random.default_rng(0).normal(size=(7, 4))
    log_ranks = np.log(rankdata(parts, axis=0) / 7)
    assert AZ_NAS(parts) == pytest.approx(log_ranks.sum(axis=1))
    assert np.array_equal(TE_NAS(parts[:, :2]), rankdata(parts[:, :2], axis=0).sum(axis=1))
    sizes = np.array([[10.0, 1.0], [10.0, 3.0], [10.0, 5.0]])
    expected = 10.0 * np.exp([-1.0, -0.25, 0.0])
    assert SWAP_REG(sizes) == pytest.approx(expected)
    assert SWAP_REG(sizes[:1]) == [10.0]


def test_a_reference_makes_values_independent_of_each_other() -> None:
    reference, parts = np.random.default_rng(0).normal(size=(2, 9, 4))
    whole = AZ_NAS(parts, reference)
    assert np.array_equal(
        np.concatenate([AZ_NAS(parts[i : i + 1], reference) for i in range(9)]), whole
    )
    assert not np.array_equal(whole, AZ_NAS(parts))


def test_combined_scores() -> None:
    scores = run(names=["az-nas"])
    assert list(scores.values) == [*AZ_NAS.parts, "az-nas"]
    parts = np.column_stack([scores.values[name] for name in AZ_NAS.parts])
    assert np.array_equal(scores.values["az-nas"], AZ_NAS(parts))
    assert (scores.seconds["az-nas"] > scores.seconds["az-trainability"]).all()


def test_networks_are_built_from_text_and_seed() -> None:
    def weights(*args: Any) -> torch.Tensor:
        return nn.utils.parameters_to_vector(build(*args).parameters())

    first = weights(CELLS[0], TINY, 0)
    assert isinstance(build(CELLS[0], TINY, 0), Network)
    assert torch.equal(first, weights(CELLS[0], TINY, 0))
    assert not torch.equal(first[:18], weights(CELLS[0], TINY, 1)[:18])
    assert not torch.equal(first[:18], weights(CELLS[1], TINY, 0)[:18])


def test_proxies_go_to_other_processes() -> None:
    assert pickle.loads(pickle.dumps(snip)) is snip


def test_minibatches() -> None:
    images = load_images("fashion-mnist-14")
    batch = Batch.draw(images, 64, seed=0)
    assert batch.images.shape == (64, 1, 14, 14)
    assert batch.labels is not None
    assert batch.images.std().item() == pytest.approx(1.0, abs=0.1)
    raw = images.train.images.reshape(-1, 196)
    assert len(np.unique(raw[images.train.labels == int(batch.labels[0])], axis=0)) > 0
    assert batch.hash == Batch.draw(images, 64, seed=0).hash != Batch.draw(images, 64, seed=1).hash
    with pytest.raises(InputError, match="a minibatch of 9999 out of 2048"):
        Batch.draw(images, 9_999)
    noise = Batch.gaussian((8, 3, 32, 32))
    assert noise.labels is None
    assert noise.images.std().item() == pytest.approx(1.0, abs=0.02)
    with pytest.raises(InputError, match="give one an image"):
        Batch(noise.images, torch.zeros(3))
