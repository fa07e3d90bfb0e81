"""Objectives of any name, unit and direction: what predictors and searches are told of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kendalltau

from archcast.benchmarks.objective import ACCURACY, Objective
from archcast.benchmarks.table import Table
from archcast.core.errors import InputError
from archcast.evaluation.engine import context, draw_runs, run_job, split
from archcast.evaluation.job import Job, Planned
from archcast.evaluation.measure import measure
from archcast.evaluation.noise import noise_ceiling
from archcast.evaluation.record import Record
from archcast.predictors import Column, Combined, EarlyStopAccuracy, Ensemble, Tuned, XGBoost
from archcast.predictors.predictor import Context, Predictor, Tags, Vector
from archcast.predictors.predictor_text import configured, to_predictor
from archcast.report.text import Row, rows_of
from archcast.search.goal import Goal
from archcast.search.proxy_then_evaluate import ProxyThenEvaluate
from archcast.search.search_job import SearchRecord
from archcast.search.simulation import Log, PaidGuide, Simulation
from archcast.search.strategy import Search
from archcast.search.strategy_text import to_strategy
from archcast.spaces import registry as spaces
from archcast.spaces.space import Architecture
from archcast.studies import leaderboard, speed_up, stopping
from archcast.studies.experiment import Experiment
from archcast.studies.leaderboard import comparable
from archcast.studies.regrets import incumbent_regrets
from archcast.studies.searches import SearchExperiment
from archcast.studies.speed_up import comparable_searches, measure_searches
from archcast.studies.stopping import replay, run_stop_job, stop_jobs
from tests.results import EPOCHS, small_table, why_left_out
from tests.test_search import RUNS, of_curves

SPACE = spaces.get("nasbench201")
PERPLEXITY = Objective("perplexity", "min", "ppl", valid="valid_ppl", test="test_ppl")
ROBUST = Objective("robust", "max", "%", valid="robust_valid", test="robust_test")
GAPS = np.arange(128) % 6 == 1  # of robust accuracy, in second runs


def language_table() -> Table:
    """Two runs of each of 64 cells, which mutations lead to: perplexities, and robust accuracy."""
    rng = np.random.default_rng(5)
    choices = [each for each in product((2, 3), repeat=6) for _ in range(2)]
    quality = (np.array(choices) == 3) @ np.array([0.1, 0.1, 0.3, 0.1, 0.2, 0.2])
    final = 220.0 - 120.0 * quality + rng.normal(0.0, 4.0, 128)
    ppl = final[:, None] * (1.0 + np.exp(-0.6 * np.arange(1, EPOCHS + 1)))
    columns = {
        "seed": np.tile([0, 1], 64),
        "train_loss": ppl / 60.0,
        "epoch_seconds": np.full(128, 2.0),
        "valid_ppl": ppl,
        "test_ppl": 1.1 * ppl[:, -1] + rng.normal(0.0, 2.0, 128),
        "robust_valid": np.where(GAPS, np.nan, rng.uniform(20.0, 60.0, 128)),
        "robust_test": np.where(GAPS, np.nan, rng.uniform(20.0, 60.0, 128)),
        "latency_a": rng.uniform(1.0, 2.0, 128),
        "latency_b": rng.uniform(1.0, 2.0, 128),
        "bleu": rng.uniform(0.0, 1.0, 128),
        "synflow": rng.normal(size=128),
    }
    texts = [str(Architecture(SPACE, each)) for each in choices]
    return Table(SPACE, "text", texts, columns, objectives=[PERPLEXITY, ROBUST], source="text.csv")


TABLE = language_table()


def changed(table: Table, **columns: Any) -> Table:
    """A table with other columns or objectives, of which records think that it is the same."""
    owners = np.repeat(np.arange(len(table)), np.diff(table.starts))
    texts = [str(table.architectures[owner]) for owner in owners]
    objectives = columns.pop("objectives", table.objectives)
    found = Table(
        table.space, table.dataset, texts, {**table.columns, **columns}, objectives=objectives
    )
    found.__dict__["hash"] = table.hash
    return found


def plan(predictors: Any, table: Table = TABLE, **options: Any) -> list[Planned[Job]]:
    sizes = {"train_sizes": (20,), "test_size": 30, "repeats": 1}
    return Experiment(table, predictors, **{**sizes, **options}).plan()[0]


def run(predictors: Any, table: Table = TABLE, **options: Any) -> Record:
    record = run_job(plan(predictors, table, **options)[0], table)
    assert record.error is None, record.error
    return record


def drawn(job: Job, table: Table = TABLE) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows of the labelled architectures and of those that are ranked."""
    parts = split(job, table)
    return parts.run[parts.train], parts.run[parts.test]


