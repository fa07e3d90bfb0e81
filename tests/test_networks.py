from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from torch import nn

from archcast.benchmarks.table import Table, read_table
from archcast.core.errors import InputError
from archcast.making.journal import Journal
from archcast.making.recipe import Recipe
from archcast.making.robustness import ATTACK
from archcast.making.table_training import Setting, train_table
from archcast.making.trainer import evaluate, train
from archcast.networks.blueprint import Blueprint
from archcast.networks.flops import count_flops
from archcast.networks.nasbench201_modules import Network
from archcast.networks.nasbench201_network import MINI, NETWORKS, OFFICIAL
from archcast.networks.scales import Skeleton
from archcast.networks.table_networks import SCALE, blueprint_of, task_of, understood
from archcast.spaces import registry as spaces
from archcast.spaces.space import Architecture
from archcast.tasks.images import ImageData, Images, Part, load_images
from archcast.tasks.task import Signature
from archcast.zero_cost import Batch

SPACE = spaces.get("nasbench201")
NONE, SKIP, CONV1, CONV3, POOL = range(5)
TINY = Skeleton(channels=2, cells=1, stem_stride=2, reduction="pool")
GREY, CIFAR = Signature((1, 14, 14), 3), Signature((3, 32, 32), 10)


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_official_parameter_counts() -> None:
    """The closed form of the benchmark's own counts, for every number of convolutions."""
    counts = {(a.choices.count(CONV3), a.choices.count(CONV1)): a for a in SPACE.enumerate()}
    assert len(counts) == 28
    for (conv3, conv1), architecture in counts.items():
        expected = 73_306 + 243_040 * conv3 + 28_000 * conv1
        assert parameters(Network(architecture, CIFAR, OFFICIAL)) == expected


def test_cell_by_hand() -> None:
    """Nodes add what their edges make of earlier nodes: with pooling and skips, in closed form."""
    architecture = Architecture(SPACE, (SKIP, POOL, SKIP, SKIP, NONE, SKIP))
    cell = Network(architecture, GREY, TINY).stages[0]
    x = torch.randn(2, 2, 5, 5)
    pooled = nn.functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    torch.testing.assert_close(cell(x), x + (pooled + x))


def test_dead_cell_gives_zeros_and_trains() -> None:
    dead = Architecture(SPACE, (CONV3, NONE, NONE, NONE, NONE, POOL))
    network = Network(dead, GREY, TINY)
    assert not network.stages[0](torch.randn(2, 2, 5, 5)).any()
    network(torch.randn(4, 1, 14, 14)).sum().backward()


@pytest.mark.parametrize("skeleton", [OFFICIAL, MINI, TINY])
@pytest.mark.parametrize("signature", [GREY, CIFAR])
def test_shapes_in_any_skeleton(skeleton: Skeleton, signature: Signature) -> None:
    cell = SPACE.sample(1, np.random.default_rng(0))[0]
    network = Blueprint(NETWORKS, skeleton, signature).network(cell)
    logits = network(torch.randn(2, *signature.shape))
    assert logits.shape == (2, signature.classes)


def test_flops_by_hand() -> None:
    network = Network(Architecture(SPACE, (NONE, NONE, NONE, CONV1, NONE, NONE)), GREY, TINY)
    stem = 7 * 7 * 2 * 9
    cells = 7 * 7 * 2 * 2 + 4 * 4 * 4 * 4 + 2 * 2 * 8 * 8
    reductions = 4 * 4 * 2 * 4 + 2 * 2 * 4 * 8
    assert count_flops(network, torch.randn(1, 1, 14, 14)) == stem + cells + reductions + 8 * 3


