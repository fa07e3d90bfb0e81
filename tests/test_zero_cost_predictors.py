"""Zero-cost proxies behind the predictors' interface."""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from archcast.benchmarks.opening import open_table
from archcast.benchmarks.table import Table
from archcast.core.errors import InputError
from archcast.evaluation.engine import context, run_job, split
from archcast.evaluation.preparing import PARTS, preparations
from archcast.networks.blueprint import Untrained, initialised
from archcast.networks.nasbench201_modules import Network
from archcast.networks.nasbench201_network import MINI, OFFICIAL
from archcast.networks.table_networks import SCALE, TASK, blueprint_of, task_of
from archcast.predictors import registry as predictors
from archcast.predictors.proxies import REFERENCE
from archcast.studies.experiment import Experiment
from archcast.tasks.images import load_images
from archcast.tasks.task import Signature
from archcast.testing.toys import BLUEPRINT, toy
from archcast.zero_cost import Batch
from archcast.zero_cost import registry as proxies
from archcast.zero_cost.combination import votes
from archcast.zero_cost.passes import Passes
from archcast.zero_cost.scoring import Scorer
from tests.results import planned, small_table, why_left_out
from tests.test_evaluation import job
from tests.test_networks import save_images

CELLS = toy(6, seed=0)


def trained_on(images: str) -> Table:
    table = small_table()
    texts = [str(a) for a in table.architectures for _ in range(2)]
    return Table(table.space, "toy", texts, table.columns, {TASK: images, SCALE: "mini"})


def test_every_proxy_is_a_predictor() -> None:
    assert set(proxies) - set(predictors) == set()
    for name in set(proxies) - {"params", "flops"}:
        assert predictors.entry(name).family == "zero-cost"


def test_a_score_is_that_of_the_proxy() -> None:
    predictor = predictors.get("synflow")().fit([], [], CELLS.context)
    scores = predictor.query(CELLS.architectures, CELLS.context)
    assert CELLS.context.build is not None
    network = CELLS.context.build(CELLS.architectures[2])
    assert scores[2] == proxies.get("synflow")(network, CELLS.context.noise)  # type: ignore[operator, arg-type]
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


def test_needs_are_those_of_the_parts() -> None:
    def needs(name: str, **params: str) -> set[str]:
        return set(predictors.get(name)(**params).tags.needs)

    for name in set(proxies) - {"params", "flops"}:
        family = proxies.entry(name).family
        look = "noise" if family in ("data-free", "noise") else "batch"
        assert needs(name) - {"unlabeled"} == {"build", look}, name
    assert needs("rank-sum", proxies=["synflow", "zen"]) == {"build", "noise", "unlabeled"}
    assert needs("vote", proxies=["synflow", "nwot"]) == {"build", "batch", "unlabeled"}
    assert needs("combine", head="xgb", parts=["zen", "synflow"]) == {"build", "noise"}


def test_proxies_that_look_at_no_images_score_as_if_they_saw_some() -> None:
    assert CELLS.context.batch is not None
    for name in ("synflow", "zen", "az-nas", "linear-regions", "l2-norm"):
        kind = predictors.get(name)
        images = replace(CELLS.context, noise=CELLS.context.batch)
        np.testing.assert_array_equal(
            kind().fit([], [], CELLS.context).query(CELLS.architectures, CELLS.context),
            kind().fit([], [], images).query(CELLS.architectures, images),
        )


def test_the_networks_of_a_table(tmp_path: Path) -> None:
    assert task_of(small_table()) is None
    mini = trained_on("fashion-mnist-14")
    assert blueprint_of(mini).scale == MINI  # type: ignore[union-attr]
    assert blueprint_of(mini).signature == Signature((1, 14, 14), 10)  # type: ignore[union-attr]
    own = trained_on(str(save_images(tmp_path / "own.npz")))
    assert task_of(own) is not None
    assert blueprint_of(own).signature == Signature((1, 12, 12), 3)  # type: ignore[union-attr]
    assert task_of(trained_on(str(tmp_path / "gone.npz"))) is None


@pytest.mark.parametrize(
    ("dataset", "metadata", "expected"),
    [
        ("toy", {}, Signature((3, 32, 32), 10)),
        ("cifar100", {}, Signature((3, 32, 32), 100)),
        ("ImageNet16-120", {}, Signature((3, 16, 16), 120)),
        ("toy", {"classes": "7"}, Signature((3, 32, 32), 7)),
        ("cifar100", {"shape": "[1, 8, 9]"}, Signature((1, 8, 9), 100)),
    ],
)
def test_tables_without_images_are_of_official_networks(
    dataset: str, metadata: dict[str, str], expected: Signature
) -> None:
    table = small_table()
    texts = [str(a) for a in table.architectures for _ in range(2)]
    found = blueprint_of(Table(table.space, dataset, texts, table.columns, metadata))
    assert found is not None
    assert (found.scale, found.signature) == (OFFICIAL, expected)
    wrong = Table(table.space, dataset, texts, table.columns, {"shape": "three"})
    with pytest.raises(InputError, match=r"write them like \[3, "):
        blueprint_of(wrong)
    wrong = Table(table.space, dataset, texts, table.columns, {SCALE: "offical"})
    with pytest.raises(InputError, match="no scale 'offical': did you mean official"):
        blueprint_of(wrong)


