"""Searches of a whole space, of which a table has some architectures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from archcast.benchmarks.table import Table, read_table
from archcast.core.errors import InputError
from archcast.making.ground_truth import Beyond, ground_truth
from archcast.making.recipe import Recipe
from archcast.making.robustness import Attack
from archcast.making.table_training import Setting, drawn, train_runs
from archcast.making.trainer import Run, train
from archcast.search.goal import Goal
from archcast.search.live import COUNTED, SEEDS, LiveSimulation
from archcast.search.open_pool import OpenPool
from archcast.search.search_job import SearchRecord, own_seed
from archcast.search.strategy import Trial
from archcast.spaces import registry as spaces
from archcast.studies.searches import SearchExperiment
from archcast.studies.speed_up import measure_searches, summarise
from tests.test_networks import save_images

SPACE = spaces.get("size")
SOME = drawn(SPACE, 2)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """Two of the 32,768 architectures, of one epoch and two runs each."""
    folder = tmp_path_factory.mktemp("live")
    setting = replace(
        Setting.mini(SPACE, str(save_images(folder / "squares.npz")), "cpu"),
        recipe=Recipe(epochs=1),
        attack=Attack(images=9),
    )
    train_runs([(each, seed) for each in SOME for seed in (0, 1)], setting, folder / "t.parquet", 1)
    return read_table(folder / "t.parquet")


def searched(table: Table, results: Path, strategy: str, **options: Any) -> list[SearchRecord]:
    options = {"budget": 3, "repeats": 2, "device": "cpu", "live": True, **options}
    records = SearchExperiment(table, strategy, **options).run(results)
    assert not any(record.error for record in records), records
    return [record for record in records if record.job.strategy.startswith(strategy[:4])]


def test_what_the_table_lacks_is_trained_and_judged_by_other_seeds(
    table: Table, tmp_path: Path
) -> None:
    records = searched(table, tmp_path, "random")
    for record in records:
        assert len(record.beyond) == 3, "of so many, none is in the table"
        assert record.architectures == [2, 3, 4]
        told = ground_truth(table, [SPACE.parse(each) for each in record.beyond], SEEDS)
        assert told["trained"].all()
        own = Beyond.of(table, "cpu").trained(
            [(SPACE.parse(each), own_seed(record.job)) for each in record.beyond]
        )
        values = dict(zip(map(str, own.architectures), own.columns["valid_accuracy"], strict=True))
        np.testing.assert_allclose(record.values, [values[each][-1] for each in record.beyond])
        best = int(np.argmax(record.values))
        of_best = told[told["architecture"] == record.beyond[best]]
        assert len(of_best) == SEEDS
        assert own_seed(record.job) not in of_best["seed"].tolist()
        assert record.truth[best] == pytest.approx(of_best["test_accuracy"].mean())
    one, two = records
    assert own_seed(one.job) != own_seed(two.job)
    assert one.beyond != two.beyond
    assert len(summarise(measure_searches(records))) == 1
    out = read_table(*tmp_path.glob(f"{Path(table.name).stem}-*-live.parquet"))
    trained = {str(each) for each in out.architectures}
    assert trained >= {*one.beyond, *two.beyond}


def test_what_diverges_at_once_takes_time(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = 0

    def diverging(*args: Any, **options: Any) -> Run:
        nonlocal trained
        trained += 1
        run = replace(train(*args, **options), epoch_seconds=1.0)
        if trained != 2:
            return run
        return replace(
            run, diverged=True, train_loss=[], train_score=[], valid_loss=[], valid_score=[]
        )

    monkeypatch.setenv("ARCHCAST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("archcast.making.table_training.train", diverging)
    [record] = searched(table, tmp_path, "random", budget=9, seconds=3.5, repeats=1)
    assert record.values[1] == 0.0 < min(record.values[0], record.values[2])
    assert record.training_seconds == [1.0, 2.0, 3.0]
    assert record.total_training_seconds == 3.5


def test_how_far_a_search_is(
    table: Table,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("archcast.core.progress.SECONDS", 0.0)
    searched(table, tmp_path, "random", repeats=None)
    said = [each for each in caplog.messages if "no predictor" in each]
    assert said == [f"random with no predictor: {k} of 3 trainings" for k in (1, 2, 3)]


def test_nothing_is_trained_twice(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = searched(table, tmp_path / "one", "random")
    train = Mock(side_effect=AssertionError("trained again"))
    monkeypatch.setattr("archcast.making.table_training.train", train)
    again = searched(table, tmp_path / "two", "random")
    assert [record.values for record in again] == [record.values for record in first]


def test_another_machine_searches_alike(table: Table, tmp_path: Path) -> None:
    first = searched(table, tmp_path / "one", "random")
    table.write(tmp_path / "t.parquet")
    slower = read_table(tmp_path / "t.parquet")
    slower.columns["epoch_seconds"] = 1.1 * slower.columns["epoch_seconds"]
    assert slower.hash != table.hash
    again = searched(slower, tmp_path / "two", "random")
    assert [record.beyond for record in again] == [record.beyond for record in first]


@pytest.mark.parametrize("guide", ["bayes-lin-reg", "params", "flops", "synflow"])
def test_what_is_only_asked_about_is_not_trained(table: Table, tmp_path: Path, guide: str) -> None:
    options = {"predictors": guide, "budget": 4, "repeats": 1}
    [_, record] = searched(table, tmp_path, "evolution(start=2)", **options)
    assert record.job.predictor == guide
    assert len(record.beyond) == record.total_evaluations == 4


def test_what_is_counted_of_untrained_networks(table: Table) -> None:
    beyond = Beyond.of(table, "cpu")
    for name, count in COUNTED.items():
        assert count(beyond, SOME[0]) == table.columns[name][0]


def test_guides_that_read_what_is_measured_are_refused(table: Table) -> None:
    for guide in ("latency", "column(fgsm_accuracy)"):
        with pytest.raises(InputError, match="known of what is in the table alone"):
            SearchExperiment(table, "evolution", guide, live=True).plan()
    with pytest.raises(InputError, match="a table of means"):
        SearchExperiment(table.averaged(), "random", live=True).plan()
    columns = {name: table.columns[name] for name in ("seed", "test_accuracy", "valid_accuracy")}
    texts = [str(each) for each in SOME for _ in (0, 1)]
    more = Table(
        SPACE, table.dataset, texts, {**columns, "latency_edge": [1.5] * 4}, table.metadata
    )  # fmt: skip
    with pytest.raises(InputError, match="trained here have no latency_edge"):
        SearchExperiment(more, "random", objective="latency_edge", live=True).plan()


def test_finds_that_beat_the_table_are_where_regrets_are_counted_from(
    table: Table, tmp_path: Path
) -> None:
    records = searched(table, tmp_path, "random")
    better = [record.model_copy(update={"best": -5.0}) for record in records]
    found = measure_searches(better)
    last = [regrets.min() for regrets in found["regrets"]]
    assert min(last) == 0.0
    truth = max(max(record.truth[at] for at in range(3)) for record in records)
    assert found["best"].tolist() == [pytest.approx(max(found["best"]))] * 2
    assert found["best"][0] <= truth + 1e-9


def test_a_member_with_a_single_run_is_judged_by_others(tmp_path: Path, table: Table) -> None:
    first = table.starts[:-1]
    alone = Table(
        SPACE, table.dataset, [str(each) for each in SOME],
        {name: values[first] for name, values in table.columns.items()},
        table.metadata, table.objectives,
    )  # fmt: skip
    simulation = LiveSimulation(
        alone, first // 2, Goal((alone.objective(),)), "valid", "cpu", seed=1
    )
    simulation.try_(Trial(SOME[0]))
    told = Beyond.of(alone, "cpu").trained([(SOME[0], seed) for seed in (1, 2, 3)])
    expected = told.mean_over_runs(told.columns["test_accuracy"])[0]
    assert simulation.truth("test")[0] == pytest.approx(expected)


def test_a_kept_run_that_is_another_is_trained_anew(
    table: Table, caplog: pytest.LogCaptureFixture
) -> None:
    beyond = Beyond.of(table, "cpu")
    one, other = drawn(SPACE, 12)[-2:]
    row = beyond.row((one, 9))
    [path] = [each for each in beyond.folder.glob("*.json") if json.loads(each.read_text()) == row]
    for wrong in (
        {**row, "architecture": str(other)},
        {k: v for k, v in row.items() if k != "flops"},
    ):
        path.write_text(json.dumps(wrong))
        assert {str(each) for each in beyond.table(beyond.rows()).architectures} & {
            str(one)
        } == set()
        assert "no run" in caplog.text
        assert beyond.row((one, 9))["test_accuracy"] == row["test_accuracy"]


def test_a_derived_architecture_is_trained(table: Table, tmp_path: Path) -> None:
    [record] = searched(table, tmp_path, "rsps(epochs=1)", budget=1, repeats=1)
    assert len(record.beyond) == 1
    assert record.total_predictor_seconds > 0


@pytest.mark.parametrize("strategy", ["local-search", "reinforce", "hyperband", "bohb"])
def test_strategies_leave_the_table(table: Table, tmp_path: Path, strategy: str) -> None:
    if strategy in ("hyperband", "bohb"):
        with pytest.raises(InputError, match="by epoch"):
            searched(table, tmp_path, strategy)
        return
    for record in searched(table, tmp_path, strategy, repeats=1):
        assert record.beyond


def test_tables_that_can_not_be_added_to_are_refused() -> None:
    texts = [str(each) for each in SOME]
    bare = Table(SPACE, "somewhere", texts, {"test_accuracy": [1.5, 2.0]}, {})
    with pytest.raises(InputError, match="its task is not at hand"):
        SearchExperiment(bare, "random", live=True).plan()


@pytest.mark.parametrize("name", ["nasbench201", "nasbench101", "darts", "darts-rnn", "nago"])
def test_open_pools(name: str) -> None:
    space, rng = spaces.get(name), np.random.default_rng(0)
    members = space.sample(5, rng)
    pool = OpenPool(space, members, 1)
    assert all(pool.find(each.choices) == each for each in members)
    drawn = [each for each, _ in zip(pool.shuffled(rng), range(20), strict=False)]
    assert len({pool.class_of(each) for each in drawn}) == 20
    for each in drawn:
        assert pool.find(each.choices) == each
        mutant = pool.mutate(each, rng)
        assert pool.class_of(mutant) != pool.class_of(each)
    near = pool.neighbours(members[0])
    kinds = [pool.class_of(each) for each in near]
    assert len(set(kinds)) == len(kinds) > 5
    assert pool.class_of(members[0]) not in kinds


def test_joined_tables(table: Table) -> None:
    cut = Table(
        SPACE, table.dataset, [str(SOME[1])] * 2,
        {"seed": [7, 8], "test_accuracy": [50.0, 60.0], "valid_accuracy": [[1.5], [2.5]]},
        {}, table.objectives,
    )  # fmt: skip
    both = table.with_runs(cut)
    assert both.architectures == table.architectures
    assert both.columns.keys() == {"seed", "test_accuracy", "valid_accuracy"}
    at = both.index(SOME[1])
    assert both.columns["seed"][both.starts[at] : both.starts[at + 1]].tolist() == [0, 1, 7, 8]
    with pytest.raises(InputError, match="duplicate"):
        table.with_runs(table)


@pytest.mark.parametrize("options", [{}, {"predictors": "bayes-lin-reg"}])
def test_a_front_of_what_is_trained(table: Table, tmp_path: Path, options: dict[str, Any]) -> None:
    """It is judged by the best of the table and of all that the searches returned."""
    strategy = "bayesian(start=2)" if options else "nsga2"
    objectives = {"objectives": ["accuracy", "memory"], "budget": 4}
    records = searched(table, tmp_path, strategy, **objectives, **options)
    assert all(len(record.beyond) == 4 for record in records)
    every = [*records, *searched(table, tmp_path, "random", **objectives)]
    found = measure_searches(every)
    known = [point for record in every for point in record.front]
    for record in every:
        told = [
            [value, -others[0]] for value, others in zip(record.values, record.others, strict=True)
        ]
        for at in range(len(told)):
            shown = [not beaten(one, told[: at + 1]) for one in told[: at + 1]]
            known += [
                [record.truth[i], record.other_truth[i][0]] for i, kept in enumerate(shown) if kept
            ]
    best = {(a, m) for a, m in known if not beaten([a, -m], [[x, -y] for x, y in known])}
    for front, regrets in zip(found["front"], found["regrets"], strict=True):
        assert {(a, m) for a, m in front} == best
        assert 0 <= regrets.min() <= regrets.max() <= 100
    if len(best) > 1:
        assert max(regrets[0] for regrets in found["regrets"]) > 0


def beaten(one: Sequence[float], by: Sequence[Sequence[float]]) -> bool:
    return any(
        all(b >= o for o, b in zip(one, each, strict=True)) and [*each] != [*one] for each in by
    )


def test_bohb_pays_for_the_epochs_that_it_asks_for(tmp_path: Path) -> None:
    setting = replace(
        Setting.mini(SPACE, str(save_images(tmp_path / "squares.npz")), "cpu"),
        recipe=Recipe(epochs=3),
        attack=Attack(images=9),
    )
    train_runs([(each, 0) for each in SOME], setting, tmp_path / "t.parquet", 1)
    [record] = searched(read_table(tmp_path / "t.parquet"), tmp_path, "bohb", budget=2, repeats=1)
    assert set(record.epochs) == {1, 3}
    assert len(record.beyond) > record.total_evaluations