class Spy(Predictor):
    """Keeps what it is given."""

    tags = Tags(needs=frozenset({"curves"}))
    seen: list[tuple[Vector, Context]] = []  # noqa: RUF012

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        self.seen.append((labels, context))

    def _query(self, architectures: Sequence[Architecture], context: Context) -> Any:
        return np.arange(len(architectures))


# Less is better


def test_predictors_see_that_higher_is_better() -> None:
    record = run(Spy(), epochs=(3,))
    labels, given = Spy.seen[-1]
    train, test = drawn(record.job)
    np.testing.assert_allclose(labels, -TABLE.columns["valid_ppl"][train, -1])
    assert given.curves is not None
    assert given.curves.objective is not None
    np.testing.assert_array_equal(given.curves.objective, -TABLE.columns["valid_ppl"][train, :3])
    curve = given.curves.columns["valid_ppl"]
    np.testing.assert_array_equal(curve, TABLE.columns["valid_ppl"][train, :3], "as it is")
    other = TABLE.columns["test_ppl"][test ^ 1]
    np.testing.assert_allclose(record.truth, other, err_msg="of the other run, in its unit")
    assert test.shape == (30,)


@pytest.mark.parametrize("epochs", [2, EPOCHS])
def test_early_stopping_reads_the_curve_of_what_is_predicted(epochs: int) -> None:
    record = run("early-stop-acc", epochs=(epochs,))
    _, test = drawn(record.job)
    np.testing.assert_array_equal(record.predictions, -TABLE.columns["valid_ppl"][test, epochs - 1])


def board(record: Record) -> Row:
    (row,) = rows_of(leaderboard.summarise(measure([record])))
    return row


def test_metrics_of_a_minimised_objective() -> None:
    good = run("early-stop-acc", epochs=(EPOCHS,))
    wrong = good.model_copy(update={"predictions": [-score for score in good.predictions]})
    for record in (good, wrong):
        row = board(record)
        truth, scores = np.array(record.truth), np.array(record.predictions)
        assert row["kendall_tau"] == pytest.approx(kendalltau(-truth, scores).statistic)
        ten = np.argsort(-scores)[:10]
        assert row["regret_at_10"] == pytest.approx(truth[ten].min() - truth.min())
        assert row["regret_at_10"] >= 0
        best = set(np.argsort(truth)[:10])
        assert row["precision_at_10"] == pytest.approx(len(best & set(ten)) / 10)
    assert board(good)["kendall_tau"] > 0.75
    assert board(wrong)["regret_at_10"] > 0


@pytest.mark.parametrize("name", ["xgb", "lcsvr(trials=5)", "sotl-e", "bayes-lin-reg"])
def test_predictors_rank_what_is_minimised(name: str) -> None:
    row = board(run(name, epochs=(3,)))
    assert row["kendall_tau"] > 0.4


