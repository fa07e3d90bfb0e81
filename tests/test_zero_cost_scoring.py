from __future__ import annotations

import json
import logging
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import rankdata
from torch import nn

from archcast.core.errors import InputError
from archcast.networks.blueprint import Blueprint, Untrained
from archcast.networks.nasbench201_modules import Network
from archcast.networks.nasbench201_network import NETWORKS, NASBench201Networks
from archcast.networks.scales import Skeleton
from archcast.spaces import registry as spaces
from archcast.tasks.images import load_images
from archcast.tasks.task import Signature
from archcast.zero_cost import Batch, Scorer, score
from archcast.zero_cost import registry as proxies
from archcast.zero_cost.combination import AZ_NAS, SWAP_REG, TE_NAS, ranks
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.proxy import Proxy
from archcast.zero_cost.saliency import snip
from archcast.zero_cost.score_store import Score, ScoreFile, score_file

SPACE = spaces.get("nasbench201")
CELLS = SPACE.sample(3, np.random.default_rng(0))
TINY = Skeleton(channels=2, cells=1, stem_stride=2, reduction="pool")
BLUEPRINT = Blueprint(NETWORKS, TINY, Signature((1, 14, 14), 3))
BATCH = Batch(
    torch.randn(6, 1, 14, 14, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 3
)
NAMES = ["snip", "nwot", "params"]


def run(cells: Any = CELLS, names: Any = NAMES, batch: Batch = BATCH, **options: Any) -> Any:
    return score(cells, names, batch, **{"scale": TINY, "classes": 3, "device": "cpu", **options})


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
            assert scores.values[name][row] == proxy(Untrained(BLUEPRINT)(cell), BATCH)
            assert scores.seconds[name][row] > 0
    assert equal(
        run(CELLS[::-1], NAMES[::-1]).values, {n: scores.values[n][::-1] for n in NAMES[::-1]}
    )
    assert not np.array_equal(run(seed=1).values["snip"], scores.values["snip"])


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


@pytest.fixture
def forget() -> Iterator[Callable[[], None]]:
    """What a process read is forgotten, as if another one had begun."""
    score_file.cache_clear()
    yield score_file.cache_clear
    score_file.cache_clear()


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(Passes, "measure", fail)


def test_kept_scores_keep_their_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget: Callable[[], None]
) -> None:
    first = run(names=["snip"], cache=tmp_path)
    run(names=["nwot", "params"], cache=tmp_path)
    assert len(list(tmp_path.glob("*.jsonl"))) == len(NAMES)
    forbid(monkeypatch)
    for _ in range(2):
        again = run(cache=tmp_path)
        assert np.array_equal(again.values["snip"], first.values["snip"])
        assert np.array_equal(again.seconds["snip"], first.seconds["snip"])
        forget()


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"batch": Batch(BATCH.images + 1.0, BATCH.labels)},
        {"batch": Batch(BATCH.images, BATCH.labels.flip(0))},  # type: ignore[union-attr]
        {"scale": Skeleton(2, 2, 2, "pool")},
        {"classes": 4},
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


def test_seeds_of_weights_and_of_noise_are_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scorer(weights: int, noise: int) -> Scorer:
        build = Untrained(BLUEPRINT, weights)
        return Scorer({"snip": snip}, build, BATCH, noise, folder=tmp_path)

    scorer(0, 0)(CELLS[0])
    forbid(monkeypatch)
    for seeds in ((1, 0), (0, 1)):
        with pytest.raises(AssertionError, match="computed again"):
            scorer(*seeds)(CELLS[0])


def test_what_has_no_name_is_not_kept(tmp_path: Path) -> None:
    scorer = Scorer({"snip": snip}, lambda cell: Untrained(BLUEPRINT)(cell), BATCH, folder=tmp_path)
    assert scorer(CELLS[0])["snip"].value == run().values["snip"][0]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", [snip, NASBench201Networks])
def test_another_version_is_computed_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    first = run(names=["snip"], cache=tmp_path)
    monkeypatch.setattr(kind, "version", kind.version + 1)
    monkeypatch.setattr(snip, "_compute", lambda passes: 7.0)
    assert run(names=["snip"], cache=tmp_path).values["snip"].tolist() == [7.0] * len(CELLS)
    assert first.values["snip"].tolist() != [7.0] * len(CELLS)


