"""Searches that train a supernet, on the embedded benchmark, which has all they may end with."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np
import pytest
import torch
from torch import nn

from archcast.benchmarks.opening import open_table
from archcast.core.errors import InputError
from archcast.making.policy import Alpha
from archcast.making.policy_training import Searched
from archcast.networks.networks import Options
from archcast.predictors.predictor import Tags, Vector
from archcast.search import registry as strategies
from archcast.search.goal import Goal
from archcast.search.one_shot import (
    DARTS,
    E2RNAS,
    TRIED,
    NoveltySearch,
    OneShot,
    SharedWeights,
    _children,
)
from archcast.search.search_job import SearchRecord, run_search_job
from archcast.search.simulation import pool_of
from archcast.search.strategy import Guide
from archcast.search.strategy_text import to_strategy
from archcast.spaces.space import Architecture
from archcast.studies.searches import SearchExperiment
from tests.results import small_table

TABLE = open_table("nasbench201-mini")
ONE_SHOT = [name for name in strategies if to_strategy(name).own_guide()]


def records(strategy: str, **options: object) -> list[SearchRecord]:
    given = {"budget": 2, "repeats": 1, "device": "cpu", **options}
    jobs, _ = SearchExperiment(TABLE, strategy, **given).plan()  # type: ignore[arg-type]
    return [run_search_job(each, TABLE) for each in jobs if each.job.strategy != "random"]


@pytest.mark.parametrize("name", ONE_SHOT)
def test_a_search_pays_for_its_supernet_and_trains_what_it_derives(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def few_images(strategy: OneShot) -> SharedWeights:
        return SharedWeights(strategy.policy, strategy.epochs, valid_images=50, recalibrate=1)

    monkeypatch.setattr(OneShot, "own_guide", few_images)
    quick = f"{name}(epochs=1{', generations=2' if name == 'spos' else ''})"
    [record] = records(quick)
    assert record.error is None
    assert record.job.predictor == ""
    decide = ("darts", "gdas", "e2rnas")
    assert len(record.architectures) == (1 if name in decide else 2)
    likes = name in (*decide, "setn", "enas")
    assert len(record.liked) == len(record.liked_truth) == likes, "an epoch"
    if name in (*decide, "setn"):
        [probabilities] = record.probabilities
        np.testing.assert_allclose(np.sum(probabilities, axis=1), 1, atol=1e-3)
        assert np.argmax(probabilities, axis=1).tolist() == record.liked[0]
    assert record.predictor_seconds[0] > 0.05, "of the supernet"
    [again] = records(quick)
    assert again.architectures == record.architectures
    assert again.predictor_seconds[0] > 0.4 * record.predictor_seconds[0], (
        "what is taken from the cache costs what it took"
    )


def test_the_last_that_is_liked_is_the_answer() -> None:
    [record] = records("gdas(epochs=2)", budget=1)
    assert record.truth == record.liked_truth[-1:]
    last = Architecture(TABLE.space, tuple(record.liked[-1]))
    canonical = TABLE.space.canonical
    assert canonical(TABLE.architectures[record.architectures[0]]) == canonical(last)


def test_evolution_by_shared_weights_finds_what_they_like() -> None:
    """Here they like many convolutions; the first fifty random ones have few enough."""

    class Convolutions(SharedWeights):
        asked = 0
        tags = Tags(learns=False)  # type: ignore[assignment]

        def _fit(self, *_: object) -> None:
            pass

        def _query(self, architectures: Sequence[Architecture], *_: object) -> Vector:
            Convolutions.asked += len(architectures)
            return np.array([str(each).count("nor_conv_3x3") for each in architectures], float)

    pool = pool_of(TABLE, Goal((TABLE.objective(),)))
    strategy = NoveltySearch(select="evolution", generations=10)
    guide = Guide(Convolutions())
    guide.fit([], [])
    found = strategy.candidates(pool, np.random.default_rng(0), guide)
    assert str(found[0]).count("nor_conv_3x3") == 6
    assert len(found) == len(set(found)) == TRIED
    assert Convolutions.asked <= 10 * strategy.population
    children = _children([(0,) * 6, (4,) * 6], TABLE.space, np.random.default_rng(0))
    crossed = np.array([*islice(children, 200)])[::2]
    assert set(crossed.ravel()) == {0, 4}
    assert 0.4 < (crossed == 0).mean() < 0.6


def test_a_small_cell_leads_from_input_to_output() -> None:
    """The likeliest one of those that do, where the likeliest of all has nothing on any edge."""
    logits = np.random.default_rng(0).normal(size=(6, 5))
    logits[:, 0] += 4.0  # `none`
    policy = Alpha(Options((5,) * 6), 10, 0)
    policy.logits.data = torch.from_numpy(logits)

    class Liked(SharedWeights):
        searched_ = Searched(nn.Identity(), policy, [], [], 0.0)  # type: ignore[arg-type]

    pool, rng = pool_of(TABLE, Goal((TABLE.objective(),))), np.random.default_rng(0)
    nothing, found = (
        strategy.candidates(pool, rng, Guide(Liked()))[0] for strategy in (DARTS(), E2RNAS())
    )
    accuracy = TABLE.mean_over_runs(TABLE.columns["test_accuracy"])
    assert accuracy[TABLE.index(nothing)] == pytest.approx(10.0), "chance"
    cells = list(TABLE.space.enumerate())
    connected = [cell for cell in cells if accuracy[TABLE.index(cell)] > 20.0]
    best = max(connected, key=lambda cell: logits[range(6), list(cell.choices)].sum())
    assert TABLE.space.canonical(found) == TABLE.space.canonical(best)


def test_repeats_train_supernets_of_their_own_and_orders_differ() -> None:
    jobs, _ = SearchExperiment(TABLE, "darts(epochs=1)", budget=1, repeats=2).plan()
    seeds = {each.job.predictor_seed() for each in jobs}
    assert len(seeds) == 2
    texts = {each.job.strategy for each in jobs}
    assert texts == {"random", "darts(epochs=1)"}
    ways = "darts", "darts(order=2)", "gdas", "e2rnas", "e2rnas(combine=sum)"
    identities = {
        each.job.identity
        for text in ways
        for each in SearchExperiment(TABLE, text, budget=1, repeats=1).plan()[0]
    }
    assert len(identities) == len(ways) + 1, "random search is one"


def test_tables_without_images_are_refused() -> None:
    table = small_table()
    for name in ONE_SHOT:
        with pytest.raises(InputError, match=f"--strategy {name}: can't run on table .*no images"):
            SearchExperiment(table, name).plan()
    _, remarks = SearchExperiment(table, "all", repeats=1).plan()
    assert sum("no images" in each for each in remarks) == len(ONE_SHOT)


def test_where_a_table_has_some_architectures_only_those_are_chosen_from() -> None:
    few = small_table(5)
    few.metadata |= {"task": "fashion-mnist-14", "scale": "mini"}
    with pytest.raises(InputError, match="may end with any architecture, and table has some"):
        SearchExperiment(few, "gdas(epochs=1)", budget=1, repeats=1, device="cpu").plan()
    jobs, _ = SearchExperiment(few, "rsps(epochs=1)", budget=9, repeats=1, device="cpu").plan()
    record = run_search_job(jobs[-1], few)
    assert record.error is None
    assert sorted(record.architectures) == [0, 1, 2, 3, 4]
