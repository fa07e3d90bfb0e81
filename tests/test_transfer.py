"""Predictors that begin with what another benchmark teaches, and what that costs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import approx_fprime
from scipy.stats import kendalltau
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from archcast.benchmarks.opening import _kept, open_table
from archcast.benchmarks.table import Table
from archcast.core.errors import InputError
from archcast.evaluation.engine import measured_there, run_job
from archcast.evaluation.sources import source_of
from archcast.predictors.helpers import carried_gp, lessons
from archcast.predictors.helpers.carried_gp import CarriedGP, Seen, minus_log_posterior
from archcast.predictors.helpers.continuation import SameParts
from archcast.predictors.lcsvr import LearningCurveSVR
from archcast.predictors.predictor import Context, Curves, Predictor, Source, Tags, Vector
from archcast.predictors.wrappers.transfer import Transfer
from archcast.report.terminal import search_table, sizes_table, to_csv
from archcast.report.text import leaderboard_columns, rows_of
from archcast.search.evolution import Evolution
from archcast.search.pool import Pool
from archcast.search.search_job import run_search_job
from archcast.search.strategy import Guide, Search
from archcast.spaces import registry as spaces
from archcast.studies.experiment import Experiment, facts_of
from archcast.studies.leaderboard import summarise
from archcast.studies.searches import SearchExperiment
from archcast.studies.speed_up import measure_searches
from archcast.studies.speed_up import summarise as summarise_searches
from archcast.testing import toy
from tests.results import EPOCH_SECONDS, EPOCHS, small_table

TABLE = small_table()
TRAIN, TEST = toy(60, seed=1), toy(60, seed=2)
HEAD = "bayes-lin-reg"


def elsewhere(folder: Path, n: int = 40, **changed: Any) -> str:
    """The path of a table of other cells on another data set."""
    made = small_table(n, seed=9)
    columns = {**made.columns, **changed}
    texts = [str(each) for each in made.architectures for _ in range(2)]
    kept = {name: values for name, values in columns.items() if values is not None}
    table = Table(made.space, "elsewhere", texts, kept)
    path = folder / "elsewhere.parquet"
    table.write(path)
    return str(path)


def drawn(n: int, seed: int) -> tuple[Seen, Vector]:
    rng = np.random.default_rng(seed)
    seen = Seen(rng.normal(size=(n, 3)), rng.normal(size=n))
    return seen, seen.scores + np.sin(seen.features[:, 0]) + rng.normal(0, 0.1, n)


def test_the_gradient_of_the_posterior_is_that_of_finite_differences() -> None:
    seen, y = drawn(12, 0)
    distances = carried_gp._distances(seen, seen)[None]
    given = distances, np.outer(seen.scores, seen.scores), y, CarriedGP.prior
    for logs in (CarriedGP.prior, np.array([0.4, -0.5, -1.0, 0.7])):
        _, gradient = minus_log_posterior(logs, *given)
        by_hand = approx_fprime(logs, lambda at: minus_log_posterior(at, *given)[0], 1e-6)
        np.testing.assert_allclose(gradient, by_hand, rtol=1e-3, atol=1e-4)


def test_the_process_by_another_library() -> None:
    """Means, deviations, and what is said of each label without it, by plain conditioning."""
    seen, y = drawn(15, 1)
    other, _ = drawn(6, 2)
    process = CarriedGP().fit(seen, y)
    scale, signal, noise, slope = np.exp(process.logs_)
    kernel = ConstantKernel(signal) * Matern(scale**-0.5, nu=2.5)

    def conditioned(known: list[int], asked: Seen) -> tuple[Vector, Vector]:
        x, z = (each[known] for each in seen)
        of_known = kernel(x) + slope * np.outer(z, z) + carried_gp.LEVEL
        of_known += (noise + carried_gp.JITTER) * np.eye(len(z))
        across = kernel(asked.features, x) + slope * np.outer(asked.scores, z) + carried_gp.LEVEL
        weights = np.linalg.solve(of_known, across.T).T
        means = carried_gp.SLOPE * asked.scores + weights @ (y[known] - carried_gp.SLOPE * z)
        own = signal + slope * asked.scores**2 + carried_gp.LEVEL + noise
        return means, np.sqrt(own - (weights * across).sum(axis=1))

    for given, expected in zip(process.query(other), conditioned([*range(15)], other), strict=True):
        np.testing.assert_allclose(given, expected, rtol=1e-6)
    for at in range(15):
        rest = [i for i in range(15) if i != at]
        alone = Seen(*(each[[at]] for each in seen))
        np.testing.assert_allclose(process.left_out_[at], conditioned(rest, alone)[0], rtol=1e-6)


def told(predictor: Predictor, labels: int, source: Source | None = None) -> float:
    """Tau after so many labels."""
    context = TRAIN.context.take(slice(labels))
    context = context if source is None else replace(context, source=source)
    predictor.fit(TRAIN.architectures[:labels], TRAIN.labels[:labels], context)
    scores = predictor.query(TEST.architectures, replace(TEST.context, source=context.source))
    return float(kendalltau(scores, TEST.labels).statistic)


def test_without_labels_the_source_ranks_and_many_labels_overrule_it() -> None:
    source = TRAIN.context.source
    assert source is not None
    assert told(Transfer(HEAD), 0) > 0.6
    wrong = replace(source, labels=-source.labels)
    assert told(Transfer(HEAD), 0, wrong) < -0.6
    assert told(Transfer(HEAD), 60, wrong) > 0.5


def test_what_matters_in_an_architecture_is_carried_over() -> None:
    """Also from a source whose scores are worth nothing here: labels' order is by their parity."""
    seen, _ = drawn(80, 3)
    y = np.sin(2 * seen.features[:, 0])
    weighed = Seen(seen.features * [1.0, 0.01, 0.01], seen.scores)
    found = []
    for given in (weighed, seen):
        train, test = (Seen(*(each[rows] for each in given)) for rows in (slice(20), slice(20, 80)))
        means, _ = CarriedGP().fit(train, y[:20]).query(test)
        found.append(kendalltau(means, y[20:]).statistic)
    assert found[0] > found[1] + 0.2