def test_undefined_scores_are_kept_with_their_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget: Callable[[], None]
) -> None:
    unlabelled = Batch(BATCH.images)
    for _ in range(2):
        with pytest.raises(InputError, match=r"^\|.*: proxy snip: needs labels"):
            run(names=["snip"], batch=unlabelled, cache=tmp_path)
        forget()
        forbid(monkeypatch)


def test_seconds_of_an_attempt_are_its_own() -> None:
    """What another proxy's failure took is not charged; what it shares is."""
    passes = Passes(lambda: Untrained(BLUEPRINT)(CELLS[0]), BATCH)
    clock = iter(range(100))
    passes._clock = lambda: next(clock)

    def shared(passes: Passes) -> int:  # takes one second
        return 0

    def failing(passes: Passes) -> int:
        passes.once(shared)
        next(clock)
        raise InputError("no")

    def attempt() -> str:
        try:
            passes.once(failing)
        except InputError:
            return "undefined"
        raise AssertionError

    begun = next(clock)
    value, seconds = passes.measure(attempt)
    assert value == "undefined"
    assert seconds == next(clock) - begun - 2  # all that passed between the two looks
    assert passes.measure(lambda: passes.once(shared))[1] == 1 + 1  # its own, and to ask for it


@pytest.mark.parametrize("damage", ["torn", "half a header", "pickle", "infinite", "extra", "text"])
def test_damaged_files(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    damage: str,
    forget: Callable[[], None],
) -> None:
    expected = run(names=["snip"], cache=tmp_path)
    (path,) = tmp_path.glob("*.jsonl")
    whole = path.read_bytes()
    *lines, last = whole.splitlines(keepends=True)
    held = json.loads(last)
    path.write_bytes(
        {
            "torn": whole[:-20],
            "half a header": lines[0][:30],
            "pickle": b"".join([*lines, pickle.dumps(held), b"\n"]),
            "infinite": b"".join([*lines, json.dumps({**held, "value": float("inf")}).encode()])
            + b"\n",
            "extra": b"".join([*lines, json.dumps({**held, "more": 1}).encode(), b"\n"]),
            "text": b"".join([*lines, b'"text"\n']),
        }[damage]
    )
    forget()
    with caplog.at_level(logging.WARNING, logger="archcast"):
        again = run(names=["snip"], cache=tmp_path)
    assert equal(again.values, expected.values)
    assert ("ignoring" in caplog.text) == (damage not in ("torn", "half a header"))
    if damage in ("torn", "half a header"):
        assert path.read_bytes().splitlines()[0] == whole.splitlines()[0]
        assert len(path.read_bytes().splitlines()) == len(whole.splitlines())
        assert all(json.loads(line) for line in path.read_bytes().splitlines())


def test_of_two_scores_the_first_counts(tmp_path: Path) -> None:
    """Two processes that scored a network at once: the price stays what it was."""
    first, second = ScoreFile(tmp_path / "a.jsonl", "{}"), ScoreFile(tmp_path / "a.jsonl", "{}")
    first.add("cell", Score(1.0, 2.0))
    second.add("cell", Score(1.0, 3.0))
    assert ScoreFile(tmp_path / "a.jsonl", "{}").scores == {"cell": Score(1.0, 2.0)}


def test_scores_of_other_processes_are_seen_as_they_come(tmp_path: Path) -> None:
    writer, reader = ScoreFile(tmp_path / "a.jsonl", "{}"), ScoreFile(tmp_path / "a.jsonl", "{}")
    for number in range(3):
        writer.add(f"cell {number}", Score(float(number), 2.0))
        with (tmp_path / "a.jsonl").open("ab") as file:
            whole = file.tell()
            file.write(b'{"architecture": "cut')
        reader.catch_up()
        assert list(reader.scores) == [f"cell {each}" for each in range(number + 1)]
        os.truncate(tmp_path / "a.jsonl", whole)


WRITER = """
import sys
from pathlib import Path
from archcast.zero_cost.score_store import Score, score_file

file = score_file(Path(sys.argv[1]), '{"all": "of it"}')
for number in range(60):
    file.add(f"{sys.argv[2]} {number} " + "x" * 10_000, Score(float(number), 0.5))
"""


def test_parallel_writers_lose_nothing(tmp_path: Path, forget: Callable[[], None]) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name]) for name in "abc"
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    found = score_file(tmp_path, '{"all": "of it"}').scores
    assert {text.rstrip("x ") for text in found} == {f"{n} {i}" for n in "abc" for i in range(60)}
    (path,) = tmp_path.glob("*.jsonl")
    assert json.loads(path.read_text().splitlines()[0]) == {"all": "of it"}