def search_log(strategy: str, guide: str | None, table: Table, objective: Objective) -> Log:
    simulation = Simulation(table, table.starts[:-1], Goal((objective,)), "valid")
    paid = None
    if guide:
        predictor = configured(to_predictor(guide), 0, "cpu")
        epochs = 2 * of_curves(guide)
        paid = PaidGuide(predictor, simulation, epochs, np.arange(5), 0, objective)
    search = Search(to_strategy(strategy), simulation.pool, np.random.default_rng(0), paid)
    return simulation.run_search(search, 25)


@pytest.mark.parametrize(("strategy", "guide"), RUNS)
def test_searches_minimise(strategy: str, guide: str | None) -> None:
    """To minimise is to maximise the negative, step by step, and is not to maximise."""
    if (strategy, guide) == ("evolution", None):
        strategy = "evolution(population=5, tournament=3)"
    most = replace(PERPLEXITY, direction="max")
    negative = changed(TABLE, valid_ppl=-TABLE.columns["valid_ppl"], objectives=[most])
    log, mirrored = (
        search_log(strategy, guide, TABLE, PERPLEXITY), search_log(strategy, guide, negative, most)
    )  # fmt: skip
    assert log.architectures == mirrored.architectures
    assert log.values == [-value for value in mirrored.values]
    curves, rows = TABLE.columns["valid_ppl"], TABLE.starts[log.architectures]
    np.testing.assert_array_equal(log.values, curves[rows, np.array(log.epochs) - 1])
    if strategy not in ("random", "reinforce", "nsga2") and guide not in ("random", "sotl-e"):
        upwards = search_log(strategy, guide, changed(TABLE, objectives=[most]), most)
        assert upwards.architectures != log.architectures
        assert np.mean(log.values[-8:]) < np.mean(upwards.values[-8:])


def test_regrets_of_a_search_are_in_the_objectives_unit(tmp_path: Path) -> None:
    records = SearchExperiment(TABLE, "evolution", "bayes-lin-reg", 30, 3).run(tmp_path)
    for record in records:
        assert record.error is None
        rng = record.job.split_rng(TABLE.hash)
        truth = TABLE.columns["test_ppl"][draw_runs(TABLE, rng, TABLE.columns["seed"]) ^ 1]
        assert record.best == pytest.approx(truth.min())
        kept = [int(np.argmin(record.values[: at + 1])) for at in range(len(record.values))]
        regrets = truth[np.array(record.architectures)[kept]] - truth.min()
        np.testing.assert_allclose(incumbent_regrets(record), regrets, atol=1e-9)
        assert (regrets >= 0).all()
    for row in rows_of(speed_up.summarise(measure_searches(records))):
        own = [each for each in records if each.job.predictor == (row["predictor"] or "")]
        found = [each.best + incumbent_regrets(each)[-1] for each in own]
        assert row["value"] == pytest.approx(np.median(found))


def test_stop_works_on_what_is_minimised() -> None:
    (planned,) = stop_jobs(TABLE, "lcsvr(trials=5)", 20, 12, 1, 0)
    record = run_stop_job(planned, TABLE)
    assert record.error is None
    parts = split(planned.job, TABLE)
    curves = TABLE.columns["valid_ppl"][parts.run[parts.test]]
    np.testing.assert_allclose(record.curves, -curves)
    finals = curves[:, -1]
    kendall = kendalltau(record.means[3], -finals).statistic
    assert kendall > 0.6, "means are on the axis of the labels"
    assert replay(record, 0.0) == (1.0, 1.0, 0.0)
    best, kept = np.inf, []
    for at, curve in enumerate(record.curves):
        chances = [(record.means[e][at] + best) / record.stds[e][at] for e in range(len(curve) - 1)]
        if all(chance >= 0 for chance in chances):  # a half or more
            kept.append(at)
            best = min(best, finals[at])
    assert replay(record, 0.5).regret == pytest.approx(finals[kept].min() - finals.min())
    assert (stopping.summarise([record], [0.05, 0.5])["regret"] >= 0).all()


