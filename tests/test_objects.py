"""Predictors and strategies as objects, and the texts that stand for them."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.svm import SVR

import archcast
from archcast.core.errors import InputError
from archcast.core.identity import made_of
from archcast.predictors import (
    NAO,
    OMNI,
    Column,
    Combined,
    Ensemble,
    LastTrainingLoss,
    LastTrainingLosses,
    Random,
    RandomForest,
    RankSum,
    SklearnRegressor,
    Tuned,
    XGBoost,
    predictor_text,
)
from archcast.predictors import registry as predictors
from archcast.predictors.helpers.labels import LABELS
from archcast.predictors.predictor import Context, Predictor, Tags
from archcast.predictors.predictor_text import configured, text_of, to_predictor
from archcast.predictors.wrappers import sklearn_regressor
from archcast.search.evolution import Evolution
from archcast.spaces.space import Architecture
from archcast.studies.experiment import Experiment, Predictors
from archcast.studies.searches import SearchExperiment
from archcast.testing import toy
from tests.results import small_table

TABLE = small_table()


class Convolutions(Predictor):
    """Of no registry: counts convolutions."""

    tags = Tags(learns=False)

    def __init__(self, weight: float = 1.0) -> None:
        self.weight = weight

    def _fit(self, architectures: Sequence[Architecture], labels: Any, context: Context) -> None:
        pass

    def _query(self, architectures: Sequence[Architecture], context: Context) -> Any:
        return [self.weight * str(each).count("conv") for each in architectures]


def experiment(given: Predictors, **options: Any) -> Experiment:
    return Experiment(
        TABLE, given, **{"train_sizes": (10,), "test_size": 20, "repeats": 1, **options}
    )


def keys(given: Predictors) -> list[str]:
    return [each.job.key(TABLE.hash) for each in experiment(given).plan()[0]]


# Classes of the user's own


def test_a_class_that_no_registry_names_is_run_and_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    records = experiment([Convolutions(), Convolutions(weight=-1.0)]).run(tmp_path)
    assert [record.job.predictor for record in records] == [
        "Convolutions",
        "Convolutions(weight=-1.0)",
    ]
    assert {record.job.family for record in records} == {"own"}
    assert [record.job.params for record in records] == [{"weight": 1.0}, {"weight": -1.0}]
    for record in records:
        cells = [str(TABLE.architectures[at]) for at in record.architectures]
        expected = [record.job.params["weight"] * cell.count("conv") for cell in cells]
        assert record.predictions == expected
    assert experiment([Convolutions()]).run(tmp_path) == records[:1]
    assert "1 of 1 results reused" in caplog.text


CELL = """
from archcast.predictors.predictor import Predictor, Tags

class Mine(Predictor):
    tags = Tags(learns=False)

    def _fit(self, architectures, labels, context): ...

    def _query(self, architectures, context):
        return [{sign}str(each).count("conv") for each in architectures]
"""


def cell(source: str, name: str, known: bool = True) -> Callable[[], Predictor]:
    """A class that a notebook's cell defines, whose source Python knows or not."""
    if known:
        linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, name, "exec"), namespace)
    kind: Callable[[], Predictor] = namespace["Mine"]
    return kind


@pytest.mark.parametrize("workers", [1, 2])
def test_a_class_of_a_notebook(tmp_path: Path, workers: int) -> None:
    mine = cell(CELL.format(sign=""), "/tmp/cell_1.py")
    records = experiment([mine()], repeats=2).run(tmp_path, workers)
    for record in records:
        cells = [str(TABLE.architectures[at]) for at in record.architectures]
        assert record.predictions == [cell.count("conv") for cell in cells]
    again = cell(CELL.format(sign=""), "/tmp/cell_2.py")
    assert keys([again()]) == keys([mine()]), "the same cell, run again"
    edited = cell(CELL.format(sign="-"), "/tmp/cell_3.py")
    assert keys([edited()]) != keys([mine()])


def test_a_class_without_source_is_run_and_never_reused(tmp_path: Path) -> None:
    mine = cell(CELL.format(sign=""), "<string>", known=False)()
    assert not any(record.failed for record in experiment([mine]).run(tmp_path))
    experiment([mine]).run(tmp_path)
    assert len(list(tmp_path.glob("*.json"))) == 2


def test_different_classes_of_one_name_are_refused() -> None:
    there = cell(CELL.format(sign=""), "/tmp/cell_1.py")
    back = cell(CELL.format(sign="-"), "/tmp/cell_3.py")

    def made(sign: int) -> Predictor:
        class Mine(Random):
            def _query(self, *given: Any) -> Any:
                return sign * super()._query(*given)

        return Mine()

    for pair in ([there(), back()], [made(1), made(-1)], [there(), made(1)]):
        with pytest.raises(InputError, match="two predictors are called Mine; rename one"):
            keys(pair)
    assert len(keys([there(), there()])) == 1, "one is enough"