def test_the_head_sees_what_is_said_without_a_label(monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    real = Transfer(HEAD).head.__class__.fit_beside

    def fit_beside(self: Any, cells: Any, features: Vector, labels: Vector, context: Any) -> None:
        given.append((features[:, 0], labels))
        real(self, cells, features, labels, context)

    monkeypatch.setattr(type(Transfer(HEAD).head), "fit_beside", fit_beside)
    fitted = Transfer(HEAD).fit(*TRAIN)
    ((features, labels),) = given
    np.testing.assert_array_equal(features, fitted.process_.left_out_)
    assert sorted(labels) == pytest.approx(sorted(-labels)), "normal quantiles"


@pytest.mark.parametrize("head", ["gcn(steps=5)", "nao(steps=5, width=8)", "rf(labels=rank)"])
def test_other_heads(head: str) -> None:
    assert told(Transfer(head), 30) > 0.3


def test_what_can_not_be_a_head() -> None:
    class Ranker(Predictor):
        """It gives no values."""

        def _fit(self, architectures: Any, labels: Any, context: Any) -> None: ...

        def _query(self, architectures: Any, context: Any) -> Any: ...

    for head in ("params", Ranker()):
        with pytest.raises(InputError, match="can't be a head: it learns no values of labels"):
            Transfer(head).tags  # noqa: B018


def test_curves_are_compared_at_the_same_parts_of_a_training() -> None:
    """Of a line the value at half of the training is the same, however many epochs that has."""
    line = {"valid_accuracy": 10.0 * np.arange(1, 11)[None], "valid_loss": np.zeros((1, 10))}
    there = Curves(10, line)
    for horizon, epochs, expected in (
        (4, 3, [25.0, 50.0, 75.0]),
        (20, 6, [10.0, 20.0, 30.0]),
        (20, 5, [10.0, 20.0, 25.0]),
        (100, 2, [10.0]),
    ):
        so_far = np.arange(1.0, epochs + 1)[None]
        parts = SameParts(there, Curves(horizon, {"valid_accuracy": so_far}))
        found, here = parts(there), parts(Curves(horizon, {"valid_accuracy": so_far}))
        assert found.columns.keys() == {"valid_accuracy"}
        assert found.objective is None
        np.testing.assert_allclose(found.columns["valid_accuracy"], [expected])
        known = np.array(expected) * horizon / 100 if horizon < 100 else [2.0]
        np.testing.assert_allclose(here.columns["valid_accuracy"], [known])


@pytest.mark.parametrize(("horizon", "epochs"), [(7, 3), (48, 24), (90, 27), (200, 50)])
def test_trainings_of_any_length_are_read(horizon: int, epochs: int) -> None:
    """Also where parts of one are between epochs of the other."""
    progress = 1.0 - 0.6 * np.exp(-7.2 / horizon * np.arange(1, epochs + 1))
    curve = TEST.labels[:, None] * progress
    read = Curves(horizon, {"valid_accuracy": curve}, curve)
    there = Context(curves=read, source=TRAIN.context.source)
    fitted = Transfer("lcsvr(trials=10)").fit([], [], there.take(slice(0)))
    assert kendalltau(fitted.query(TEST.architectures, there), TEST.labels)[0] > 0.85


def test_labels_of_runs_that_diverged_turn_nothing_round() -> None:
    def failing(context: Context) -> Context:
        assert context.curves is not None
        diverged = np.arange(len(context.curves.columns["valid_loss"])) < 3
        return replace(context, curves=replace(context.curves, diverged=diverged))

    labels = np.where(np.arange(60) < 3, 0.0, TRAIN.labels)
    head = Transfer("lcsvr(trials=5)")
    fitted = head.fit(TRAIN.architectures, labels, failing(TRAIN.context))
    scores = fitted.query(TEST.architectures, failing(TEST.context))
    without = head.fit(TRAIN.architectures[3:], TRAIN.labels[3:], TRAIN.context.take(slice(3, 60)))
    kept = TEST.context.take(slice(3, 60))
    np.testing.assert_allclose(scores[3:], without.query(TEST.architectures[3:], kept))
    assert scores[:3].max() < scores[3:].min()
    none = head.fit([], [], TRAIN.context.take(slice(0)))
    scores = none.query(TEST.architectures, failing(TEST.context))
    assert scores[:3].max() < scores[3:].min()


def test_a_head_that_reads_curves_learns_there_how_they_end() -> None:
    """Curves tell here what architectures do not: all are the same cell."""
    head = Transfer("lcsvr(trials=3)")
    fitted = head.fit([], [], TRAIN.context.take(slice(0)))
    same = [TEST.architectures[0]] * 60
    assert kendalltau(fitted.query(same, TEST.context), TEST.labels).statistic > 0.7


def test_runs_that_diverged_there_teach_nothing() -> None:
    source = TRAIN.context.source
    assert source is not None
    assert source.curves is not None
    n, known = len(source.labels), source.curves

    def cut(curve: Vector | None) -> Vector | None:
        """The same runs again, which diverge in the third epoch."""
        again = np.where(np.arange(known.horizon) < 2, curve, np.nan)
        return None if curve is None else np.vstack([curve, again[:, : curve.shape[1]]])

    spoilt = replace(
        source,
        architectures=[*source.architectures] * 2,
        labels=np.append(source.labels, source.labels),
        curves=Curves(
            known.horizon,
            {name: cut(curve) for name, curve in known.columns.items()},  # type: ignore[misc]
            cut(known.objective),
            np.repeat([False, True], n),
        ),
    )
    head, asked = LearningCurveSVR(trials=3), TEST.context.only(LearningCurveSVR().tags)
    scores = [
        lessons._taught(head, each, asked.curves)[0].query(TEST.architectures, asked)
        for each in (source, spoilt)
    ]
    np.testing.assert_allclose(*scores)


def job(source: str, size: int = 20, **changed: Any) -> tuple[Any, Table]:
    table = changed.pop("table", TABLE)
    predictor = Transfer(HEAD, source)
    experiment = Experiment(table, [predictor], (size,), test_size=20, repeats=1, **changed)
    return experiment.plan()[0][0], table


def test_the_price_of_the_source_is_its_own(tmp_path: Path) -> None:
    record = run_job(*job(elsewhere(tmp_path)))
    cost = record.cost
    assert cost is not None
    labels = 40 * 2 * EPOCHS * EPOCH_SECONDS  # all runs
    assert cost.source is not None
    assert labels < cost.source < labels + 60, "learning from them took some seconds"
    assert cost.labels == pytest.approx(20 * EPOCHS * EPOCH_SECONDS)
    assert cost.init_seconds == pytest.approx(cost.labels + cost.fit)


def test_a_source_that_does_not_say_what_it_took(tmp_path: Path) -> None:
    record = run_job(*job(elsewhere(tmp_path, epoch_seconds=None)))
    assert record.cost is not None
    assert record.cost.source is None
    assert record.cost.init_seconds is not None


def test_lessons_are_learned_once_and_are_no_part_of_fitting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fresh = replace(TRAIN.context.source, seconds=7.0)
    context, calls = replace(TRAIN.context, source=fresh), []
    real = lessons._taught

    def taught(*given: Any) -> Any:
        calls.append(given)
        return real(*given)

    monkeypatch.setattr(lessons, "_taught", taught)
    for _ in range(2):
        fitted = Transfer(HEAD).fit(TRAIN.architectures, TRAIN.labels, context)
        assert fitted.source_seconds_ == 7.0 + fitted.lessons_.seconds
        assert fitted.lessons_.seconds > 0.01
    assert len(calls) == 1
    fresh = replace(fresh, seconds=8.0)  # another source
    cold = Transfer(HEAD).fit([], [], replace(context, source=fresh).take(slice(0)))
    assert len(calls) == 2
    assert cold.saved_seconds_ == pytest.approx(-cold.lessons_.seconds, rel=0.2)


def test_sources_are_of_the_space_and_of_another_data_set(tmp_path: Path) -> None:
    own = small_table(n=40, seed=9)
    path = tmp_path / "own.parquet"
    own.write(path)
    cells = [str(cell) for cell in open_table("nasbench201:cifar10").architectures[:4]]
    for dataset in ("CIFAR-10", "cifar10-valid"):
        mine = Table(
            TABLE.space, dataset, cells, {"test_accuracy": [1.5, 2.0, 3.0, 4.0]}, source="mine"
        )
        with pytest.raises(InputError, match="has the data set that is predicted"):
            source_of(mine, "nasbench201:cifar10")
    with pytest.raises(InputError, match=r"own\.parquet has the data set that is predicted, toy"):
        source_of(TABLE, str(path))
    with pytest.raises(InputError, match="is of space nasbench-graph, and table of nasbench201"):
        source_of(TABLE, "nasbench-graph:cora")
    with pytest.raises(InputError, match="did you mean"):
        source_of(TABLE, "nasbench201-minni")
    assert source_of(TABLE, None).name == "nasbench201-mini"
    mini = source_of(TABLE, None)
    real = source_of(mini, None)
    assert (real.name, real.dataset) == ("nasbench201", "cifar10")
    assert source_of(source_of(mini, "nasbench201:cifar100"), None) is mini
    assert source_of(mini.averaged(), None) is real, "the same results, averaged"
    assert source_of(mini, None, by_curves=True).name == "nasbench101-mini", "those have curves"
    assert source_of(TABLE, None, by_curves=True) is mini
    graphs = source_of_nothing()
    with pytest.raises(InputError, match="no other benchmark of space proxylessnas"):
        source_of(graphs, None)


def source_of_nothing() -> Table:
    """A table of a space that no shipped benchmark has."""
    space = spaces.get("proxylessnas")
    texts = [str(each) for each in space.sample(3, np.random.default_rng(0))]
    return Table(space, "mine", texts, {"valid_accuracy": [1.0, 2.0, 3.0]})


def test_values_there_are_means_over_runs_as_higher_is_better(tmp_path: Path) -> None:
    table = source_of(TABLE, elsewhere(tmp_path))
    found = measured_there(table, table.objective("latency_cpu"))
    expected = -table.columns["latency_cpu"].reshape(-1, 2).mean(axis=1)
    np.testing.assert_allclose(found.labels, expected, rtol=1e-6)
    assert found.seconds is None, "what measuring takes, no table says"
    assert found.curves is not None
    assert found.curves.columns["valid_accuracy"].shape == (40, EPOCHS)


def test_values_there_are_of_runs_that_came_to_an_end(tmp_path: Path) -> None:
    values = source_of(TABLE, elsewhere(tmp_path)).columns["valid_accuracy"]
    failed = np.isin(np.arange(80), [0, 2, 3])  # one of two runs, then both
    table = source_of(TABLE, elsewhere(tmp_path, diverged=failed, valid_accuracy=values))
    found = measured_there(table, table.objective())
    np.testing.assert_allclose(found.labels[:2], [values[1, -1], 0.0])


def test_the_content_of_the_source_decides_the_identity(tmp_path: Path) -> None:
    said = []
    for changed in ({}, {"valid_accuracy": None}, {}):
        predictor = Transfer(HEAD, elsewhere(tmp_path, **changed))
        _kept.cache_clear()
        said.append(facts_of(predictor, TABLE, "cpu"))
    assert said[0]["identity"] != said[1]["identity"]
    assert said[0] == said[2]


def test_no_labels_are_for_those_that_rank_without(tmp_path: Path) -> None:
    predictors = [Transfer(HEAD, elsewhere(tmp_path)), HEAD, "params"]
    experiment = Experiment(TABLE, predictors, (0, 20), test_size=20, repeats=1)
    sizes = [(each.job.name, each.job.train_size) for each in experiment.plan()[0]]
    assert sizes == [("transfer", 0), ("transfer", 20), (HEAD, 20), ("params", 0)]
    with pytest.raises(InputError, match=r"--train-sizes 0: bayes-lin-reg learns from labels"):
        Experiment(TABLE, [HEAD], (0,), test_size=20).plan()


def test_the_price_is_shown_where_there_is_one(tmp_path: Path) -> None:
    predictors = [Transfer(HEAD, elsewhere(tmp_path)), HEAD]
    experiment = Experiment(TABLE, predictors, (0, 20), test_size=20, repeats=2)
    board = summarise(experiment.measured(tmp_path / "results"))
    assert board["error" if "error" in board else "failed"].sum() == 0
    shown = {
        column.heading: column for column in leaderboard_columns("kendall-tau", rows_of(board))
    }
    cells = {row["predictor"]: shown["source"].cell(row) for row in rows_of(board)}
    assert cells[HEAD] == "-"
    assert any(cell.endswith("min") for cell in cells.values())
    assert "source_seconds" in to_csv(board).splitlines()[0].split(",")
    alone = board[board["predictor"] == HEAD]
    headings = [column.heading for column in leaderboard_columns("kendall-tau", rows_of(alone))]
    assert "source" not in headings
    columns = [str(each.header) for each in sizes_table(board, "train_size").columns]
    assert columns == ["predictor", "0", "20"]


class Foresight(Predictor):
    """It knows the values of all, before and after any label."""

    tags = Tags(informed=True)
    known: dict[Any, float]

    def _fit(self, architectures: Any, labels: Any, context: Context) -> None:
        self.fits_ = [*getattr(self, "fits_", []), len(labels)]

    def _query(self, architectures: Any, context: Context) -> Vector:
        return np.array([self.known[each] for each in architectures])


def test_a_guide_that_ranks_without_labels_chooses_the_first_training() -> None:
    cells = list(dict.fromkeys(TABLE.architectures))
    guide = Foresight()
    guide.known = dict(zip(cells, np.linspace(0, 1, len(cells)), strict=True))
    pool = Pool(cells[0].space, cells, 1)
    search = Search(Evolution(), pool, np.random.default_rng(0), Guide(guide))
    values = []
    for _ in range(4):
        trial = search.ask()
        assert trial is not None
        values.append(guide.known[trial.architecture])
        search.tell(values[-1])
    assert guide.fits_[0] == 0
    assert min(values[:2]) > 0.9, "the best of a hundred draws"


@pytest.mark.parametrize("strategy", ["evolution", "bayesian", "bayesian(acquisition=ei)"])
def test_searches_tell_what_the_source_took(tmp_path: Path, strategy: str) -> None:
    predictor = Transfer(HEAD, elsewhere(tmp_path))
    experiment = SearchExperiment(TABLE, strategy, [predictor], budget=6, repeats=1)
    planned = experiment.plan()[0]
    records = [run_search_job(each, TABLE) for each in planned]
    assert [record.error for record in records] == [None] * len(records)
    summary = summarise_searches(measure_searches(records))
    prices = dict(zip(summary["predictor"].fillna(""), summary["source_seconds"], strict=True))
    assert prices.pop("") == 0.0
    (price,) = prices.values()
    assert price > 40 * 2 * EPOCHS * EPOCH_SECONDS
    headings = [str(each.header) for each in search_table(summary, 120).columns]
    assert headings[-1] == "source"
    alone = summary[summary["predictor"].isna()]
    assert "source" not in [str(each.header) for each in search_table(alone, 120).columns]
    assert isinstance(json.loads(pd.DataFrame(summary).to_json()), dict)


def test_heads_that_need_more_than_curves(tmp_path: Path) -> None:
    """They learn here; at the source, whose networks are not at hand, trees do."""
    head = "combine(xgb(n_estimators=5), parts=[sotl-e, params])"
    predictor = f"transfer({head}, source={elsewhere(tmp_path)})"
    for labels in (0, 20):
        [record] = Experiment(TABLE, predictor, [labels], epochs=[3], repeats=1, test_size=20).run(
            tmp_path
        )
        assert record.error is None, record.error


def test_curves_of_another_space_teach_how_trainings_end() -> None:
    """Its architectures say nothing: the same for all that is told of them."""
    away = toy(60, seed=4, space=spaces.get("size"))
    curves = replace(away.context.curves, objective=None)
    source = Source(away.architectures, away.labels, curves, of_space=False)
    here = replace(TRAIN.context, source=source)
    none = Transfer("lcsvr(trials=5)").fit([], [], here.take(slice(0)))
    there = replace(TEST.context, source=source)
    scores = none.query(TEST.architectures, there)
    assert kendalltau(scores, TEST.labels)[0] > 0.9, "though all its curves are lower"
    others = [*TEST.architectures[1:], TEST.architectures[0]]
    np.testing.assert_array_equal(none.query(others, there), scores)
    some = Transfer("lcsvr(trials=5)").fit(TRAIN.architectures, TRAIN.labels, here)
    assert kendalltau(some.query(TEST.architectures, there), TEST.labels)[0] > 0.9
    assert (some.query(others, there) != some.query(TEST.architectures, there)).any()


def test_a_source_of_curves_may_be_of_another_space(tmp_path: Path) -> None:
    predictor = "transfer(lcsvr(trials=5), source=size-mini)"
    [record] = Experiment(TABLE, predictor, [0], epochs=[3], repeats=1, test_size=20).run(tmp_path)
    assert record.error is None
    assert record.cost is not None
    assert record.cost.source is not None
    with pytest.raises(InputError, match="source darts-rnn-mini has no curves to"):
        Experiment(TABLE, "transfer(lcsvr, source=darts-rnn-mini)", [20], test_size=20).plan()
    with pytest.raises(InputError, match="darts-rnn-mini: no other benchmark with curves to bits"):
        source_of(open_table("darts-rnn-mini"), None, by_curves=True)


def test_a_source_that_lacks_a_curve_is_named(tmp_path: Path) -> None:
    source = elsewhere(tmp_path, train_loss=None)
    with pytest.raises(InputError, match="a source without train_loss"):
        Experiment(
            TABLE, f"transfer(lcsvr, source={source})", [20], epochs=[3], test_size=20
        ).plan()