def test_a_run_that_diverged_is_worse_than_any_perplexity() -> None:
    curves = {name: TABLE.columns[name].copy() for name in ("valid_ppl", "train_loss")}
    for values in curves.values():
        values[0, 2:], values[2] = np.nan, np.nan
    diverged = np.isin(np.arange(128), (0, 2))
    table = changed(TABLE, **curves, diverged=diverged)
    labels = table.values(PERPLEXITY, "valid")
    assert labels[[0, 2]].tolist() == [TABLE.columns["valid_ppl"][~diverged, -1].max()] * 2
    predictor = EarlyStopAccuracy().fit([], [], _context(table, np.arange(0), 4))
    rows = np.arange(0, 128, 2)
    together = predictor.query(table.architectures, _context(table, rows, 4))
    assert set(np.argsort(together)[:2]) == {0, 1}
    assert together[0] == together[1]
    for at in (0, 1):
        alone = predictor.query([table.architectures[at]], _context(table, rows[[at]], 4))
        assert alone == together[at], "whatever else is asked about"


def _context(table: Table, rows: NDArray[np.int64], epochs: int) -> Context:
    return context(table, rows, EarlyStopAccuracy(), PERPLEXITY, epochs, rows, 0)


# What can't be predicted, or not by this


def test_what_reads_accuracy_is_left_out_with_a_reason() -> None:
    _, remarks = Experiment(TABLE, "learning-curve", train_sizes=(20,), test_size=30).plan()
    for name in ("lce", "lce-m"):
        assert why_left_out(remarks[0], name) == "the table has no valid_accuracy"
    assert "early-stop-acc" not in remarks[0]
    with pytest.raises(InputError, match=r"can't run lce \(the table has no valid_accuracy\)"):
        plan("lce")
    both = changed(TABLE, valid_accuracy=np.full((128, EPOCHS), 50.0))
    assert plan("lce", both)
    with pytest.raises(InputError, match="lce: foretells valid_accuracy and not perplexity"):
        stop_jobs(both, "lce", 20, 20, 1, 0)
    assert stop_jobs(small_table(), "lce", 20, 20, 1, 0)


def test_early_stopping_wants_a_curve_of_the_objective() -> None:
    with pytest.raises(
        InputError, match=r"can't run early-stop-acc \(the table has no objective\)"
    ):
        plan("early-stop-acc", objective="robust")
    with pytest.raises(InputError, match="has no curve of robust"):
        stop_jobs(changed(TABLE, objectives=[ROBUST], robust_valid=np.ones(128) * 50,
                          robust_test=np.ones(128) * 50), "lcsvr", 20, 20, 1, 0)  # fmt: skip
    with pytest.raises(
        InputError, match=r"hyperband: trains for a few epochs.* no robust by epoch"
    ):
        SearchExperiment(TABLE, "hyperband", objective="robust").plan()


def test_latency_is_an_objective_by_its_name() -> None:
    objective = TABLE.objective("latency_a")
    assert (objective.direction, objective.unit) == ("min", "ms")
    record = run("xgb", objective="latency_a")
    _, test = drawn(record.job)
    np.testing.assert_allclose(record.truth, TABLE.columns["latency_a"][test ^ 1], rtol=1e-6)
    row = board(record)
    tau = kendalltau(record.truth, record.predictions).statistic
    assert row["kendall_tau"] == pytest.approx(-tau)
    assert run("latency(latency_b)", objective="latency_a").job.objective == objective


