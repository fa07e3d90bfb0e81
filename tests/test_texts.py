"""Text as a task, and the recurrent networks that learn it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.func import functional_call, stack_module_state

from archcast.benchmarks.table import read_table
from archcast.core.errors import InputError
from archcast.making.ground_truth import ground_truth
from archcast.making.recipe import AdamRecipe
from archcast.making.table_training import Setting, train_one, train_table
from archcast.making.trainer import train
from archcast.networks.blueprint import Blueprint, Untrained
from archcast.networks.darts_rnn_modules import Cell, MixedNode
from archcast.networks.darts_rnn_network import NETWORKS
from archcast.networks.scales import Recurrence
from archcast.networks.table_networks import task_of
from archcast.predictors.predictor_text import text_of
from archcast.spaces import registry as spaces
from archcast.spaces.darts_rnn import SPACE, Node, _choices, nodes_of
from archcast.spaces.space import Architecture
from archcast.studies.experiment import choose_predictors
from archcast.tasks.loading import load_task
from archcast.tasks.task import Signature
from archcast.tasks.texts import TextData, load_text
from archcast.zero_cost import Batch, score
from tools import train_darts_rnn as making

SMALL = Recurrence(width=6, initial=0.5)
CELL = SPACE.sample(1, np.random.default_rng(3))[0]


def written(folder: Path, passages: int = 5) -> Path:
    path = folder / "letters.txt"
    path.write_text("".join(chr(97 + i % 7) for i in range(1_000 * passages)))
    return path


def test_the_shipped_text() -> None:
    text = load_text("genesis")
    assert text.signature == Signature((50, 60), 60)
    whole = Path("archcast/tasks/shipped/genesis.txt").read_text()
    for part, passages in (("train", (0, 1, 2, 5)), ("valid", (3, 8)), ("test", (4, 9))):
        starts = [1_000 * passage + 50 * k for passage in passages for k in range(19)]
        sequences = getattr(text, part)[: len(starts)]
        for start, sequence in zip(starts, sequences, strict=True):
            read = "".join(text.alphabet[number] for number in sequence)
            assert read == whole[start : start + 51]


def test_what_is_foretold_is_the_next_character() -> None:
    text = load_text("genesis")
    data = text.examples("valid", slice(0, 3))
    assert data.inputs.shape == (3, 50, 60)
    assert torch.equal(data.inputs.sum(dim=2), torch.ones(3, 50))
    assert torch.equal(data.inputs.argmax(dim=2)[:, 1:], data.targets[:, :-1])
    assert text.without_test().size("test") == 0


def test_loss_and_score_by_hand() -> None:
    logits = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([[0, 1, 2], [4, 4, 4], [3, 0, 0], [1, 2, 3]])
    nats = -logits.log_softmax(dim=1).gather(1, targets[:, None])[:, 0].mean(dim=1)
    torch.testing.assert_close(TextData.score(logits, targets), nats / math.log(2))
    torch.testing.assert_close(TextData.loss(logits, targets), nats.mean())
    torch.testing.assert_close(TextData.loss(logits, targets, "sum"), nats.sum())
    torch.testing.assert_close(
        TextData.score(torch.zeros_like(logits), targets), torch.full((4,), math.log2(5))
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"too short", "9 characters; give 5,000 or more"),
        (b"\xff" * 6_000, "no UTF-8"),
        (
            "".join(map(chr, range(300, 5_600))).encode(),
            "5300 characters that differ, of which 256",
        ),
    ],
)
def test_text_that_is_none(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_task(str(path))
    with pytest.raises(InputError, match="task 'none': neither one of fashion-mnist-14, genesis"):
        load_task("none")


def test_published_number_of_parameters() -> None:
    """DARTS on Penn Treebank (its README says 23M), whatever the cell."""
    official = NETWORKS.scale("official")
    for cell in SPACE.sample(2, np.random.default_rng(0)):
        network = NETWORKS.build(cell, NETWORKS.signatures["ptb"], official)
        assert sum(p.numel() for p in network.parameters()) == 22_960_000


def test_a_step_by_hand() -> None:
    """The cell as Liu et al. (2019) have it, in NumPy."""
    functions = (np.tanh, lambda x: np.maximum(x, 0), lambda x: 1 / (1 + np.exp(-x)), lambda x: x)
    network = NETWORKS.build(CELL, Signature((3, 4), 4), SMALL).double()
    weights = {name: value.detach().numpy() for name, value in network.named_parameters()}
    sequence = np.eye(4)[[2, 0, 3]]
    state = np.zeros(6)
    for place, character in enumerate(sequence):
        joined = np.concatenate([character @ weights["embedding"], state]) @ weights["cell.first"]
        gate, goal = functions[2](joined[:6]), np.tanh(joined[6:])
        nodes = [state + gate * (goal - state)]
        for at, (source, activation) in enumerate(nodes_of(CELL)):
            both = nodes[source] @ weights[f"cell.weights.{at}"]
            gate, goal = functions[2](both[:6]), functions[activation](both[6:])
            nodes.append(nodes[source] + gate * (goal - nodes[source]))
        state = np.mean(nodes[1:], axis=0)
        expected = state @ weights["embedding"].T + weights["bias"]
        found = network(torch.from_numpy(sequence)[None])[0, :, place].detach().numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_a_mixture_weighs_what_nodes_make() -> None:
    torch.manual_seed(0)
    cell = Cell(5)
    for weight in cell.parameters():
        torch.nn.init.uniform_(weight, -1.0, 1.0)
    step, state = torch.rand(2, 3, 5).unbind()
    kept = torch.tensor([2.0, 0.0, 2.0, 2.0, 0.0])
    *first, _ = nodes_of(SPACE.sample(1, np.random.default_rng(0))[0])
    sources = torch.tensor([0.0, 0.3, 0.1, 0.0, 0.2, 0.6, 0.1, 0.2])
    activations = torch.tensor([0.1, 0.0, 0.7, 0.5])

    def made(last: Node | MixedNode) -> Tensor:
        return cell(step, state, None, kept, [*first, last])

    without = made(MixedNode(0.0 * sources, activations))
    expected = without + sum(
        of_source * of_activation * (made(Node(source, at)) - without)
        for source, of_source in enumerate(sources)
        for at, of_activation in enumerate(activations)
    )
    torch.testing.assert_close(made(MixedNode(sources, activations)), expected)
    torch.testing.assert_close(made(MixedNode(sources, 0.0 * activations)), without)


def test_dropout_keeps_its_mask_over_a_sequence() -> None:
    thinned = Recurrence(width=40, initial=0.5, dropped_outputs=0.5)
    network = NETWORKS.build(CELL, Signature((9, 4), 4), thinned)
    masks: list[torch.Tensor] = []

    def seen(values: torch.Tensor, dropped: float) -> torch.Tensor:
        kept = type(network)._thinned(network, torch.ones_like(values), dropped)
        masks.append(kept)
        return values * kept

    network._thinned = seen  # type: ignore[method-assign]
    network(torch.eye(4)[torch.tensor([[0, 1, 2, 3, 0, 1, 2, 3, 0]] * 2)])
    inputs, outputs = masks
    assert torch.equal(inputs, torch.ones_like(inputs)), "of which nothing is dropped"
    assert set(outputs.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(outputs, outputs[:, :1].expand_as(outputs)), "at every place the same"
    assert not torch.equal(outputs[0], outputs[1]), "in every sequence another"


def test_isomorphic_cells_compute_alike() -> None:
    nodes = [Node(0, 0), Node(0, 1), Node(2, 2), Node(1, 3), Node(0, 0), Node(3, 1), Node(6, 2),
             Node(4, 0)]  # fmt: skip
    swapped = [nodes[1], nodes[0], *nodes[2:]]
    swapped = [Node({1: 2, 2: 1}.get(source, source), act) for source, act in swapped]
    one, two = (
        NETWORKS.build(Architecture(SPACE, _choices(each)), Signature((5, 4), 4), SMALL)
        for each in (nodes, swapped)
    )
    with torch.no_grad():
        two.load_state_dict(one.state_dict())
        two.cell.weights[0], two.cell.weights[1] = one.cell.weights[1], one.cell.weights[0]
    sequences = torch.eye(4)[torch.tensor([[3, 1, 0, 2, 2]])]
    torch.testing.assert_close(one(sequences), two(sequences))


def test_networks_side_by_side_read_as_each_alone() -> None:
    networks = [NETWORKS.build(CELL, Signature((5, 4), 4), SMALL) for _ in range(3)]
    sequences = torch.eye(4)[torch.randint(4, (3, 2, 5), generator=torch.manual_seed(0))]
    weights, _ = stack_module_state(networks)
    weights["embedding"] = weights["embedding"][:, None]
    weights["bias"] = weights["bias"][:, None, None] + torch.arange(4.0)
    for network in networks:
        network.bias.data += torch.arange(4.0)
    together = functional_call(networks[0], weights, (sequences,))
    alone = [network(each) for network, each in zip(networks, sequences, strict=True)]
    torch.testing.assert_close(together, torch.stack(alone))


def test_training_learns_a_text_that_repeats(tmp_path: Path) -> None:
    data = load_text(written(tmp_path)).data("cpu")
    run = train(
        lambda: NETWORKS.build(CELL, Signature((50, 7), 7), Recurrence(16, 0.3)), "cell", 0, data,
        AdamRecipe(epochs=12, batch_size=16, learning_rate=0.03),
    )  # fmt: skip
    assert run.test_score < 0.3 < run.train_score[0] < math.log2(7) + 0.1
    assert run.attacked is None
    assert run.train_score[-1] == pytest.approx(run.train_loss[-1] / math.log(2), rel=1e-5)
    diverged = train(
        lambda: NETWORKS.build(CELL, Signature((50, 7), 7), Recurrence(4, 0.3)), "cell", 0, data,
        AdamRecipe(epochs=2, learning_rate=math.inf),
    )  # fmt: skip
    assert diverged.diverged
    assert diverged.test_score == pytest.approx(math.log2(7))


def test_seeds_trained_at_once_are_those_trained_alone(tmp_path: Path) -> None:
    setting = Setting.mini(SPACE, str(written(tmp_path)), "cpu", epochs=2)
    together = making.trained((CELL, (0, 2)), setting)
    for row in together:
        alone = train_one((CELL, row["seed"]), setting)
        assert row.keys() == alone.keys()
        for name in ("train_loss", "train_bits", "valid_bits", "test_bits", "parameters", "flops"):
            assert row[name] == pytest.approx(alone[name], rel=1e-4), name
    assert together[0]["test_bits"] != together[1]["test_bits"]


def test_a_table_of_recurrent_cells(tmp_path: Path) -> None:
    out, text = tmp_path / "cells.parquet", written(tmp_path)
    table = train_table(SPACE, str(text), [0], out, limit=2, device="cpu")
    [objective] = table.objectives
    assert (objective.name, objective.direction, objective.unit) == ("bits", "min", "bits")
    assert objective.valid == "valid_bits"
    assert table.columns["train_bits"].shape == (2, 6)
    assert "pgd_accuracy" not in table.columns
    task = task_of(read_table(out))
    assert task is not None
    assert task.hash == load_text(text).hash
    assert train_table(SPACE, str(text), [0], out, limit=2, device="cpu").hash == table.hash
    chosen, remarks = choose_predictors("zero-cost", table, objective)
    named = {*map(text_of, chosen)}
    assert {"synflow", "nwot", "jacov"} <= named
    assert {"zen", "linear-regions", "az-nas"}.isdisjoint(named)
    assert any("zen" in each and "no feature maps" in each for each in remarks)
    other = SPACE.sample(1, np.random.default_rng(8))[0]
    assert ground_truth(table, [other], seeds=1, device="cpu")["test_bits"].between(0, 3).all()


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    for space, task in (("darts-rnn", "fashion-mnist-14"), ("nasbench201", "genesis")):
        with pytest.raises(InputError, match=f"{space} can't learn {task}; choose another --task"):
            train_table(spaces.get(space), task, [0], tmp_path / "out.parquet", limit=1)


def test_proxies_look_at_the_last_place() -> None:
    text = load_text("genesis")
    batch = Batch.draw(text, 8)
    blueprint = Blueprint(NETWORKS, NETWORKS.scale("mini"), text.signature)
    network = Untrained(blueprint)(CELL)
    loss = torch.nn.functional.cross_entropy(network(batch.images)[..., -1], batch.labels)
    weights = list(network.cell.parameters())
    expected = sum(
        (weight * gradient).abs().sum().item()
        for weight, gradient in zip(
            [network.embedding, *weights],
            torch.autograd.grad(loss, [network.embedding, *weights]),
            strict=True,
        )
    )
    names = ["params", "flops", "snip", "grad-norm", "grasp", "synflow", "jacov", "epe-nas", "zico"]
    found = score([CELL], names, batch, scale="mini", classes=60, device="cpu")
    assert found.values["snip"][0] == pytest.approx(expected, rel=1e-4)
    assert all(np.isfinite(values).all() for values in found.values.values())
