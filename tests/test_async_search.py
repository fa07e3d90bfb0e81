"""Live searches with several trainings at a time, and by the clock."""

from __future__ import annotations

import pickle
from collections import Counter
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from archcast.benchmarks.table import Table, read_table
from archcast.core.errors import InputError, UnreachableError
from archcast.core.workers import JobLost
from archcast.making.ground_truth import Beyond, setting_of
from archcast.making.recipe import Recipe
from archcast.making.robustness import Attack
from archcast.making.table_training import Setting, drawn, train_runs
from archcast.search import registry
from archcast.search.async_search import AsyncSearch
from archcast.search.pool import Pool
from archcast.search.search_job import SearchRecord, own_seed
from archcast.search.stop_rule import Foresight
from archcast.search.strategy import Guide, Strategy, Trial
from archcast.spaces import registry as spaces
from archcast.studies.searches import SearchExperiment
from archcast.testing.strategy_checks import POOL, _Known, _value
from tests.test_networks import save_images
from tests.test_stop_rule import FromLast

SPACE = spaces.get("size")
TOLD = ("beyond", "values", "truth", "evaluations", "epochs")


def told_in_any_order(strategy: Strategy, at_once: int, trials: int) -> list[Trial]:
    """The trials of a search, told of as chance has it."""
    rng = np.random.default_rng(3)
    guide = Guide(_Known()) if strategy.traits.unguided else None
    search = AsyncSearch(strategy, POOL, np.random.default_rng(0), guide)
    pending: list[Trial] = []
    found: list[Trial] = []
    while len(found) < trials:
        while len(pending) < at_once and (trial := search.ask()):
            kinds = [(POOL.class_of(each.architecture), each.epochs) for each in (*pending, trial)]
            assert len({*kinds}) == len(kinds), "pending already"
            pending.append(trial)
        assert pending, "nothing is left"
        trial = pending.pop(rng.integers(len(pending)))
        found.append(trial)
        search.tell(trial, _value(0, trial))
    return found


@pytest.mark.parametrize(
    "name", ["random", "evolution", "bayesian", "local-search", "reinforce", "hyperband", "bohb",
             "nsga2", "tpe"]
)  # fmt: skip
def test_every_strategy_takes_several_at_a_time(name: str) -> None:
    strategy = registry.get(name)()
    found = told_in_any_order(strategy, at_once=7, trials=60)
    kinds = Counter(POOL.class_of(each.architecture) for each in found)
    assert len(kinds) > 10
    alone = told_in_any_order(strategy, at_once=1, trials=60)
    assert found != alone
    if name == "random":
        assert max(kinds.values()) == 1


def test_a_search_that_is_told_too_early_says_so() -> None:
    search = AsyncSearch(registry.get("random")(), POOL, np.random.default_rng(0))
    trial = search.ask()
    assert trial is not None
    search.tell(trial, 1.0)
    with pytest.raises(ValueError, match="is not pending"):
        search.tell(trial, 1.0)


def test_a_guide_learns_of_what_has_ended_and_never_proposes_what_has_not() -> None:
    known: list[int] = []

    class Watched(Guide):
        def fit(self, architectures: Any, labels: Any) -> None:
            known.append(len(labels))
            super().fit(architectures, labels)

    rng = np.random.default_rng(0)
    evolution = registry.get("evolution")(start=4)
    pool = Pool(POOL.space, POOL.architectures[:16], POOL.epochs)
    search = AsyncSearch(evolution, pool, rng, Watched(_Known()))
    first = [search.ask() for _ in range(6)]
    assert None not in first
    assert not known, "two more are random: nothing is known yet"
    for trial in first[:4]:
        search.tell(trial, _value(0, trial))  # type: ignore[arg-type]
    more = [search.ask() for _ in range(4)]
    assert known[0] == 4
    asked = [pool.class_of(each.architecture) for each in (*first, *more) if each]
    assert len({*asked}) == len(asked) == 10


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """Two of the 32,768 architectures, of one epoch each."""
    folder = tmp_path_factory.mktemp("async")
    setting = replace(
        Setting.mini(SPACE, str(save_images(folder / "squares.npz")), "cpu"),
        recipe=Recipe(epochs=1),
        attack=Attack(images=9),
    )
    train_runs([(each, 0) for each in drawn(SPACE, 2)], setting, folder / "t.parquet", 1)
    return read_table(folder / "t.parquet")