@pytest.mark.parametrize(
    ("predictor", "objective", "reason"),
    [
        ("latency", None, "2 columns latency_.*: name one, latency.latency_a."),
        ("combine(xgb, parts=[latency])", None, "2 columns latency_.*: name one"),
        ("latency(latency_a)", "latency_a", "latency_a only as what is to be predicted"),
        ("combine(xgb, parts=[latency(latency_a)])", "latency_a", "latency_a only as what is to"),
        ("column(bleu)", "bleu", "bleu only as what is to be predicted"),
        ("column(test_ppl)", None, "test_ppl only as what is to be predicted"),
        ("column(test)", "robust", "2 columns test_|test_ppl only as an objective"),
        ("column(test_ppl)", "robust", "test_ppl only as an objective"),
        ("column(robust_valid)", None, "robust_valid only as an objective"),
        ("combine(xgb, parts=[sotl-e, column(robust_test)])", None, "robust_test only as an obj"),
        ("ensemble(combine(xgb, parts=[column(robust_test)]))", None, "robust_test only as an"),
        ("column(valid_ppl)", None, "valid_ppl only by epoch"),
        ("column(valid_ppl)", "robust", "valid_ppl only by epoch"),
        ("column(train_loss)", None, "train_loss only by epoch"),
        ("column(absent)", None, "no absent"),
        ("params", None, "no parameters"),
    ],
)
def test_what_a_predictor_may_not_read(predictor: str, objective: str | None, reason: str) -> None:
    bleu = Objective("bleu", "max", valid="bleu", test="bleu")
    table = changed(
        TABLE, objectives=[PERPLEXITY, ROBUST, *([bleu] if objective == "bleu" else [])]
    )
    with pytest.raises(InputError, match=rf"can't run .* \(the table has .*{reason}") as caught:
        plan(predictor, table, objective=objective)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("perplexiti", "text.csv has no objective 'perplexiti': did you mean perplexity"),
        ("latency", "no objective 'latency': did you mean latency_"),
        (
            "bleu",
            "more or less of 'bleu' is better; .*--objective 'bleu.direction=min, test=bleu.'",
        ),
        ("train_loss", "more or less of 'train_loss' is better"),
    ],
)
def test_objectives_that_there_are_not(name: str, message: str) -> None:
    for asked in (Experiment(TABLE, "rf", objective=name), SearchExperiment(TABLE, objective=name)):
        with pytest.raises(InputError, match=message) as caught:
            asked.plan()
        assert "\n" not in str(caught.value)


def test_objectives_are_not_compared(tmp_path: Path) -> None:
    records = [run("rf", repeats=1), run("rf", repeats=1, objective="robust")]
    kept = comparable(measure([*records, records[1]]))
    assert kept["objective"].tolist() == ["robust"] * 2
    searches: list[SearchRecord] = [
        SearchExperiment(TABLE, "random", None, 5, 1, objective=name).run(tmp_path)[0]
        for name in (None, "robust")
    ]
    assert comparable_searches([*searches, searches[1]]) == [searches[1]] * 2
    assert len({record.job.key("t") for record in records}) == 2


# What was not paid for


@pytest.mark.parametrize(
    ("predictor", "objective"),
    [
        ("early-stop-acc", "perplexity"),
        *product(
            (
                "sotl-e", "lcsvr(trials=3)", "xgb(n_estimators=10)", "column(latency_b)",
                "combine(xgb(n_estimators=10), parts=[sotl-e, latency(latency_b)])",
            ),
            ("perplexity", "robust"),
        ),
    ],
)  # fmt: skip
def test_predictions_are_of_what_was_paid_for(predictor: str, objective: str) -> None:
    """All else is drawn anew: other runs and epochs, test values, other objectives."""
    epochs = 3
    test_curve = np.random.default_rng(2).uniform(100.0, 200.0, (128, EPOCHS))
    objectives = [PERPLEXITY, ROBUST, Objective("late", "min", test="test_curve")]
    table = changed(TABLE, test_curve=test_curve, objectives=objectives)
    (planned,) = plan(predictor, table, objective=objective, epochs=(epochs,))
    first = run_job(planned, table)
    assert first.error is None
    train, test = drawn(planned.job, table)
    rng = np.random.default_rng(1)
    columns: dict[str, Any] = {}
    for name, values in table.columns.items():
        if name == "seed":
            continue
        paid = np.zeros(values.shape, dtype=bool)
        if values.ndim == 2 and name != "test_curve":
            paid[np.concatenate([train, test]), :epochs] = True
        if name == "latency_b":
            paid[np.concatenate([train, test])] = True
        if name == planned.job.objective.valid:
            paid[(train, -1) if values.ndim == 2 else train] = True
        known = np.where(np.isnan(values), np.nan, rng.uniform(20.0, 60.0, values.shape))
        columns[name] = np.where(paid, values, known)
    second = run_job(planned, changed(table, **columns))
    assert second.error is None
    assert second.truth != first.truth
    assert second.predictions == first.predictions