def test_a_cache_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="choose another folder"):
        run(cache=tmp_path / "file")


def test_architectures_without_networks() -> None:
    graph = spaces.get("nasbench-graph").sample(1, np.random.default_rng(0))
    with pytest.raises(InputError, match="space nasbench-graph has no networks"):
        run(graph)
    with pytest.raises(InputError, match="of nasbench201 and nasbench-graph; score those of each"):
        run([CELLS[0], *graph])
    with pytest.raises(InputError, match="no scale 'minni': did you mean mini"):
        run(scale="minni")


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
    def weights(row: int, seed: int) -> torch.Tensor:
        network = Untrained(BLUEPRINT, seed)(CELLS[row])
        assert isinstance(network, Network)
        return nn.utils.parameters_to_vector(network.parameters())

    first = weights(0, 0)
    assert torch.equal(first, weights(0, 0))
    assert not torch.equal(first[:18], weights(0, 1)[:18])
    assert not torch.equal(first[:18], weights(1, 0)[:18])


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


def fragile_network() -> Any:
    """Its forward fails, as it does when memory runs out; its class goes along to processes."""

    class Fragile(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.failing = nn.Linear(196, 3), True

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            if self.failing:
                raise MemoryError("no more")
            return self.inner(images.flatten(1))  # type: ignore[no-any-return]

    return Fragile()


def test_one_that_fails_leaves_the_others(caplog: pytest.LogCaptureFixture) -> None:
    networks = [nn.Sequential(nn.Flatten(), nn.Linear(196, 3)), fragile_network(), *CELLS]
    here = None
    for workers in (1, 2):
        caplog.clear()
        scores = run(networks, ["snip", "nwot", "az-nas", "params"], workers=workers)
        here = here or scores.values
        for name, values in scores.values.items():
            np.testing.assert_array_equal(values, here[name], "other processes give the same")
        assert np.isnan(scores.values["snip"]).tolist() == [False, True, False, False, False]
        assert np.isfinite(scores.values["params"]).all()
        alone = run(CELLS, ["az-nas"]).values
        assert np.array_equal(scores.values["az-nas"][2:], alone["az-nas"]), "ranked without it"
        assert "network 2: proxy snip: module Fragile: MemoryError: no more" in caplog.text
    with pytest.raises(InputError, match="network 1: proxy snip: module Fragile"):
        run([fragile_network()], ["snip"])


def test_a_failure_is_not_kept(tmp_path: Path, forget: Callable[[], None]) -> None:
    fragile = fragile_network()

    def build(_: Any) -> nn.Module:
        return fragile

    scorer = Scorer({"snip": snip}, Untrained(BLUEPRINT), BATCH, folder=tmp_path)
    scorer.build = build
    assert scorer(CELLS[0])["snip"].failed
    fragile.failing = False
    forget()
    assert scorer(CELLS[0])["snip"].value is not None


def test_what_is_no_network() -> None:
    with pytest.raises(InputError, match="'abc' is neither an architecture nor a"):
        run(["abc"])


class Traveller(nn.Module):
    """It comes to harm on its way to another process."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.inner, self.where, self.home = nn.Linear(196, 3), where, os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        if self.where == "leaving":
            raise RuntimeError("stays")
        return vars(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        if state["where"] == "arriving" and os.getpid() != state["home"]:
            raise RuntimeError("lost")
        vars(self).update(state)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if self.where == "there" and os.getpid() != self.home:
            os._exit(3)
        return self.inner(images.flatten(1))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("leaving", r"can't go to another process \(RuntimeError: stays\)"),
        ("arriving", r"can't go to another process \(RuntimeError: lost\)"),
        ("there", "killed the process that it ran in, twice"),
    ],
)
def test_one_that_can_not_go_to_another_process_leaves_the_others(
    where: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    networks = [CELLS[0], Traveller(where), CELLS[1]]
    scores = run(networks, ["snip"], workers=2).values["snip"]
    assert np.array_equal(scores[[0, 2]], run(CELLS[:2], ["snip"]).values["snip"])
    assert np.isnan(scores[1])
    assert re.search(f"1 of 3 networks have no score; network 2: {reason}", caplog.text)
    with pytest.raises(InputError, match=f"network 1: {reason}"):
        run([Traveller(where)], ["snip"], workers=2)