# Texts and objects


@pytest.mark.parametrize(
    ("text", "thing"),
    [
        ("xgb", XGBoost()),
        ("xgb", XGBoost(learning_rate=XGBoost().learning_rate)),
        (f"xgb(learning_rate={XGBoost().learning_rate})", XGBoost()),
        ("xgb(max_depth=2, encoding=one-hot)", XGBoost(encoding="one-hot", max_depth=2)),
        ("combine(xgb, parts=[sotl-e, params])", Combined("xgb", (LastTrainingLoss(), "params"))),
        ("combine(head=xgb, parts=[sotl-e])", Combined("xgb", [LastTrainingLoss()])),
        ("combine(ngb(seed=3), parts=[tse-e(last=4)])", Combined("ngb(seed=3)", ["tse-e(last=4)"])),
        ("omni(parts=[sotl-e])", OMNI(parts=["sotl-e"])),
        ("ensemble(rf, members=3)", Ensemble(RandomForest(), members=3)),
        ("tuned(ensemble(xgb(max_depth=2)))", Tuned(Ensemble(XGBoost(max_depth=2)))),
        ("sklearn(SVR(C=10), labels=raw)", SklearnRegressor(SVR(C=10), labels="raw")),
        ("column(parameters, price=2)", Column("parameters", price=2)),
    ],
)  # fmt: skip
def test_an_object_and_its_text_are_one_job(text: str, thing: Predictor) -> None:
    assert keys(text) == keys(thing) == keys([text]) == keys([text, thing])
    assert keys(text_of(thing)) == keys(text)


def test_lists_hold_texts_of_several_and_objects() -> None:
    plans, _ = experiment(["rf, params", XGBoost(max_depth=2), "baseline", Convolutions()]).plan()
    assert [each.job.predictor for each in plans] == [
        "rf", "params", "xgb(max_depth=2)", "random", "latency", "Convolutions",
    ]  # fmt: skip
    assert all(text_of(each.predictor) == each.job.predictor for each in plans)


@pytest.mark.parametrize("name", list(predictors))
def test_every_predictor_has_a_text(name: str) -> None:
    made = to_predictor(f"{name}(parameters)" if name == "column" else name)
    assert made_of(to_predictor(text_of(made))) == made_of(made)
    wrapper = predictors.entry(name).family == "wrapper"
    assert text_of(made).startswith(f"{name}(") if wrapper else text_of(made) == name


few = st.integers(1, 9)
labels = st.sampled_from([*LABELS])
names = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True)
proxies = st.lists(st.sampled_from(["nwot", "synflow", "jacov"]), max_size=3)
parts = st.lists(
    st.one_of(
        st.builds(LastTrainingLosses, last=few),
        st.builds(RankSum, proxies=proxies),
        st.builds(
            Column, column=names, direction=st.sampled_from(["max", "min"]), price=st.floats(0, 1e9)
        ),
        st.sampled_from(["jacov", "vote([nwot, snip])", Convolutions(weight=2.0)]),
    ),
    max_size=3,
)
heads = st.one_of(
    st.builds(XGBoost, max_depth=few, learning_rate=st.floats(1e-9, 1.0), labels=labels),
    st.builds(NAO, seed=few),
    st.builds(SklearnRegressor, st.builds(SVR, C=st.floats(1e-6, 1e6))),
)
learners = st.recursive(
    st.one_of(heads, st.builds(Combined, heads, parts)),
    lambda inner: st.one_of(
        st.builds(Ensemble, inner, members=st.integers(2, 9)),
        st.builds(Tuned, inner, trials=few, seconds=st.none() | st.floats(0, 1e3)),
    ),
    max_leaves=3,
)