# Missing values


def test_labels_are_of_runs_that_have_one_and_truth_of_the_others_that_have_one() -> None:
    known = TABLE.values(ROBUST, "valid")
    rows = np.array([draw_runs(TABLE, np.random.default_rng(at), known) for at in range(30)])
    assert not np.isnan(known[rows]).any()
    both = ~GAPS[1::2]
    assert {len(set(drawn)) for drawn in rows.T[both]} == {2}
    record = run(Spy(), objective="robust")
    labels, _ = Spy.seen[-1]
    train, test = drawn(record.job)
    np.testing.assert_allclose(labels, known[train])
    assert not GAPS[train].any()
    values = TABLE.columns["robust_test"]
    expected = np.where(GAPS[test ^ 1], values[test], values[test ^ 1])
    assert GAPS[test ^ 1].any()
    np.testing.assert_allclose(record.truth, expected)
    assert Record.model_validate_json(record.model_dump_json()) == record


@pytest.mark.parametrize("part", ["valid", "test"])
def test_an_architecture_without_any_value_is_named_before_anything_runs(part: str) -> None:
    values = TABLE.columns[f"robust_{part}"].copy()
    values[6:8] = np.nan
    table = changed(TABLE, **{f"robust_{part}": values})
    message = re.escape(f"no run of {table.architectures[3]} has a {part} value of robust; drop")
    for asked in (
        Experiment(table, "rf", train_sizes=(20,), test_size=30, objective="robust"),
        SearchExperiment(table, objective="robust"),
    ):
        with pytest.raises(InputError, match=message):
            asked.plan()
    assert plan("rf", table), "others are not concerned"


def test_the_main_objective_has_no_gaps() -> None:
    values = TABLE.columns["test_ppl"].copy()
    values[5] = np.nan
    with pytest.raises(InputError, match="row 6: test_ppl is nan, not a finite number"):
        changed(TABLE, test_ppl=values)
    curve = TABLE.columns["valid_ppl"].copy()
    curve[5] = np.nan
    with pytest.raises(InputError, match="row 6: valid_ppl is empty"):
        plan("rf", changed(TABLE, valid_ppl=curve))


def test_the_noise_ceiling_is_of_the_runs_that_there_are() -> None:
    found = noise_ceiling(TABLE, ROBUST)
    owners = np.repeat(np.arange(64), 2)[~GAPS]
    texts = [str(TABLE.architectures[at]) for at in owners]
    columns = {name: TABLE.columns[name][~GAPS] for name in ("seed", "robust_test")}
    alone = Table(SPACE, "text", texts, columns, objectives=[replace(ROBUST, valid=None)])
    assert found == noise_ceiling(alone) is not None
    assert noise_ceiling(TABLE, PERPLEXITY, "valid") != noise_ceiling(TABLE, PERPLEXITY)


# Columns as scores


def test_a_column_scores_in_its_direction() -> None:
    most, least = run("column(synflow)"), run("column(synflow, direction=min)")
    _, test = drawn(most.job)
    np.testing.assert_array_equal(most.predictions, TABLE.columns["synflow"][test])
    assert least.predictions == [-score for score in most.predictions]
    assert most.job.train_size == 0
    for wrong, message in (
        ("column(synflow, direction=up)", "direction=up is neither max nor min"),
        ("column(synflow, price=-1)", "price=-1: give seconds, 0 or more"),
        ("column(synflow, price=free)", "price=free won.t do; give a number"),
    ):
        with pytest.raises(InputError, match=message):
            plan(wrong)


