"""Zero-cost proxies behind the predictors' interface."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from archcast.benchmarks.objective import ACCURACY
from archcast.benchmarks.table import Table
from archcast.core.errors import InputError
from archcast.evaluation.engine import context
from archcast.networks.nasbench201_network import MINI
from archcast.networks.task import IMAGES, task_of
from archcast.predictors import registry as predictors
from archcast.studies.experiment import Experiment
from archcast.tasks.images import load_images
from archcast.testing import toy
from archcast.zero_cost import Batch
from archcast.zero_cost import registry as proxies
from archcast.zero_cost.combination import votes
from tests.results import small_table
from tests.test_evaluation import job, run
from tests.test_networks import save_images

CELLS = toy(6, seed=0)


def trained_on(images: str) -> Table:
    table = small_table()
    texts = [str(a) for a in table.architectures for _ in range(2)]
    return Table(table.space, "toy", texts, table.columns, {IMAGES: images})


def test_every_proxy_is_a_predictor() -> None:
    assert set(proxies) - set(predictors) == set()
    for name in set(proxies) - {"params", "flops"}:
        assert predictors.entry(name).family == "zero-cost"


def test_a_score_is_that_of_the_proxy() -> None:
    predictor = predictors.get("synflow")().fit([], [], CELLS.context)
    scores = predictor.query(CELLS.architectures, CELLS.context)
    assert CELLS.context.build is not None
    network = CELLS.context.build(CELLS.architectures[2])
    assert scores[2] == proxies.get("synflow")(network, CELLS.context.batch)  # type: ignore[operator, arg-type]
    assert pickle.loads(pickle.dumps(predictor)).query(CELLS.architectures[:1], CELLS.context)


def test_votes_by_brute_force() -> None:
    rng = np.random.default_rng(0)
    scores, reference = rng.integers(0, 4, (5, 3)), rng.integers(0, 4, (7, 3))
    found = votes(scores, reference)
    for one, share in zip(scores, found, strict=True):
        below = sum(sum(a > b for a, b in zip(one, other, strict=True)) >
                    sum(a < b for a, b in zip(one, other, strict=True))
                    for other in reference)  # fmt: skip
        assert share == pytest.approx(below / 7)


def test_combinations_combine_what_they_name() -> None:
    one = predictors.get("rank-sum")(proxies=["params"]).fit([], [], CELLS.context)
    two = predictors.get("rank-sum")(proxies=["params", "params"]).fit([], [], CELLS.context)
    scores = one.query(CELLS.architectures, CELLS.context)
    np.testing.assert_allclose(two.query(CELLS.architectures, CELLS.context), 2 * scores)
    with pytest.raises(InputError, match="unknown proxy 'nwott': did you mean nwot"):
        predictors.get("vote")(proxies=["nwott"]).fit([], [], CELLS.context)
    with pytest.raises(InputError, match=r"no list; write proxies=\[snip, nwot\]"):
        predictors.get("vote")(proxies="nwot").fit([], [], CELLS.context)
    with pytest.raises(ValueError, match="name their parts"):
        predictors.get("vote")(proxies=["az-nas"]).fit([], [], CELLS.context)


def test_undefined_scores_come_last_and_count() -> None:
    assert CELLS.context.batch is not None
    batch = Batch(CELLS.context.batch.images[:1], torch.zeros(1, dtype=torch.int64))
    one_image = replace(CELLS.context, batch=batch)
    predictor = predictors.get("zico")().fit([], [], one_image)
    scores = predictor.query(CELLS.architectures, one_image)
    assert (scores == -1e30).all()
    assert predictor.fallbacks_ == len(CELLS.architectures)


def test_the_task_of_a_table(tmp_path: Path) -> None:
    assert task_of(small_table()) is None
    mini = task_of(trained_on("fashion-mnist-14"))
    assert mini is not None
    assert mini.skeleton == MINI
    own = task_of(trained_on(str(save_images(tmp_path / "own.npz"))))
    assert own is not None
    assert own.skeleton.classes == own.images.classes
    assert task_of(trained_on(str(tmp_path / "gone.npz"))) is None


def test_networks_and_minibatch_are_those_of_the_repeat() -> None:
    table, rows = trained_on("fashion-mnist-14"), np.arange(3)
    predictor = predictors.get("synflow")()
    first, again, other = (
        context(table, rows, predictor, ACCURACY, 0, rows, seed) for seed in (1, 1, 2)
    )
    cell = table.architectures[5]
    weights = [c.build(cell).classifier.weight for c in (first, again, other) if c.build]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    batches = [c.batch.images for c in (first, again, other) if c.batch]
    assert torch.equal(batches[0], batches[1])
    assert not torch.equal(batches[0], batches[2])
    train = Batch.draw(load_images("fashion-mnist-14"), 2_048).images
    assert all((train == image).flatten(1).all(dim=1).any() for image in batches[0][:5])


def test_jobs_of_the_engine() -> None:
    table = trained_on("fashion-mnist-14")
    for name in ("nwot", "swap-reg"):
        record = run(job(name, train_size=0, test_size=5), table)
        assert record.error is None, record.error
        assert record.cost is not None
        assert record.cost.query > 1e-3, "building and passes are measured"


def test_without_images_there_are_no_networks() -> None:
    with pytest.raises(InputError, match=r"can't run nwot \(the table has no images\)"):
        Experiment(small_table(), "nwot", train_sizes=(10,), test_size=20).plan()
    _, remarks = Experiment(small_table(), "all", train_sizes=(10,), test_size=20).plan()
    assert "synflow (the table has no images)" in remarks[0]