def searched(table: Table, results: Path, workers: Any = 1, **options: Any) -> list[SearchRecord]:
    options = {"strategies": "evolution(population=3)", "budget": 5, **options}
    experiment = SearchExperiment(table, repeats=1, device="cpu", live=True, **options)
    records = experiment.run(results, workers)
    assert not any(record.error for record in records), records
    return records


class Here(Executor):
    """Does a job at once, in this process, and counts."""

    def __init__(self) -> None:
        self.done = 0

    def submit(self, job: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.done += 1
        future: Future[Any] = Future()
        try:
            future.set_result(job(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Deadly(Here):
    """As `Here`, but no process survives its second job."""

    def submit(self, job: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self.done != 1:
            return super().submit(job, *args, **kwargs)
        self.done += 1
        future: Future[Any] = Future()
        future.set_exception(JobLost(args[-1], "killed the process that it ran in, twice"))
        return future


class Killed(KeyboardInterrupt):
    """In place of a kill."""


def dying(after: int) -> Here:
    """As `Here`; it is killed before it does more jobs than so many."""

    class Dying(Here):
        def submit(self, job: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            if self.done == after:
                raise Killed
            return super().submit(job, *args, **kwargs)

    return Dying()


def test_one_at_a_time_is_the_search_one_by_one(table: Table, tmp_path: Path) -> None:
    plain = searched(table, tmp_path / "plain")
    timed = searched(table, tmp_path / "timed", Here(), wall=1e6)
    for one, other in zip(plain, timed, strict=True):
        assert one.job != other.job
        assert [getattr(one, name) for name in TOLD] == [getattr(other, name) for name in TOLD]


def test_several_at_a_time_in_processes(table: Table, tmp_path: Path) -> None:
    for record in searched(table, tmp_path, at_once=3):
        assert len({*record.beyond}) == len(record.values) == record.total_evaluations == 5
    [journal, _] = sorted(tmp_path.glob("search/*/*.journal"))
    assert len(journal.read_text().splitlines()) == 5


def test_after_a_kill_a_search_goes_on_from_where_it_was(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for after in (1, 4, 6):
        results = tmp_path / str(after)
        monkeypatch.setenv("ARCHCAST_CACHE", str(results / "cache"))
        with pytest.raises(Killed):
            searched(table, results, dying(after), at_once=2)
        before = {path: path.read_text() for path in results.glob("search/*/*.journal")}
        ended = sum(len(text.splitlines()) for text in before.values())
        again = Here()
        first = searched(table, results, again, at_once=2)
        for path, text in before.items():
            assert path.read_text().startswith(text)
        assert again.done >= 10 - ended
        for path in results.glob("search/*.json"):
            path.unlink()
        replayed = searched(table, results, Here(), at_once=2)
        assert [each.values for each in replayed] == [each.values for each in first]


def test_a_search_survives_trainings_that_no_process_does(
    table: Table,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is told the worst, also when it goes on after a kill, and their rows are in no table."""
    monkeypatch.setenv("ARCHCAST_CACHE", str(tmp_path / "cache"))
    options = {"strategies": "random", "at_once": 2}
    [record] = searched(table, tmp_path, Deadly(), **options)
    assert "killed the process that it ran in, twice" in caplog.text
    assert len(record.values) == record.total_evaluations == 5
    at = record.values.index(0.0)
    lost = record.beyond[at]
    assert record.truth[at] == pytest.approx(100 / 3), "that of guessing"
    trained = {row["architecture"] for row in Beyond.of(table, "cpu").rows()}
    assert lost not in trained
    out = read_table(*tmp_path.glob(f"{Path(table.name).stem}-*-live.parquet"))
    assert lost not in map(str, out.architectures)
    (tmp_path / "search" / f"{record.job.key(table.hash)}.json").unlink()
    [again] = searched(table, tmp_path, Here(), **options)
    assert again.values == record.values


def test_what_a_lost_training_takes_counts(table: Table, tmp_path: Path) -> None:
    options = {"strategies": "random", "at_once": 2}
    [record] = searched(table, tmp_path / "all", Deadly(), **options)
    assert len(record.training_seconds) == 5
    assert np.diff(record.training_seconds, prepend=0.0).min() > 0
    enough = 0.99 * record.total_training_seconds
    [cut] = searched(table, tmp_path / "cut", Deadly(), budget=9, seconds=enough, **options)
    assert 0.0 in cut.values
    assert cut.total_training_seconds == enough


def test_who_is_not_there_to_train_is_no_failure_of_a_search(table: Table, tmp_path: Path) -> None:
    class Gone(Here):
        def submit(self, job: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.set_exception(UnreachableError("--cluster tcp://there: the scheduler is gone"))
            return future

    with pytest.raises(InputError, match="the scheduler is gone"):
        searched(table, tmp_path, Gone(), at_once=2)
    assert not [*tmp_path.glob("search/*.json")]


def test_a_journal_that_a_kill_has_cut_is_read_up_to_there(table: Table, tmp_path: Path) -> None:
    [*_, first] = searched(table, tmp_path, Here(), at_once=2)
    [path] = tmp_path.glob(f"search/*/{first.job.key(table.hash)}.journal")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3]) + lines[3][:9])
    (tmp_path / "search" / f"{path.stem}.json").unlink()
    [*_, again] = searched(table, tmp_path, Here(), at_once=2)
    assert again.values == first.values
    assert path.read_text().startswith("".join(lines[:3]))
    assert len(path.read_text().splitlines()) == 5


def test_a_journal_of_another_course_is_left(
    table: Table, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    [*_, first] = searched(table, tmp_path, Here(), at_once=2)
    [path] = tmp_path.glob(f"search/*/{first.job.key(table.hash)}.journal")
    lines, own = path.read_text().splitlines(keepends=True), own_seed(first.job)
    path.write_text(lines[0] + lines[1].replace(f", {own}]", ", 7]", 1) + lines[2])
    (tmp_path / "search" / f"{path.stem}.json").unlink()
    [*_, again] = searched(table, tmp_path, Here(), at_once=2)
    assert "another course" in caplog.text
    assert len(again.values) == 5
    assert path.read_text().startswith(lines[0])
    assert ", 7]" not in path.read_text()


def test_the_clock_ends_a_search(table: Table, tmp_path: Path) -> None:
    class Never(Here):
        """Is never done with the third and the fourth."""

        def submit(self, job: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            done = super().submit(job, *args, **kwargs)
            return Future() if self.done in (3, 4) else done

    options = {"at_once": 2, "budget": None, "strategies": "random"}
    [record] = searched(table, tmp_path, Never(), wall=2.0, **options)
    assert len(record.values) == 2
    with pytest.raises(InputError, match="--wall -1: give more than 0"):
        searched(table, tmp_path, wall=-1.0)
    with pytest.raises(InputError, match="add --live"):
        SearchExperiment(table, "random", at_once=2).plan()


def test_processes_are_ended_where_the_clock_ends_a_search(table: Table, tmp_path: Path) -> None:
    asked = {"repeats": 1, "live": True, "device": "cpu", "seed": 9}
    [record] = SearchExperiment(table, "random", wall=0.01, at_once=2, **asked).run(tmp_path)
    assert record.error is not None
    assert "no training ends within --wall 0.01; give more" in record.error


def test_what_was_trained_is_kept_whatever_ends(table: Table, tmp_path: Path) -> None:
    searched(table, tmp_path, Here(), at_once=2)
    kept = {row["architecture"] for row in Beyond.of(table, "cpu").rows()}
    out = read_table(*tmp_path.glob(f"{Path(table.name).stem}-*-live.parquet"))
    assert {*map(str, out.architectures)} == kept


def short(table: Table, path: Path) -> Table:
    """As `table`, of four epochs."""
    setting = replace(setting_of(table, "cpu"), recipe=Recipe(epochs=4))
    train_runs([(each, 0) for each in drawn(SPACE, 2)], setting, path, 1)
    return read_table(path)


def test_hopeless_trainings_are_stopped(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    longer = short(table, tmp_path / "four.parquet")
    options = {"strategies": "random", "budget": 6}
    [whole] = searched(longer, tmp_path / "whole", **options)
    [record] = searched(longer, tmp_path / "one", Here(), stop=FromLast(), **options)
    assert record.epochs[0] == 4, "there is no best yet"
    assert min(record.epochs) < 4
    assert record.total_evaluations == pytest.approx(sum(record.epochs) / 4, abs=1e-6)
    assert 6 <= record.total_evaluations < 7
    assert len(record.values) > len(whole.values)
    best = -np.inf
    space, beyond = longer.space, Beyond.of(longer, "cpu")
    for text, epochs, value in zip(record.beyond, record.epochs, record.values, strict=True):
        curve = beyond.row((space.parse(text), own_seed(record.job)))["valid_accuracy"]
        assert value == pytest.approx(curve[epochs - 1], abs=1e-4), "it is the same run"
        hopeless = [epoch for epoch in range(1, 4) if curve[epoch - 1] < best - 0.01]
        assert epochs == min([*hopeless, 4])
        best = max(best, value) if epochs == 4 else best

    out = read_table(*tmp_path.glob("one/four-*-live.parquet"))
    ended = dict(zip(record.beyond, record.epochs, strict=True))
    early = {each for each, epochs in ended.items() if epochs < 4}
    runs = np.repeat(np.arange(len(out)), np.diff(out.starts))
    told = {str(out.architectures[at]) for at in runs[out.stopped]}
    assert told == early - {*whole.beyond}, "of what was also trained wholly, that run"
    kept = searched(longer, tmp_path / "two", Here(), stop=FromLast(), **options)
    assert kept[0].values == record.values, "what is kept of whole trainings changes nothing"
    train = Mock(side_effect=AssertionError("trained again"))
    monkeypatch.setattr("archcast.making.table_training.train", train)
    next((tmp_path / "two" / "search").glob("*.json")).unlink()
    [again] = searched(longer, tmp_path / "two", Here(), stop=FromLast(), **options)
    assert again.values == record.values


def test_lcsvr_stops(table: Table, tmp_path: Path) -> None:
    longer = short(table, tmp_path / "four.parquet")
    options = {"strategies": "random", "budget": 12, "stop": "lcsvr(trials=2)", "threshold": 0.4}
    [record] = searched(longer, tmp_path, Here(), at_once=2, **options)
    assert record.epochs[:10] == [4] * 10, "so many it learns from"
    assert min(record.epochs) < 4
    assert record.total_predictor_seconds > 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"stop": "xgb"}, "does not say how likely"),
        ({"stop": "omni"}, "does not say how likely"),
        ({"stop": "lcsvr,lce"}, "two"),
        ({"stop": "lcsvr", "threshold": 2.0}, "--threshold 2: give a chance"),
    ],
)
def test_what_can_not_stop_is_refused(
    table: Table, tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    longer = short(table, tmp_path / "four.parquet")
    with pytest.raises(InputError, match=said.replace("two", "names several")):
        SearchExperiment(longer, "random", live=True, device="cpu", **options).plan()


def test_guides_may_read_curves_and_what_is_counted(table: Table, tmp_path: Path) -> None:
    """One after the other: each is trained for what is read of it."""
    longer = short(table, tmp_path / "four.parquet")
    guide = "combine(bayes-lin-reg, parts=[params, sotl-e])"
    options = {"predictors": guide, "epochs": 1, "budget": 3}
    strategy = "evolution(population=2, tournament=1)"
    [*_, record] = searched(longer, tmp_path, strategies=strategy, **options)
    assert record.job.predictor
    with pytest.raises(InputError, match="leave --at-once, --wall and --stop out"):
        searched(longer, tmp_path, at_once=2, **options)


def test_in_another_process_what_was_fitted_is_kept(table: Table, tmp_path: Path) -> None:
    longer = short(table, tmp_path / "four.parquet")
    options = {"strategies": "random", "budget": 12, "stop": "lcsvr(trials=2)", "threshold": 0.0}
    fits = Mock(wraps=Foresight._fit)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Foresight, "_fit", lambda *given: fits(*given))
        searched(longer, tmp_path, Pickling(), at_once=2, **options)
    assert fits.call_count == 3, "once for each epoch but the last, ten being known"


class Pickling(Here):
    """As in another process."""

    def submit(self, job: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(job, *pickle.loads(pickle.dumps(args)), **kwargs)