class Tunable(Combined):
    """With something to search for."""

    @classmethod
    def search_space(cls) -> Mapping[str, Any]:
        return {"seed": [1, 2, 3]}


PRICE = 1e4  # seconds, beside which measured ones are nothing


@pytest.mark.parametrize(
    ("predictor", "fits", "queries"),
    [
        (Column("synflow", price=PRICE), 0, 1),
        (Combined(XGBoost(n_estimators=5), [Column("synflow", price=PRICE), "sotl-e"]), 20, 1),
        (Combined(XGBoost(n_estimators=5), [Column("synflow", price=PRICE)] * 2), 40, 2),
        (
            Ensemble(Combined(XGBoost(n_estimators=5), [Column("synflow", price=PRICE)]), 3),
            36, 3,  # of bootstrap samples
        ),
        # Each label is in two of three folds' fits and in one's query; the last fit has all.
        (Tuned(Tunable(XGBoost(n_estimators=5), [Column("synflow", price=PRICE)]), trials=2),
         2 * (2 * 20 + 20) + 20, 1),
    ],
)  # fmt: skip
def test_its_price_is_charged_for_each_query(predictor: Any, fits: int, queries: int) -> None:
    cost = run(predictor).cost
    assert cost is not None
    assert cost.fit == pytest.approx(fits * PRICE, abs=60.0)
    assert cost.query == pytest.approx(queries * PRICE, abs=2.0)


def test_its_price_is_charged_in_a_search(tmp_path: Path) -> None:
    strategy = ProxyThenEvaluate(population=4, tournament=4, sample=15)
    *_, record = SearchExperiment(TABLE, strategy, Column("synflow", price=PRICE), 8, 1).run(
        tmp_path
    )
    assert record.error is None
    assert record.total_predictor_seconds == pytest.approx(15 * PRICE, abs=60.0)
    assert record.predictor_seconds[0] == pytest.approx(15 * PRICE, abs=60.0)


def test_accuracy_is_what_tables_without_objectives_measure() -> None:
    assert small_table().objectives == [ACCURACY]


def test_a_search_is_charged_what_its_objective_takes(tmp_path: Path) -> None:
    """Trainings where these are needed; else what is counted for nothing, or an epoch's seconds."""
    parameters = np.repeat(np.arange(64), 2)
    table = changed(TABLE, parameters=parameters)
    found = {
        name: SearchExperiment(table, "random", None, 5, 1, objective=name).run(tmp_path)[0]
        for name in ("perplexity", "parameters", "epoch_seconds", "latency_a")
    }
    whole = 2.0 * EPOCHS
    np.testing.assert_allclose(found["perplexity"].training_seconds, whole * np.arange(1, 6))
    assert found["parameters"].training_seconds == [], "evaluations are what counts"
    np.testing.assert_allclose(found["epoch_seconds"].training_seconds, 2.0 * np.arange(1, 6))
    assert found["latency_a"].training_seconds == [], "no table says what that takes"
    with pytest.raises(InputError, match="does not say what measuring latency_a takes; give --bud"):
        SearchExperiment(table, "random", objective="latency_a", seconds=9.0).plan()
    _, remarks = SearchExperiment(table, "random", objective="latency_a").plan()
    assert any("speed-ups count evaluations" in remark for remark in remarks)
    with pytest.raises(InputError, match="--seconds: parameters costs nothing; give --budget"):
        SearchExperiment(table, "random", objective="parameters", seconds=9.0).plan()
    rows = speed_up.summarise(measure_searches([found["parameters"]]))
    assert rows["seconds"].isna().all()
