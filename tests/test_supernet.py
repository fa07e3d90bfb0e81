"""Supernets: their weights, their training, and the predictors that query them."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from itertools import combinations
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from scipy.stats import rankdata
from torch import Tensor, nn

from archcast.core.files import unsealed
from archcast.core.identity import made_of
from archcast.evaluation.engine import run_job
from archcast.evaluation.job import Job
from archcast.evaluation.record import Cost, Record
from archcast.making import samplers, supernet_training
from archcast.making.samplers import SAMPLERS
from archcast.making.supernet_training import Plan, _Training, few_shot, trained_supernet
from archcast.making.trainer import evaluate
from archcast.networks.nasbench201_modules import CellSupernet, MixedCell, Network
from archcast.networks.nasbench201_network import NETWORKS, OFFICIAL
from archcast.networks.recalibration import recalibrate
from archcast.predictors import registry as predictors
from archcast.predictors.predictor import LAST
from archcast.report.text import rows_of
from archcast.spaces import registry as spaces
from archcast.spaces.nasbench201 import EDGES, OPERATIONS
from archcast.studies.experiment import Experiment
from archcast.studies.supernets import best_by_chance, biases, partial_tau, summarise
from archcast.testing.toys import BLUEPRINT, SKELETON, TASK, toy
from tests.results import said, small_table

CELLS = toy(8, seed=0)
OPTIONS = NETWORKS.options
IMAGES = torch.randn(4, 1, 14, 14, generator=torch.Generator().manual_seed(0))


def small_supernet(seed: int = 0) -> CellSupernet:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        supernet = CellSupernet(TASK.signature, SKELETON)
        for module in supernet.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.running_mean)
                nn.init.uniform_(module.running_var, 0.5, 2.0)
    return supernet.eval()


def one_hot(path: tuple[int, ...]) -> Tensor:
    return nn.functional.one_hot(torch.tensor(path), len(OPERATIONS)).float()


def state(trained: supernet_training.Trained) -> dict[str, Tensor]:
    return trained.supernet.state_dict()


def assert_equal_states(one: dict[str, Tensor], two: dict[str, Tensor]) -> None:
    assert one.keys() == two.keys()
    for name, value in one.items():
        assert torch.equal(value, two[name]), name


# The network


def test_a_path_is_the_network_that_inherits_its_weights() -> None:
    supernet = small_supernet()
    for cell in CELLS.architectures:
        network = supernet.inherit(cell).eval()
        assert torch.equal(supernet(IMAGES, cell.choices), network(IMAGES))
        mixed = supernet(IMAGES, one_hot(cell.choices))
        torch.testing.assert_close(mixed, network(IMAGES))
        assert list(network.state_dict()) == list(BLUEPRINT.network(cell).state_dict())


def test_a_mixture_weighs_operations() -> None:
    """One edge carries a mixture, the others nothing: the cell is that edge."""
    cell = MixedCell(4).eval()
    features = torch.randn(2, 4, 5, 5, generator=torch.Generator().manual_seed(1))
    weights = torch.zeros(len(EDGES), len(OPERATIONS))
    weights[:, 0] = 1.0
    edge = EDGES.index((0, 3))
    weights[edge] = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5])
    operations = cell.edges[edge]
    expected = sum(w * op(features) for w, op in zip(weights[edge], operations, strict=True))
    torch.testing.assert_close(cell(features, weights), expected)


def test_gradients_go_where_the_path_goes() -> None:
    supernet = small_supernet()
    supernet(IMAGES, (3, 3, 3, 3, 3, 3)).sum().backward()
    for name, parameter in supernet.named_parameters():
        on_path = ".edges." not in name or name.split(".edges.")[1].split(".")[1] == "3"
        assert (parameter.grad is not None) == on_path, name


def test_weights_of_a_mixture_have_gradients() -> None:
    supernet = small_supernet().double()
    images = IMAGES.double()
    weights = torch.full((6, 5), 0.2, dtype=torch.float64, requires_grad=True)
    supernet(images, weights).logsumexp(1).sum().backward()
    assert weights.grad is not None
    step = torch.zeros_like(weights)
    step[2, 3] = 1e-5
    with torch.no_grad():
        up, down = (supernet(images, weights + s).logsumexp(1).sum() for s in (step, -step))
    assert weights.grad[2, 3].item() == pytest.approx(((up - down) / 2e-5).item(), rel=1e-4)


def test_heirs_are_copies() -> None:
    supernet = small_supernet()
    before = {name: value.clone() for name, value in supernet.state_dict().items()}
    heir = supernet.inherit(CELLS.architectures[0])
    recalibrate(heir, [IMAGES])
    with torch.no_grad():
        for parameter in heir.parameters():
            parameter.zero_()
    assert_equal_states(before, supernet.state_dict())


def test_recalibration_takes_the_mean_over_batches() -> None:
    network = Network(CELLS.architectures[0], TASK.signature, SKELETON)
    batches = [torch.randn_like(IMAGES), torch.randn_like(IMAGES)]
    recalibrate(network, batches)
    stem, norm = network.stem
    assert isinstance(norm, nn.BatchNorm2d)
    with torch.no_grad():
        means, variances = zip(
            *(
                (out.mean(dim=(0, 2, 3)), out.var(dim=(0, 2, 3)))
                for out in (stem(images) for images in batches)
            ),
            strict=True,
        )
    torch.testing.assert_close(norm.running_mean, torch.stack(means).mean(dim=0))
    torch.testing.assert_close(norm.running_var, torch.stack(variances).mean(dim=0))
    assert norm.momentum == 0.1
    assert not network.training


# What a step runs


def test_mixtures_are_means_of_what_is_kept() -> None:
    rng, archive = np.random.default_rng(0), []
    for _ in range(50):
        [weights] = samplers.mixture(OPTIONS, rng, archive)
        assert isinstance(weights, Tensor)
        for edge in weights:
            kept = edge[edge > 0]
            torch.testing.assert_close(kept, torch.full_like(kept, 1 / max(len(kept), 1)))


def test_fair_paths_use_every_operation_of_an_edge_once() -> None:
    paths = np.array(samplers.fair(OPTIONS, np.random.default_rng(0), []))
    assert paths.shape == (5, 6)
    assert (np.sort(paths, axis=0) == np.arange(5)[:, None]).all()
    assert len({tuple(column) for column in paths.T}) > 1


def test_novel_path_by_brute_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samplers, "NEAREST", 3)
    archive = np.random.default_rng(1).integers(5, size=(20, 6))
    [chosen] = samplers.novel(OPTIONS, np.random.default_rng(2), archive.tolist())
    candidates = np.random.default_rng(2).integers(5, size=(samplers.CANDIDATES, 6)).tolist()

    def novelty(path: list[int]) -> float:
        far = sorted(sum(a != b for a, b in zip(path, old, strict=True)) for old in archive)
        return sum(far[:3]) / 3

    assert novelty(list(chosen)) == max(map(novelty, candidates)) > min(map(novelty, candidates))


def test_novelty_is_climbed_along_its_estimated_gradient() -> None:
    """In real numbers, each path from where it was; what runs is the nearest one."""
    rng = np.random.default_rng(1)
    start = rng.integers(5, size=(samplers.ARCHIVE, 6)).astype(float)
    start[:, 0] = 4.0  # all alike in one decision
    archive = start.tolist()
    [path] = samplers.climbed(OPTIONS, np.random.default_rng(2), archive)
    twin = np.random.default_rng(2)
    at = twin.integers(len(archive))
    steps = twin.normal(size=(samplers.CANDIDATES, 6))
    rounded = np.clip(np.rint(start[at] + steps), 0, 4)
    far = np.sort((rounded[:, None] != start).sum(axis=2), axis=1)[:, : samplers.NEAREST]
    gradient = (far.mean(axis=1)[:, None] / 6 * steps).mean(axis=0)
    np.testing.assert_allclose(archive[at], start[at] + samplers.RATE * gradient)
    assert list(path) == start[at].tolist()
    assert np.delete(archive, at, axis=0).tolist() == np.delete(start, at, axis=0).tolist()
    for _ in range(3_000):
        samplers.climbed(OPTIONS, rng, archive)
    moved = np.array(archive)
    assert (moved[:, 0] < 4).mean() > 0.7, "away from where all are"
    assert len({tuple(each) for each in moved.round().tolist()}) > 80, "they stay apart"


def test_novelty_begins_with_random_paths_and_ends_within_the_options() -> None:
    archive: samplers.Archive = []
    rng = np.random.default_rng(0)
    paths = [tuple(samplers.climbed(OPTIONS, rng, archive)[0]) for _ in range(samplers.ARCHIVE)]
    assert [tuple(each) for each in archive] == paths
    assert len(set(paths)) > 90
    ends = samplers.nearest_paths([[-3.0, 0.4, 0.6, 4.4, 9.0, 2.5]], OPTIONS)
    assert ends.tolist() == [[0, 0, 1, 4, 4, 2]]
    one = np.array(archive[:1])
    assert samplers.novelty(one, np.repeat(one, samplers.NEAREST, axis=0)).tolist() == [0.0]


def test_uniform_paths_reach_everything() -> None:
    rng, archive = np.random.default_rng(0), []
    seen = np.array([samplers.uniform(OPTIONS, rng, archive)[0] for _ in range(200)])
    for edge in seen.T:
        assert np.bincount(edge, minlength=5).min() > 20


# Training


@pytest.mark.parametrize("sampler", ["novel", "climbed"])
def test_interrupted_training_ends_as_an_uninterrupted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sampler: str
) -> None:
    """Also of those that look back."""
    monkeypatch.setattr(samplers, "ARCHIVE", 5)
    plan = Plan(sampler, 4)
    whole = trained_supernet(plan, BLUEPRINT, TASK, "cpu", tmp_path / "whole")
    monkeypatch.setattr(supernet_training, "SAVE_EVERY", 0.0)
    epochs = _Training(plan, BLUEPRINT, TASK, "cpu", tmp_path / "cut").epochs()
    assert [next(epochs), next(epochs)] == [1, 2]
    epochs.close()  # as a kill would, between two saves
    again = _Training(plan, BLUEPRINT, TASK, "cpu", tmp_path / "cut")
    assert list(again.epochs()) == [3, 4]
    assert again.seconds > 0
    assert_equal_states(state(whole), again.supernet.state_dict())
    assert list(_Training(plan, BLUEPRINT, TASK, "cpu", tmp_path / "cut").epochs()) == []


def test_training_follows_its_plan_and_its_images(tmp_path: Path) -> None:
    first = state(trained_supernet(Plan("uniform", 1), BLUEPRINT, TASK, "cpu", tmp_path / "a"))
    again = state(trained_supernet(Plan("uniform", 1), BLUEPRINT, TASK, "cpu", tmp_path / "b"))
    assert_equal_states(first, again)
    labels = (TASK.train.labels + 1) % 4
    other = replace(TASK, train=replace(TASK.train, labels=labels))
    for plan, task in (
        (Plan("uniform", 1, seed=1), TASK),
        (Plan("uniform", 2), TASK),
        (Plan("fair", 1), TASK),
        (Plan("uniform", 1), other),
    ):
        weights = state(trained_supernet(plan, BLUEPRINT, task, "cpu", tmp_path / "a"))
        assert not torch.equal(first["stem.0.weight"], weights["stem.0.weight"])
    assert len(list((tmp_path / "a").glob("*.pt"))) == 5


def flipped(content: bytes) -> bytes:
    return content[:-5_000] + bytes([content[-5_000] ^ 1]) + content[-4_999:]


@pytest.mark.parametrize("damage", [
    lambda content: content[:500], flipped, lambda _: b"", lambda _: b"foreign" * 20,
    lambda content: content[32:],
])  # fmt: skip
def test_a_damaged_supernet_is_trained_again(
    damage: Callable[[bytes], bytes], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plan = Plan("uniform", 1)
    good = state(trained_supernet(plan, BLUEPRINT, TASK, "cpu", tmp_path))
    [path] = tmp_path.glob("*.pt")
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    with caplog.at_level(logging.WARNING):
        assert_equal_states(good, state(trained_supernet(plan, BLUEPRINT, TASK, "cpu", tmp_path)))
    assert "no supernet" in caplog.text
    caplog.clear()
    assert_equal_states(good, state(trained_supernet(plan, BLUEPRINT, TASK, "cpu", tmp_path)))
    assert not caplog.text, "and it is kept"


def test_few_shot_spends_as_many_epochs_and_splits_one_edge(tmp_path: Path) -> None:
    for epochs in (1, 7, 20):
        plans = few_shot(epochs, seed=3, parts=5)
        start = plans[0].start
        assert start
        assert {plan.start for plan in plans} == {start}
        assert start.epochs + sum(plan.epochs for plan in plans) == epochs
        assert {plan.epochs for plan in plans} == {epochs // 10}
    plan = few_shot(60, seed=0, parts=5)[2]
    training = _Training(plan, BLUEPRINT, TASK, "cpu", tmp_path)
    list(training.epochs())
    assert plan.start
    start = state(trained_supernet(plan.start, BLUEPRINT, TASK, "cpu", tmp_path))
    other = "stages.0.edges.0.3.1.weight"  # on the split edge, of another part
    own, elsewhere = "stages.0.edges.0.2.1.weight", "stages.0.edges.1.3.1.weight"
    trained = training.supernet.state_dict()
    assert torch.equal(trained[other], start[other])
    assert not torch.equal(trained[own], start[own])
    assert not torch.equal(trained[elsewhere], start[elsewhere])


def test_training_learns(tmp_path: Path) -> None:
    plan = Plan("uniform", 200)
    supernet = trained_supernet(plan, BLUEPRINT, TASK, "cpu", tmp_path).supernet
    untrained = _Training(replace(plan, epochs=0), BLUEPRINT, TASK, "cpu", tmp_path)
    list(untrained.epochs())
    data = TASK.data("cpu")["train"]
    losses = []
    for net in (supernet, untrained.supernet):
        heirs = [net.inherit(cell) for cell in CELLS.architectures]
        for heir in heirs:
            recalibrate(heir, [data.inputs])
        losses.append(np.mean([evaluate(heir, data)[0] for heir in heirs]))
    assert losses[0] < losses[1] - 0.1


@pytest.mark.parametrize(("sampler", "drawn"), [("uniform", 1), ("fair", len(OPERATIONS))])
def test_steps_along_several_gradients_are_longer(sampler: str, drawn: int, tmp_path: Path) -> None:
    """From .05 to 0 along a cosine, times the root of their number."""
    training = _Training(Plan(sampler, 4), BLUEPRINT, TASK, "cpu", tmp_path)
    rates = [training.optimizer.param_groups[0]["lr"] for _ in training.epochs()]
    cosine = (1 + np.cos(np.pi * np.arange(4) / 4)) / 2  # of an epoch with a single step
    assert rates == pytest.approx(0.05 * np.sqrt(drawn) * cosine)


# Predictors


def test_a_query_is_what_an_heir_reaches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In any order, and with statistics of the supernet that others have replaced."""
    monkeypatch.setenv("ARCHCAST_CACHE", str(tmp_path))
    for recalibrated in (0, 2):
        predictor = predictors.get("rsws")(epochs=3, recalibrate=recalibrated)
        predictor.fit([], [], CELLS.context)
        cells = [cell.space.canonical(cell) for cell in CELLS.architectures]
        heirs = [predictor.supernets_[0].inherit(cell) for cell in cells]
        for heir in heirs:
            if recalibrated:
                recalibrate(heir, predictor.calibration_)
        expected = [-evaluate(heir, predictor.valid_)[0] for heir in heirs]
        for cells in (CELLS.architectures, CELLS.architectures[::-1]):
            found = predictor.query(cells, CELLS.context)
            np.testing.assert_allclose(found, expected, rtol=1e-6)
            expected = expected[::-1]