def squares(n: int, seed: int) -> Part:
    """Images whose class is which third of them is bright."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    images = rng.integers(0, 120, (n, 12, 12, 1))
    for image, label in zip(images, labels, strict=True):
        image[4 * label : 4 * label + 4] += 100
    return Part(images.astype(np.uint8), labels)


IMAGES = Images("squares", squares(256, 0), squares(64, 1), squares(64, 2))
DATA = IMAGES.data("cpu")
CELL = Architecture(SPACE, (CONV3, NONE, NONE, SKIP, CONV1, NONE))


def run(seed: int = 0, name: str = "cell", **recipe: Any) -> Any:
    chosen = Recipe(**{"epochs": 4, "batch_size": 32, **recipe})
    return train(lambda: Network(CELL, GREY, TINY), name, seed, DATA, chosen)


def test_training_learns_and_is_seeded() -> None:
    before = torch.get_rng_state()
    first, again, other = run(), run(), run(seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert first.test_score > 80.0
    assert len(first.valid_score) == len(first.train_loss) == 4
    assert first.train_loss[-1] < first.train_loss[0]
    assert (first.train_loss, first.test_score) == (again.train_loss, again.test_score)
    assert first.train_loss != other.train_loss
    assert first.train_loss != run(name="other cell").train_loss
    assert first.parameters == parameters(Network(CELL, GREY, TINY))
    assert first.epoch_seconds > 0
    assert first.test_score >= first.attacked.fgsm >= first.attacked.pgd
    assert not first.diverged
    assert first.latency > 0


def test_diverged_run_is_chance_with_its_curve_cut() -> None:
    result = run(learning_rate=1e30)
    assert len(result.train_loss) == len(result.valid_score) < 4
    assert np.isfinite(result.train_loss).all()
    assert result.diverged
    for accuracy in (result.test_score, *result.attacked):
        assert accuracy == pytest.approx(100 / 3)


def test_evaluation_by_hand() -> None:
    class Fixed(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.tensor([[2.0, 0.0]]).repeat(len(images), 1)

    data = ImageData(
        torch.zeros(3, 1, 2, 2), torch.tensor([0, 0, 1]), torch.zeros(1), torch.ones(1)
    )
    loss, accuracy = evaluate(Fixed(), data, batch_size=2)
    assert accuracy == pytest.approx(200 / 3)
    right = np.log1p(np.exp(-2.0))
    assert loss == pytest.approx((2 * right + right + 2.0) / 3)


def test_data_is_standardised_by_the_training_images() -> None:
    images = DATA["train"].inputs
    assert images.mean().item() == pytest.approx(0.0, abs=1e-5)
    assert images.std().item() == pytest.approx(1.0, abs=1e-3)
    assert DATA["valid"].inputs.mean().abs().item() > 1e-5


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_training_on_a_gpu() -> None:
    data = IMAGES.data("cuda")
    result = train(lambda: Network(CELL, GREY, TINY), "cell", 0, data, Recipe(4, 32))
    assert result.test_score > 80.0


def save_images(path: Path, **changes: Any) -> Path:
    arrays = {
        f"{split}_{part}": getattr(getattr(IMAGES, split), part)
        for split in ("train", "valid", "test")
        for part in ("images", "labels")
    }
    arrays |= changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def test_shipped_images() -> None:
    images = load_images("fashion-mnist-14")
    assert images.train.images.shape == (2_048, 14, 14, 1)
    assert images.valid.images.shape == (2_000, 14, 14, 1)
    assert images.test.images.shape == (10_000, 14, 14, 1)
    assert images.classes == 10


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"valid_labels": None}, "no array 'valid_labels'"),
        ({"train_images": np.zeros((256, 12, 12))}, "train_images has type float64"),
        ({"test_labels": np.zeros(3, dtype=int)}, "test_labels has type int64 and shape"),
        ({"test_labels": np.full(64, -1)}, "give 64 integers from 0"),
        ({"test_images": np.zeros((64, 9, 9), np.uint8)}, "parts differ in image size"),
        (
            {"train_images": np.zeros((256, 3, 12, 12), np.uint8)},
            r"shape \(256, 3, 12, 12\): channels first\? .*images\.transpose\(0, 2, 3, 1\)",
        ),
        ({"train_labels": np.zeros(256, int)}, "all training images have the label 0; give two"),
        (
            {"train_labels": np.arange(256) % 3 + 1},
            "the 3 labels of train_labels are 1, 2, 3; number them 0 to 2: np.unique",
        ),
        ({"train_labels": np.arange(256) * 2}, r"the 256 labels of .* are 0, 2, 4, 6, 8, \.\.\.;"),
        ({"train_labels": np.arange(2**64 - 256, 2**64, dtype=np.uint64)}, "number them 0 to 255"),
        ({"test_labels": np.full(64, 3)}, "test_labels has the label 3, of which there are no"),
        ({"train_images": np.array([{}] * 256)}, "not a readable"),
    ],
)
def test_wrong_images(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_images(save_images(tmp_path / "images.npz", **changes))


def test_few_examples_take_little_memory() -> None:
    """64 of 6,000 images of 24 MB, where all of them in double precision take 200."""
    rng = np.random.default_rng(0)
    train, valid, test = (
        Part(rng.integers(0, 256, (n, 32, 32, 4)).astype(np.uint8), np.arange(n) % 3)
        for n in (6_000, 50, 50)
    )
    task = Images("large", train, valid, test)
    tracemalloc.start()
    batch = Batch.draw(task)
    assert tracemalloc.get_traced_memory()[1] < 60e6
    tracemalloc.stop()
    pixels = train.images / 255.0
    rows = torch.randperm(6_000, generator=torch.Generator().manual_seed(0))[:64].numpy()
    expected = (pixels[rows] - pixels.mean((0, 1, 2))) / pixels.std((0, 1, 2))
    np.testing.assert_allclose(batch.images.permute(0, 2, 3, 1), expected, rtol=1e-6, atol=1e-6)
    assert torch.equal(batch.images, task.data("cpu")["train"].inputs[rows])
    assert batch.labels is not None
    assert batch.labels.tolist() == train.labels[rows].tolist()


def test_images_that_are_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither a file nor one of fashion-mnist-14"):
        load_images("fashion-mnist-41")
    (tmp_path / "text.npz").write_text("no")
    with pytest.raises(InputError, match=r"not a readable \.npz"):
        load_images(tmp_path / "text.npz")


def results(path: Path) -> dict[tuple[str, int], tuple[float, list[float]]]:
    """What does not depend on the clock, by architecture and seed."""
    table = read_table(path)
    owners = np.repeat([str(a) for a in table.architectures], np.diff(table.starts))
    columns = (table.columns[name].tolist() for name in ("seed", "test_accuracy", "train_loss"))
    return {(owner, seed): rest for owner, seed, *rest in zip(owners, *columns, strict=True)}


ROW = {
    "architecture": str(CELL), "seed": 0, "train_loss": [1.0], "train_accuracy": [50.0],
    "valid_loss": [1.0], "valid_accuracy": [50.0], "test_accuracy": 50.0, "fgsm_accuracy": 20.0,
    "pgd_accuracy": 10.0, "diverged": False, "epoch_seconds": 1.0, "parameters": 1, "flops": 1,
    "latency_cpu": 1.0,
}  # fmt: skip


def test_killed_training_goes_on(tmp_path: Path) -> None:
    few = {f"train_{part}": getattr(IMAGES.train, part)[:64] for part in ("images", "labels")}
    images = str(save_images(tmp_path / "squares.npz", **few))
    broken, whole = tmp_path / "broken.parquet", tmp_path / "whole.parquet"
    command = [
        sys.executable, "-m", "archcast.cli", "benchmark", "train", "--task", images,
        "--seeds", "0,1", "--limit", "2", "--jobs", "2", "--device", "cpu", "--out", str(broken),
    ]  # fmt: skip
    journal = tmp_path / "broken.parquet.journal"
    with subprocess.Popen(command, process_group=0) as process:
        while not journal.exists() or len(journal.read_text().splitlines()) < 2:
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
    kept = journal.read_text()
    journal.write_text(kept + '{"architecture": "|cut')  # as if it was killed while writing
    for out in (broken, whole):
        train_table(SPACE, images, [0, 1], out, limit=2, device="cpu")
    assert not journal.exists()
    assert results(broken) == results(whole)
    line = json.loads(kept.splitlines()[1])
    table = read_table(broken)
    row = table.starts[table.index(SPACE.parse(line["architecture"]))] + line["seed"]
    assert table.columns["epoch_seconds"][row] == pytest.approx(line["epoch_seconds"]), "redone"


def test_training_goes_on_only_with_the_same_recipe(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    images = save_images(tmp_path / "squares.npz")
    table = train_table(SPACE, str(images), [0], out, limit=2, device="cpu")
    assert len(table) == 2
    assert table.epochs.tolist() == [12, 12]
    assert train_table(SPACE, str(images), [0], out, limit=2, device="cpu").hash == table.hash
    with pytest.raises(InputError, match="made with dataset squares, not fashion-mnist-14"):
        train_table(SPACE, "fashion-mnist-14", [0], out, limit=2, device="cpu")
    with pytest.raises(InputError, match=r"made with recipe .*12.*, not .*3.*; choose another"):
        train_table(SPACE, str(images), [0], out, limit=2, device="cpu", epochs=3)
    with pytest.raises(
        InputError, match="space nasbench-graph has no networks; spaces that have some: darts, "
    ):
        train_table(spaces.get("nasbench-graph"), str(images), [0], out)


def test_training_goes_on_only_on_the_same_device(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    with Journal(out, provenance(IMAGES) | {"device": "cuda (H100)"}) as first:
        first.append(ROW)
    with (
        pytest.raises(InputError, match=r"made on cuda, not cpu; use --device cuda"),
        Journal(out, provenance(IMAGES)),
    ):
        pass


def test_two_trainings_of_one_table_are_refused(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    images = str(save_images(tmp_path / "squares.npz"))
    with Journal(out, provenance(IMAGES)) as first:
        first.append(ROW)
        with pytest.raises(InputError, match="another process is training it"):
            train_table(SPACE, images, [0], out, limit=1, device="cpu")
    assert len(read_table(out)) == 1, "and the first one's rows are there"
    assert [path.name for path in tmp_path.glob("*out*")] == ["out.parquet"]


def test_replaced_images_are_refused(tmp_path: Path) -> None:
    out, images = tmp_path / "out.parquet", tmp_path / "squares.npz"
    save_images(images)
    train_table(SPACE, str(images), [0], out, limit=1, device="cpu")
    save_images(images, test_labels=IMAGES.test.labels[::-1])
    with pytest.raises(InputError, match=r"made with task_hash .*; choose another --out"):
        train_table(SPACE, str(images), [0], out, limit=2, device="cpu")
    assert task_of(read_table(out)) is None, "nor are they looked at by proxies"


def provenance(images: Images) -> dict[str, str]:
    setting = Setting(SPACE, images.name, images.name, images.hash, "cpu", "mini", Recipe(), ATTACK)
    return setting.provenance()


def test_a_journal_drops_what_is_double_and_names_what_is_broken(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    lines = [provenance(IMAGES), ROW, {**ROW, "test_accuracy": 60.0}, {**ROW, "seed": 1}]
    journal = tmp_path / "out.parquet.journal"
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"cut')
    with Journal(out, provenance(IMAGES)) as kept:
        assert len(kept.rows) == 2
    assert read_table(out).columns["test_accuracy"].tolist() == [60.0, 50.0]
    assert len(read_table(out)) == 1


@pytest.mark.parametrize("line", [
    "\x00\x00", "[" * 100_000, "7", "{}", '{"cut', b"\xff".decode("latin1"), "9" * 5_000,
    json.dumps({"seed": 0}),
    *(json.dumps({**ROW, **wrong}) for wrong in (
        {"architecture": "|cut"}, {"architecture": 3}, {"seed": "0"}, {"seed": 2**70},
        {"test_accuracy": 500.0}, {"test_accuracy": None}, {"train_loss": "low"},
        {"valid_accuracy": [[50.0]]}, {"valid_accuracy": {}}, {"parameters": 1.5},
        {"flops": 10**30},
    )),
])  # fmt: skip
def test_a_bad_line_of_a_journal_is_named_before_the_work(tmp_path: Path, line: str) -> None:
    out, journal = tmp_path / "out.parquet", tmp_path / "out.parquet.journal"
    lines = [json.dumps(provenance(IMAGES)), json.dumps({**ROW, "seed": 1}), line]
    journal.write_text("\n".join(lines) + "\n", encoding="latin1")
    before = journal.read_bytes()
    with pytest.raises(InputError, match=r"journal, line 3: no line of a journal \(.+\); delete"):
        Journal(out, provenance(IMAGES)).__enter__()
    assert journal.read_bytes() == before
    journal.write_text("\n".join(lines[::-1]) + "\n", encoding="latin1")
    with pytest.raises(InputError, match=r"line 1: no line|made with space None") as caught:
        Journal(out, provenance(IMAGES)).__enter__()
    assert "\n" not in str(caught.value)
    assert not out.exists()


def test_images_that_change_under_a_training_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = save_images(tmp_path / "squares.npz")
    before = load_images(images)
    save_images(images, test_labels=IMAGES.test.labels[::-1])
    loads = Mock(side_effect=[before, load_images(images)])
    monkeypatch.setattr("archcast.making.table_training.load_task", loads)
    with pytest.raises(InputError, match=r"squares\.npz changed under the run"):
        train_table(SPACE, str(images), [0], tmp_path / "out.parquet", limit=1)
    assert [path.name for path in tmp_path.iterdir()] == ["squares.npz"]


def test_runs_without_robust_accuracy_stay(tmp_path: Path) -> None:
    """Tables that the trainer made before it recorded that."""
    out = tmp_path / "out.parquet"
    old = {name: value for name, value in ROW.items() if name not in ("diverged", "fgsm_accuracy")}
    metadata = {k: v for k, v in provenance(IMAGES).items() if k not in ("attack", "task_hash")}
    texts, columns = [old.pop("architecture")], {name: [value] for name, value in old.items()}
    del metadata["space"], metadata["dataset"]
    metadata["licence"] = "ours"
    Table(SPACE, "squares", texts, columns, metadata).write(out)  # type: ignore[arg-type]
    with Journal(out, provenance(IMAGES)) as journal:
        journal.append({**ROW, "seed": 1})
    table = read_table(out)
    assert table.metadata["licence"] == "ours"
    np.testing.assert_array_equal(table.columns["fgsm_accuracy"], [np.nan, 20.0])
    assert table.columns["diverged"].tolist() == [False, False]


def test_recipes_of_before_are_understood(tmp_path: Path) -> None:
    """They listed what is now a scale beside the recipe, as text."""
    recipe = (
        "channels 8, cells 1, stem_stride 2, reduction pool, in_channels 1, classes 10,"
        " epochs 12, batch_size 128, learning_rate 0.05, momentum 0.9, weight_decay 0.0005"
    )
    metadata = {"recipe": recipe, "images": "fashion-mnist-14"}
    table = Table(SPACE, "small", [str(CELL)], {"test_accuracy": [50.0]}, metadata)
    assert blueprint_of(table) == Blueprint(NETWORKS, MINI, Signature((1, 14, 14), 10))
    now = understood(table.metadata, NETWORKS)
    assert now[SCALE] == "mini"
    assert Recipe(**json.loads(now["recipe"])) == Recipe()
    assert understood(now, NETWORKS) == now
    assert understood({"recipe": "as in the paper, 200 epochs"}, NETWORKS).get(SCALE) is None
    out, images = tmp_path / "out.parquet", IMAGES
    before = {
        **provenance(images),
        "recipe": recipe.replace("classes 10", "classes 3"),
        "attack": "budget 0.03137254901960784, steps 4, images 1000",
    }
    del before[SCALE]
    journal = tmp_path / "out.parquet.journal"
    journal.write_text(json.dumps(before) + "\n" + json.dumps(ROW) + "\n")
    with Journal(out, provenance(images)) as kept:
        assert len(kept.rows) == 1
    assert read_table(out).metadata[SCALE] == "mini"
    journal.write_text(json.dumps({**before, "recipe": before["recipe"].replace("12", "6")}) + "\n")
    with pytest.raises(InputError, match=r'made with recipe \{"epochs": 6'):
        Journal(out, provenance(images)).__enter__()
    journal.write_text(
        json.dumps({**before, "recipe": before["recipe"].replace("8,", "9,")}) + "\n"
    )
    with pytest.raises(InputError, match="made with scale None, not mini"):
        Journal(out, provenance(images)).__enter__()


def test_an_interrupt_before_the_first_row_is_one(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Journal(tmp_path / "out.parquet", provenance(IMAGES)):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())