def test_the_official_network_of_a_table_is_scored() -> None:
    table = small_table()
    record = run_job(planned(job("l2-norm", train_size=0, test_size=3)), table)
    assert record.error is None, record.error
    seed = split(job("l2-norm", train_size=0, test_size=3), table).seed
    cell = table.architectures[record.architectures[1]]
    official = partial(Network, cell, Signature((3, 32, 32), 10), OFFICIAL)
    network = initialised(official, str(cell), seed)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    norms = sum(m.weight.double().norm().item() for m in convolutions)
    assert record.predictions[1] == pytest.approx(norms, rel=1e-5)


def test_a_second_run_is_served_and_costs_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prices are those of the first; what is left of a second's own is bookkeeping."""
    table = trained_on("fashion-mnist-14")
    for name in ("nwot", "swap-reg", "combine(xgb, parts=[nwot, zen])"):
        asked = job(name, train_size=4, test_size=3, seed=77)
        first = run_job(planned(asked), table)
        with monkeypatch.context() as patch:
            patch.setattr(Passes, "measure", lambda *_: pytest.fail("measured again"))
            again = run_job(planned(asked), table)
        assert first.cost is not None
        assert again.cost is not None
        assert again.predictions == first.predictions
        assert again.cost.query == pytest.approx(first.cost.query, rel=0.5)
        assert again.cost.query > 1e-3


def test_what_proxies_share_is_done_before_their_jobs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    table = trained_on("fashion-mnist-14")
    names = ("nwot", "snip", "rank-sum(proxies=[zico, snip])")
    jobs = [planned(job(name, train_size=0, test_size=9, seed=78)) for name in names]
    alone = [run_job(each, table) for each in jobs]
    monkeypatch.setenv("ARCHCAST_CACHE", str(tmp_path))
    before = preparations([*jobs, planned(job("synflow", train_size=0, test_size=9, seed=78))])
    assert len(before) == PARTS, "synflow looks at noise, and shares with none of these"
    scored = Counter[str]()
    with monkeypatch.context() as patch:
        measure = Scorer._measure

        def counted(scorer: Scorer, make: Any, found: Any) -> Any:
            scored[str(make.args[0])] += 1
            return measure(scorer, make, found)

        patch.setattr(Scorer, "_measure", counted)
        patch.setattr(Scorer, "_warm_up", lambda *_: None)
        for each in before:
            each(table)
    parts = split(jobs[0].job, table)
    wanted = {*parts.test, *parts.unlabeled[:REFERENCE]}
    assert scored.keys() == {str(table.architectures[i]) for i in wanted}
    assert scored.total() <= 9 + REFERENCE, "for all proxies at once"
    monkeypatch.setattr(Passes, "measure", lambda *_: pytest.fail("measured again"))
    for each, record in zip(jobs, alone, strict=True):
        again = run_job(each, table)
        assert again.predictions == record.predictions
        assert again.cost is not None
        assert record.cost is not None
        assert again.cost.query == pytest.approx(record.cost.query, rel=0.8), "as if alone"


def test_saved_seconds_are_of_the_last_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archcast.predictors.proxies.perf_counter", lambda: 7.0)  # no time passes
    context = replace(CELLS.context, build=Untrained(BLUEPRINT, seed=123))
    predictor = predictors.get("rank-sum")(proxies=["nwot", "l2-norm"]).fit([], [], context)
    of_fit = predictor.saved_seconds_
    predictor.query(CELLS.architectures, context)
    first = predictor.saved_seconds_
    predictor.query(CELLS.architectures[:2], context)
    part = predictor.saved_seconds_
    predictor.query(CELLS.architectures[2:], context)
    assert first == pytest.approx(part + predictor.saved_seconds_)
    assert 0.0 < part < first != of_fit > 0.0
    alone = [predictors.get(name)().fit([], [], context) for name in ("nwot", "l2-norm")]
    for each in alone:
        each.query(CELLS.architectures, context)
    assert alone[0].saved_seconds_ < first, "each part is charged as if alone"
    predictor.query([], context)
    assert predictor.saved_seconds_ == 0.0


def test_networks_and_minibatch_are_those_of_the_repeat() -> None:
    table, rows = trained_on("fashion-mnist-14"), np.arange(3)
    predictor = predictors.get("nwot")()
    first, again, other = (
        context(table, rows, predictor, table.objective(), 0, rows, seed) for seed in (1, 1, 2)
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
        record = run_job(planned(job(name, train_size=0, test_size=2)), table)
        assert record.error is None, record.error
        assert record.cost is not None
        assert record.cost.query > 1e-3, "building and passes are measured"


def test_what_a_table_cannot_give_is_said() -> None:
    table = small_table()
    with pytest.raises(InputError, match=r"can't run nwot \(the table has no images\)"):
        Experiment(table, "nwot", train_sizes=(10,), test_size=20).plan()
    jobs, (remark, *_) = Experiment(table, "all", train_sizes=(10,), test_size=20).plan()
    for name in ("snip", "fairnas"):
        assert why_left_out(remark, name) == "the table has no images"
    assert "synflow" not in remark
    assert {"synflow", "zen", "az-nas"} <= {each.job.predictor for each in jobs}
    graph = open_table("nasbench-graph", "cora")
    with pytest.raises(InputError, match=r"\(the table has no networks of space nasbench-graph\)"):
        Experiment(graph, "rsws", train_sizes=(10,), test_size=20).plan()
    _, (remark, *_) = Experiment(graph, "all", train_sizes=(10,), test_size=20).plan()
    for name in ("synflow", "snip", "rank-sum", "fairnas"):
        assert why_left_out(remark, name) == "the table has no networks of space nasbench-graph"