def test_supernets_of_the_most_epochs_are_trained_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []

    def epochs(training: _Training) -> Iterator[int]:
        begun.append(training.plan.epochs)
        yield from range(training.plan.epochs)

    monkeypatch.setattr(_Training, "epochs", epochs)
    plans = [Plan("uniform", number) for number in (1, 3, 2)]
    supernet_training.train_supernets(plans, BLUEPRINT, TASK, "cpu", tmp_path, 1)
    assert begun == [3, 2, 1]


@pytest.mark.parametrize("name", ["rsws", "few-shot"])
def test_a_supernet_from_the_cache_costs_what_it_took(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHCAST_CACHE", str(tmp_path))
    predictor = predictors.get(name)(epochs=2)
    predictor.fit([], [], CELLS.context)
    scores = predictor.query(CELLS.architectures, CELLS.context)
    kept = [BytesIO(unsealed(path)) for path in (tmp_path / "supernets").glob("*.pt")]
    trained = sum(torch.load(each)["seconds"] for each in kept)
    monkeypatch.setattr("archcast.predictors.weight_sharing.perf_counter", lambda: 7.0)
    again = predictors.get(name)(epochs=2).fit([], [], CELLS.context)
    assert again.saved_seconds_ == pytest.approx(trained)
    assert trained > 0
    np.testing.assert_array_equal(again.query(CELLS.architectures, CELLS.context), scores)


def test_equal_networks_get_equal_scores() -> None:
    space = spaces.get("nasbench201")
    cells = [c for c in space.sample(200, np.random.default_rng(0)) if space.canonical(c) != c][:5]
    predictor = predictors.get("rsws")(epochs=1).fit([], [], CELLS.context)
    np.testing.assert_array_equal(
        predictor.query(cells, CELLS.context),
        predictor.query([space.canonical(cell) for cell in cells], CELLS.context),
    )


def test_recalibration_can_be_switched_off_and_images_counted() -> None:
    def fitted(**given: int) -> Any:
        return predictors.get("rsws")(epochs=3, **given).fit([], [], CELLS.context)

    few, trusting = fitted(valid_images=8), fitted(valid_images=8, recalibrate=0)
    assert len(few.valid_.inputs) == 8
    scores = [each.query(CELLS.architectures, CELLS.context) for each in (few, trusting)]
    assert not np.array_equal(*scores)


def test_what_overflows_comes_last() -> None:
    predictor = predictors.get("rsws")(epochs=1).fit([], [], CELLS.context)
    with torch.no_grad():
        predictor.supernets_[0].classifier.weight.fill_(torch.inf)
    scores = predictor.query(CELLS.architectures, CELLS.context)
    assert set(scores) == {LAST}
    assert predictor.fallbacks_ == len(scores)


def save_images(path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    splits = ("train", "valid", "test")
    images = {f"{s}_images": rng.integers(0, 256, (8, 8, 8, 3), np.uint8) for s in splits}
    np.savez(path, **images, **{f"{s}_labels": np.arange(8) % 3 for s in splits})


def test_images_of_the_user_come_with_the_official_skeleton(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    save_images(path, seed=0)
    predictor = predictors.get("rsws")(epochs=1, images=str(path))
    assert predictor.tags.needs == {"networks"}
    predictor.fit([], [], CELLS.context)
    assert predictor.supernets_[0].skeleton == OFFICIAL
    assert predictor.supernets_[0].classifier.out_features == 3
    assert np.isfinite(predictor.query(CELLS.architectures[:2], CELLS.context)).all()


@pytest.mark.parametrize("spec", ["rsws({})", "combine(bayes-lin-reg, parts=[rsws({})])"])
def test_images_that_change_under_a_run_fail_its_jobs(tmp_path: Path, spec: str) -> None:
    """Between their asking and a job, here or in another process, alone or in a wrapper."""
    path = tmp_path / "mine.npz"
    save_images(path, seed=0)
    table = small_table(30)
    text = spec.format(f"epochs=1, valid_images=2, images={path}")
    [planned] = Experiment(table, text, (5,), test_size=2, repeats=1, device="cpu").plan()[0]
    there = pickle.dumps(planned)
    assert run_job(planned, table).error is None
    save_images(path, seed=1)
    for each in (planned, pickle.loads(there)):
        assert "mine.npz changed under the run; run it again" in str(run_job(each, table).error)
    made_of(planned.predictor)  # asks anew
    assert run_job(planned, table).error is None


def test_novelty_is_climbed_if_asked() -> None:
    best_of_ten, climbing = (predictors.get("novelty")(epochs=1, climb=c) for c in (False, True))
    one, other = (each.plans(NETWORKS) for each in (best_of_ten, climbing))
    assert [plan.sampler for plan in (*one, *other)] == ["novel", "climbed"]


def test_what_has_no_supernet_is_refused() -> None:
    graph = spaces.get("nasbench-graph").sample(1, np.random.default_rng(0))
    predictor = predictors.get("rsws")(epochs=1).fit([], [], CELLS.context)
    with pytest.raises(ValueError, match="no supernet of space nasbench-graph"):
        predictor.query(graph, CELLS.context)
    with pytest.raises(ValueError, match="1 or more"):
        predictors.get("rsws")(epochs=0).fit([], [], CELLS.context)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_supernets_train_on_cuda(tmp_path: Path, sampler: str) -> None:
    trained = trained_supernet(Plan(sampler, 2), BLUEPRINT, TASK, "cuda", tmp_path)
    assert next(trained.supernet.parameters()).is_cuda


# The analysis


def test_rows_average_over_seeds() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(60, 90, 30).tolist()
    records = [
        record(truth, seed=0, predictions=truth),
        record(truth, seed=1, predictions=[-value for value in truth]),
        record(truth, seed=2, predictions=[], error="it broke"),
    ]
    [row] = rows_of(summarise(records, small_table(40)))
    assert (row["seeds"], row["failed"]) == (3, 1)
    assert row["kendall_tau"] == pytest.approx(0.0)
    assert row["kendall_tau_sd"] == pytest.approx(2**0.5)
    assert row["seed_agreement"] == pytest.approx(-1.0)
    assert (row["kept"], row["kept_by_chance"]) > (0.0, 0.0)
    assert row["worst_at_10"] == pytest.approx(0.5), "all, and none"
    assert (row["init_seconds"], row["query_seconds"]) == (5.0, 0.1)
    [alone] = rows_of(summarise(records[:1], small_table(40)))
    assert alone["kendall_tau"] == pytest.approx(1.0)
    assert (alone["kendall_tau_sd"], alone["seed_agreement"]) == (None, None)


def record(truth: list[float], seed: int, **outcome: object) -> Record:
    params = {"epochs": 1, "valid_images": 10, "recalibrate": 2, "training_seed": seed}
    return Record(
        architectures=list(range(len(truth))),
        job=Job(
            **{**said("rsws"), "params": params}, train_size=0, test_size=30, repeat=0, epochs=0,
            label="valid", truth="test",
        ),
        table="", truth=truth, cost=Cost(labels=0.0, fit=5.0, evidence=0.0, query=0.1), **outcome,
    )  # fmt: skip


def test_what_parameters_leave_of_tau() -> None:
    """Against the partial correlation of the signs of all pairs, which it is without ties."""
    rng = np.random.default_rng(0)
    fixed, noise = rng.normal(size=(2, 40))
    truth, predicted = fixed + noise, fixed + 0.5 * noise + rng.normal(size=40)
    pairs = np.triu_indices(40, 1)
    signs = [np.sign(np.subtract.outer(v, v)[pairs]) for v in (truth, predicted, fixed)]
    inverse = np.linalg.inv(np.corrcoef(signs))
    expected = -inverse[0, 1] / np.sqrt(inverse[0, 0] * inverse[1, 1])
    assert partial_tau(truth, predicted, fixed) == pytest.approx(expected, abs=0.01)
    assert np.isnan(partial_tau(truth, fixed, fixed))
    assert abs(partial_tau(truth, rng.normal(size=40), fixed)) < 0.2


def test_the_best_by_chance_by_all_draws() -> None:
    values = np.array([3.0, 1.0, 4.0, 1.5, 9.0])
    for drawn in (1, 2, 5):
        every = [max(some) for some in combinations(values, drawn)]
        assert best_by_chance(values, drawn) == pytest.approx(np.mean(every))


def test_biases_are_of_options() -> None:
    """A supernet that likes nothing but the option of one edge."""
    table = small_table(40)
    edge, option = 5, 3
    canonical = [table.space.canonical(each) for each in table.architectures[:30]]
    has = np.array([each.choices[edge] == option for each in canonical])
    truth = np.random.default_rng(0).permutation(30).astype(float).tolist()
    records = [record(truth, seed=s, predictions=(has + s * 0.0).tolist()) for s in (0, 1)]
    found = biases(records, table)
    [row] = rows_of(found[(found["decision"] == table.space.decisions[edge].name)
                          & (found["option"] == OPERATIONS[option])])  # fmt: skip
    assert row["architectures"] == has.sum()
    thought, true = rankdata(has) / 30, rankdata(truth) / 30
    rho = np.corrcoef(thought, true)[0, 1]
    foretold = true.mean() + rho * (true - true.mean())
    assert row["rank_error"] == pytest.approx((thought - foretold)[has].mean())
    assert (found["architectures"] >= 5).all()


def test_a_ranking_that_errs_at_random_has_no_biases() -> None:
    """Also where options tell of the truth, which a weak ranking thinks less of."""
    rng, table = np.random.default_rng(0), small_table(200)
    canonical = [table.space.canonical(each) for each in table.architectures[:150]]
    truth = np.array([sum(each.choices) for each in canonical]) + rng.normal(0, 1, 150)
    records = [
        record(truth.tolist(), seed=s, predictions=(truth + rng.normal(0, 6, 150)).tolist())
        for s in range(20)
    ]
    assert biases(records, table)["rank_error"].abs().max() < 0.05


def test_statistics_of_batch_norm() -> None:
    """Of the supernet, of training images, or of those that are measured on."""
    fitted = {
        how: predictors.get("rsws")(epochs=3, valid_images=40, recalibrate=how).fit(
            [], [], CELLS.context
        )
        for how in (0, 2, "batch")
    }
    scores = {how: each.query(CELLS.architectures, CELLS.context) for how, each in fitted.items()}
    assert len({tuple(each) for each in scores.values()}) == 3
    predictor = fitted["batch"]
    heir = predictor.supernets_[0].inherit(
        spaces.get("nasbench201").canonical(CELLS.architectures[0])
    )
    recalibrate(heir, [predictor.valid_.inputs])
    assert scores["batch"][0] == pytest.approx(-evaluate(heir, predictor.valid_)[0], rel=1e-4)
    with pytest.raises(ValueError, match="0 or more, or batch"):
        predictors.get("rsws")(epochs=1, recalibrate=-1).fit([], [], CELLS.context)


def test_without_batch_norm_there_is_nothing_to_recalibrate() -> None:
    network = Mock(wraps=nn.Linear(2, 2))
    network.modules = lambda: [nn.Linear(2, 2)]
    recalibrate(network, [torch.zeros(1, 2)])
    network.assert_not_called()