@pytest.fixture
def with_convolutions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry that knows them, as one does of a package with an entry point."""
    get, own = predictors.get, {"Convolutions": Convolutions}
    monkeypatch.setattr(predictors, "get", lambda name: own.get(name) or get(name))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("xgb(labels=foo)", "labels='foo' is none of raw, standard, rank, normal"),
        ("ensemble(lgb(labels=foo))", "labels='foo' is none of"),
        ("lgb(loss=pairwise)", "loss='pairwise' is none of error, top"),
        ("gcn(loss=foo)", "loss='foo' is none of error, pairwise, listwise, top"),
        ("gpwl(kernel=rbf)", "kernel='rbf' is neither matern nor linear"),
        ("ensemble(xgb, members=1)", "members=1: a spread needs 2 or more"),
        ("oneshot(epochs=0)", "give epochs and valid_images of 1 or more"),
        ("xgb(max_depth=deep)", "max_depth=deep won't do; give a whole number"),
        ("xgb(max_depth=3.5)", "max_depth=3.5 won't do; give a whole number"),
        ("xgb(learning_rate=[1])", r"learning_rate=\[1\] won't do; give a number"),
        ("gp(encoding=3)", "encoding=3 won't do; give a name"),
        ("few-shot(epochs=true)", "epochs=True won't do; give a whole number"),
    ],
)
def test_values_that_will_not_do_are_said_before_anything_is_run(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        to_predictor(text)


def test_objects_whose_values_will_not_do_are_refused_as_well(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="predictor XGBoost won't do"):
        archcast.leaderboard("nasbench201-mini", [XGBoost(labels="foo")], results=tmp_path)
    assert not [*tmp_path.iterdir()]


@settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], deadline=None
)
@given(learners)
def test_texts_of_nested_predictors_are_read_back(
    with_convolutions: None, predictor: Predictor
) -> None:
    text = text_of(predictor)
    again = to_predictor(text)
    assert made_of(again) == made_of(predictor)
    assert text_of(again) == text


def test_what_a_text_can_not_say() -> None:
    with pytest.raises(
        InputError, match=r"'sotl-e' is no list of predictors; write \[sotl-e, ...\]"
    ):
        to_predictor("combine(xgb, parts=sotl-e)")
    with pytest.raises(InputError, match=r"unknown predictor 'sotl-e\+jacov'"):
        to_predictor("combine(xgb, parts=[sotl-e+jacov])")
    with pytest.raises(InputError, match="has no regressor 'SVM'"):
        to_predictor("ensemble(sklearn(SVM))")


# Seeds and devices


def test_a_seed_that_was_given_stays(tmp_path: Path) -> None:
    given, drawn = experiment([Random(seed=5), Random()], repeats=2).run(tmp_path)[1:3]
    cells = [TABLE.architectures[at] for at in given.architectures]
    assert given.predictions == Random(seed=5).fit([], []).query(cells).tolist()
    cells = [TABLE.architectures[at] for at in drawn.architectures]
    assert drawn.predictions != Random().fit([], []).query(cells).tolist(), "the job's own"


def test_seeds_of_what_is_inside() -> None:
    inside = "combine(xgb(seed=5, n_estimators=5), parts=[params])"
    members = configured(to_predictor(f"ensemble({inside}, members=2)"), 3, "cpu").fit(*toy(20, 1))
    assert [each.seed for each in members.members_] == [3, 4]
    assert [each.head_.seed for each in members.members_] == [5, 5]
    free = configured(to_predictor("tuned(xgb(n_estimators=5), trials=1)"), 3, "cpu").fit(
        *toy(20, 1)
    )
    assert free.predictor_.seed == 3


# Wrappers parse once


@pytest.mark.parametrize(
    "text",
    [
        "combine(xgb(n_estimators=5), parts=[sotl-e, tse-e(last=3), params])",
        "omni(head=xgb(n_estimators=5), parts=[params])",
        "ensemble(combine(xgb(n_estimators=5), parts=[sotl-e]), members=2)",
        "tuned(xgb(n_estimators=5), trials=2)",
        "sklearn(SVR(C=10))",
    ],
)
def test_texts_are_parsed_where_they_enter_and_never_again(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[str] = []
    for module in (predictor_text, sklearn_regressor):
        parse = module.parse_spec
        monkeypatch.setattr(
            module, "parse_spec", lambda given, parse=parse: parsed.append(given) or parse(given)
        )
    predictor = to_predictor(text)
    there = len(parsed)
    assert there > 1, "what is inside is parsed at once"
    copy = clone(configured(clone(predictor), 3, "cpu"))
    assert text_of(copy).startswith(text_of(predictor)[:-1])
    assert made_of(clone(predictor)) == made_of(predictor)
    _ = predictor.tags
    train = toy(20, seed=1)
    scores = copy.fit(*train).query(train.architectures, train.context)
    assert np.isfinite(scores).all()
    assert len(parsed) == there


def test_clones_share_nothing() -> None:
    first = Combined(XGBoost(), ["params"])
    second = clone(first)
    assert second.head is not first.head
    second.head.set_params(max_depth=1)
    assert first.head.max_depth == XGBoost().max_depth
    assert clone(second).head.max_depth == 1


# Searches


def test_searches_take_objects_too() -> None:
    def jobs(strategies: Any, given: Any) -> list[str]:
        found, _ = SearchExperiment(TABLE, strategies, given, repeats=1).plan()
        return [each.job.key(TABLE.hash) for each in found]

    texts = jobs("evolution(batch=3), local-search", "xgb, combine(xgb, parts=[params])")
    objects = [Evolution(batch=3), "local-search"], [XGBoost(), Combined(XGBoost(), ["params"])]
    assert jobs(*objects) == texts
    assert len(texts) == 5
    (*_, last), _ = SearchExperiment(TABLE, Evolution(batch=3), Convolutions(), repeats=1).plan()
    assert (last.job.strategy, last.job.predictor) == ("evolution(batch=3)", "Convolutions")
    assert last.strategy == Evolution(batch=3)
