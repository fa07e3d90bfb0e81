"""Predictors of learning curves against formulas, slow loops and SciPy."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import least_squares
from sklearn import model_selection

from archcast.benchmarks.objective import ACCURACY, Objective
from archcast.benchmarks.table import Table
from archcast.core.errors import InputError
from archcast.evaluation.engine import context, run_job
from archcast.evaluation.metrics import kendall_tau
from archcast.predictors import lce, lcsvr
from archcast.predictors import registry as predictors
from archcast.predictors.helpers.curve_families import FAMILIES, most_probable
from archcast.predictors.lce import UNKNOWN_STD, CurveMixture
from archcast.predictors.predictor import LAST, Context, Curves, Tags
from archcast.predictors.predictor_text import to_predictor
from archcast.studies.experiment import Experiment
from archcast.testing import toy
from archcast.testing.toys import Toy
from tests.results import planned, small_table, why_left_out
from tests.test_evaluation import job

LOSSES = np.array([[3.0, 2.0, 1.0], [2.0, 2.0, 2.0]])
CELLS = toy(2, seed=0).architectures


def scores(name: str, curves: Curves, **params: object) -> list[float]:
    predictor = predictors.get(name)(**params).fit([], [], Context(curves=curves))
    return list(predictor.query(CELLS, Context(curves=curves)))


@pytest.mark.parametrize(
    ("name", "params", "by_hand"),
    [
        ("sotl", {}, [-6, -6]),
        ("sotl-e", {}, [-1, -2]),
        ("tse-e", {"last": 2}, [-3, -4]),
        ("tse-e", {"last": 9}, [-6, -6]),
        ("tse-ema", {"decay": 0.5}, [-(1 + 2 * 0.5 + 3 * 0.25), -(2 + 1 + 0.5)]),
    ],
)
def test_training_speed_by_hand(name: str, params: dict[str, float], by_hand: list[float]) -> None:
    np.testing.assert_allclose(scores(name, Curves(12, {"train_loss": LOSSES}), **params), by_hand)


def test_early_stopping_by_hand() -> None:
    assert scores("early-stop-loss", Curves(12, {"valid_loss": LOSSES})) == [-1, -2]
    accuracy = np.array([[10.0, 30.0], [20.0, 25.0]])
    assert scores("early-stop-acc", Curves(12, objective=accuracy)) == [30, 25]
    assert scores("early-stop-acc", Curves(12, objective=accuracy[:, :1])) == [10, 20]


def test_diverged_runs_come_last() -> None:
    cut, failed = LOSSES.copy(), np.array([True, False])
    cut[0, 1:] = np.nan
    for name in ("sotl", "sotl-e", "tse-e", "tse-ema"):
        diverged, bad = scores(name, Curves(12, {"train_loss": cut}, diverged=failed))
        assert diverged < 1_000 * bad < 0
    assert scores("early-stop-acc", Curves(12, objective=cut, diverged=failed)) == [0, 2]


def test_the_last_value_of_a_stopped_run_holds() -> None:
    cut = LOSSES.copy()
    cut[0, 1:] = np.nan
    held = LOSSES.copy()
    held[0, 1:] = held[0, 0]
    for name in ("sotl", "sotl-e", "tse-e", "tse-ema"):
        for diverged in (None, np.zeros(2, dtype=bool)):
            given = Curves(12, {"train_loss": cut}, diverged=diverged)
            assert scores(name, given) == scores(name, Curves(12, {"train_loss": held}))
    assert scores("early-stop-acc", Curves(12, objective=cut)) == held[:, -1].tolist()


@pytest.mark.parametrize("name", ["early-stop-acc", "sotl-e", "lcsvr(trials=5)"])
def test_stopping_a_third_of_the_runs_takes_no_ranking_away(name: str) -> None:
    """They end where their labels are: at the value that they were stopped with."""
    table = small_table(60, runs=1)
    curves = {each: table.columns[each].copy() for each in ("valid_accuracy", "train_loss")}
    for values in curves.values():
        values[::3, 4:] = np.nan
    columns = {each: values for each, values in table.columns.items() if each != "test_accuracy"}
    texts = [str(architecture) for architecture in table.architectures]
    final = np.where(np.isnan(curves["valid_accuracy"][:, -1]), curves["valid_accuracy"][:, 3],
                     curves["valid_accuracy"][:, -1])  # fmt: skip
    stopped = Table(table.space, "toy", texts, {**columns, **curves, "test_accuracy": final})
    assert "20 of 60 runs in table are shorter than 6 epochs" in stopped.remarks()[0]
    taus = []
    for epochs in (4, 6):
        record = run_job(planned(job(name, epochs=epochs, test_size=30)), stopped)
        assert record.error is None
        taus.append(kendall_tau(record.truth, record.predictions))
    assert taus[1] > 0.8
    assert taus[1] >= taus[0] - 0.02, "more epochs paid are no loss"


def test_that_a_run_will_diverge_is_not_seen_before_it_does() -> None:
    table = small_table(20, runs=1)
    curves = {each: table.columns[each].copy() for each in ("valid_accuracy", "train_loss")}
    for values in curves.values():
        values[0, 4:] = np.nan
    texts = [str(architecture) for architecture in table.architectures]
    diverged = np.arange(20) == 0
    failing = Table(table.space, "toy", texts, {**table.columns, **curves, "diverged": diverged})
    assert not failing.stopped.any()
    assert failing.remarks() == []
    assert failing.values(ACCURACY, "valid")[0] == 0.0
    for epochs, seen in ((3, False), (4, False), (5, True), (6, True)):
        given = context(
            failing, np.arange(20), predictors.get("sotl")(), ACCURACY, epochs, np.arange(3), 0
        )
        assert given.curves is not None
        assert given.curves.diverged is not None
        assert given.curves.diverged.tolist() == [seen] + [False] * 19


FORMULAS = {
    "vapor-pressure": lambda x, a, b, c: math.exp(a + b / x + c * math.log(x)),
    "pow3": lambda x, c, a, alpha: c - a * x**-alpha,
    "log-log-linear": lambda x, a, b: math.log(a * math.log(x) + b),
    "hill3": lambda x, y, eta, kappa: y * x**eta / (kappa**eta + x**eta),
    "log-power": lambda x, a, b, c: a / (1 + (x / math.exp(b)) ** c),
    "pow4": lambda x, c, a, b, alpha: c - (a * x + b) ** -alpha,
    "mmf": lambda x, alpha, beta, kappa, delta: alpha - (alpha - beta) / (1 + (kappa * x) ** delta),
    "exp4": lambda x, c, a, b, alpha: c - math.exp(-a * x**alpha + b),
    "janoschek": lambda x, alpha, beta, kappa, delta: (
        alpha - (alpha - beta) * math.exp(-kappa * x**delta)
    ),
    "weibull": lambda x, alpha, beta, kappa, delta: (
        alpha - (alpha - beta) * math.exp(-((kappa * x) ** delta))
    ),
    "ilog2": lambda x, c, a: c - a / math.log(x + 1),
}


def test_eleven_families_against_their_formulas() -> None:
    assert set(FORMULAS) == set(FAMILIES)
    x, rng = np.arange(1.0, 6.0), np.random.default_rng(0)
    for name, family in FAMILIES.items():
        z = rng.normal(size=(3, len(family.usual)))
        theta = family.usual + 0.5 * z * family.spread
        slow = [[FORMULAS[name](float(e), *map(float, row)) for e in x] for row in theta]
        np.testing.assert_allclose(family(x, theta), slow, err_msg=name)


def test_families_stay_finite_over_their_prior() -> None:
    x, rng = np.arange(1.0, 201.0), np.random.default_rng(0)
    for name, family in FAMILIES.items():
        z = rng.uniform(-3, 3, size=(500, len(family.usual)))
        assert np.isfinite(family(x, family.usual + z * family.spread)).all(), name


@pytest.mark.parametrize("name", FAMILIES)
def test_most_probable_parameters_against_scipy(name: str) -> None:
    family, noise = FAMILIES[name], np.array([0.05, 0.04, 0.03, 0.02, 0.01])
    x, usual, spread = np.arange(1.0, 6.0), np.array(family.usual), np.array(family.spread)
    y = np.random.default_rng(1).uniform(0.3, 0.6, (3, 1)) + 0.05 * np.sqrt(x)
    ours = most_probable(family, y, noise, 3.0)

    def residuals(z: np.ndarray, curve: np.ndarray) -> np.ndarray:
        return np.concatenate([(family(x, usual + z * spread) - curve) / noise, z])

    for theta, curve in zip(ours, y, strict=True):
        theirs = least_squares(residuals, np.zeros(len(usual)), bounds=(-3, 3), args=(curve,))
        cost = 0.5 * (residuals((theta - usual) / spread, curve) ** 2).sum()
        assert cost == pytest.approx(theirs.cost, rel=1e-3, abs=1e-4)


def test_posterior_against_a_slow_one() -> None:
    names, y = ("ilog2", "pow3"), np.array([0.4, 0.5, 0.55])
    mixture = CurveMixture([FAMILIES[n] for n in names], False, 0.01, 2.0, horizon=6)
    states = mixture.usual + 0.3 * mixture.spread * np.random.default_rng(0).normal(size=(4, 8))
    for state, value in zip(states, mixture.log_posterior(states, y), strict=True):
        (c, a), (c3, a3, alpha), weights, log_noise = state[:2], state[2:5], state[5:7], state[7]
        expected = 0.0
        for epoch, seen in enumerate(y, start=1):
            mean = weights[0] * (c - a / math.log(epoch + 1))
            mean += weights[1] * (c3 - a3 * epoch**-alpha)
            sigma = math.exp(log_noise) * (math.exp(2.0 * (1 - epoch / 6)) + 3_000 / epoch**5)
            expected += -0.5 * ((seen - mean) / sigma) ** 2 - log_noise
        expected += -0.5 * (((state - mixture.usual) / mixture.spread) ** 2).sum()
        expected += -0.5 * ((weights.sum() - 1) / 0.02) ** 2
        assert value == pytest.approx(expected, rel=1e-9)


def test_impossible_states_have_no_probability() -> None:
    y = np.array([0.4, 0.5, 0.55])
    monotone = CurveMixture([FAMILIES["ilog2"]], True, 0.01, 2.0, horizon=6)
    state = monotone.usual[None].copy()
    assert np.isfinite(monotone.log_posterior(state, y))
    for column, wrong in ((0, 1.6), (1, -0.2), (1, 0.9)):  # above 1, falling, beyond the prior
        changed = state.copy()
        changed[0, column] = wrong
        assert monotone.log_posterior(changed, y) == -np.inf


@pytest.mark.parametrize("name", ["lce", "lce-m"])
def test_extrapolation_of_known_curves(name: str) -> None:
    x = np.arange(1.0, 13.0)
    truth = 100 * np.stack([0.85 - 0.4 / x, 0.6 - 0.3 / x])
    curves = Curves(12, {"valid_accuracy": truth[:, :6]})
    predictor = predictors.get(name)().fit([], [], Context(curves=curves))
    means, stds = predictor.query(CELLS, Context(curves=curves), return_std=True)
    assert predictor.fallbacks_ == 0
    assert (np.abs(means - truth[:, -1]) < 2 * stds).all()
    assert (stds < 10).all()
    assert (means > truth[:, 5]).all()


@pytest.mark.parametrize("name", ["lce", "lce-m"])
def test_a_wild_second_epoch_says_little(name: str) -> None:
    curves = Curves(12, {"valid_accuracy": np.array([[40.0, 70.0, 70.0], [40.0, 45.0, 72.0]])})
    context = Context(curves=curves)
    falls, rises = predictors.get(name)().fit([], [], context).query(CELLS, context)
    assert falls < rises


@pytest.mark.parametrize("name", ["lce", "lce-m"])
def test_curves_without_a_fit_fall_back_and_count(name: str) -> None:
    rising, falling = 80 - 50 / np.arange(1.0, 12.0), np.linspace(90.0, 5.0, 11)
    accuracy = np.stack([rising, falling, rising])
    accuracy[2, 4:] = np.nan
    diverged = np.array([False, False, True])
    curves = Context(curves=Curves(12, {"valid_accuracy": accuracy}, diverged=diverged))
    cells = toy(3, seed=0).architectures
    predictor = predictors.get(name)(steps=20).fit([], [], curves)
    means, stds = predictor.query(cells, curves, return_std=True)
    assert predictor.fallbacks_ == 2
    assert list(means[1:]) == [5.0, 0.0]
    assert list(stds[1:]) == [UNKNOWN_STD] * 2
    predictor.query(cells[:1], curves.take([0]))
    assert predictor.fallbacks_ == 0, "it is of the last query"


@pytest.mark.parametrize("name", ["lce", "lce-m"])
@pytest.mark.parametrize("epochs", [1, 4, 12])
def test_constant_curves_of_any_length(name: str, epochs: int) -> None:
    flat = Context(curves=Curves(12, {"valid_accuracy": np.full((2, epochs), 50.0)}))
    predictor = predictors.get(name)(steps=20).fit([], [], flat)
    assert np.isfinite(predictor.query(CELLS, flat)).all()


def _with_columns(*names: str) -> Table:
    table = small_table()
    kept = {k: v for k, v in table.columns.items() if k in (*names, "seed", "test_accuracy")}
    texts = [str(a) for a in table.architectures for _ in range(2)]
    return Table(table.space, "toy", texts, kept, source="toy")


def test_lcsvr_reads_the_curves_that_there_are() -> None:
    for names in (("train_loss",), ("valid_accuracy",), ("train_loss", "valid_accuracy")):
        asked = job("lcsvr(trials=5)", epochs=3, label="test")
        record = run_job(planned(asked), _with_columns(*names))
        assert record.error is None, record.error


def test_a_predictor_whose_curve_is_missing_is_refused() -> None:
    table = _with_columns("valid_accuracy")
    with pytest.raises(InputError, match="the table has no train_loss"):
        Experiment(table, "sotl-e", train_sizes=(10,), test_size=20).plan()
    jobs, remarks = Experiment(table, "learning-curve", train_sizes=(10,), test_size=20).plan()
    assert {each.job.predictor for each in jobs} == {"early-stop-acc", "lce", "lce-m", "lcsvr"}
    assert why_left_out(remarks[0], "sotl") == "the table has no train_loss"


def test_more_epochs_than_there_are() -> None:
    experiment = Experiment(small_table(), "sotl-e", train_sizes=(10,), test_size=20, epochs=(2, 7))
    with pytest.raises(InputError, match="--epochs 7: the curves of table have 6 epochs"):
        experiment.plan()


def test_only_the_curves_that_are_named_are_given() -> None:
    table, rows = small_table(), np.arange(4)
    given = context(table, rows, predictors.get("sotl-e")(), ACCURACY, 3, rows, 0)
    assert given.curves is not None
    assert given.curves.columns["train_loss"].shape == (4, 3)
    assert given.curves.columns.keys() == {"train_loss"}
    assert given.curves.objective is None
    assert given.curves.horizon == 6
    everything = toy(4, seed=0).context
    assert everything.curves is not None
    narrowed = everything.only(Tags(needs=frozenset({"curves"}), curves=frozenset({"valid_loss"})))
    losses = everything.curves.columns["valid_loss"]
    assert narrowed == Context(curves=Curves(12, {"valid_loss": losses}))


def test_lcsvr_deviation_is_that_of_held_out_labels() -> None:
    cells, others = toy(90, seed=1), toy(200, seed=2)
    predictor = predictors.get("lcsvr")(trials=10, best=5).fit(*cells)
    means, stds = predictor.query(others.architectures, others.context, return_std=True)
    assert np.ptp(stds) == 0
    share = (np.abs(means - others.labels) < 1.64 * stds).mean()
    assert 0.8 < share < 0.97  # of a normal distribution, 0.9


def test_lcsvr_averages_settings_that_see_different_views() -> None:
    cells, others = toy(60, seed=1), toy(40, seed=2)
    predictor = predictors.get("lcsvr")(trials=12, best=4).fit(*cells)
    parts = predictor.svr_.estimators_
    assert len(parts) == 4
    seen = [part["views"].seen for part in parts]
    assert all(any(views) for views in seen)
    assert len(set(seen)) > 1
    for part in parts:
        squares = np.bincount(part["views"].view, part["views"].weights_ ** 2)
        np.testing.assert_allclose(squares, np.array(part["views"].seen) / sum(part["views"].seen))
    x = np.hstack(predictor._views(others.architectures, others.context))
    mean = np.mean([part.predict(x) for part in parts], axis=0)
    scores = predictor.query(others.architectures, others.context)
    np.testing.assert_allclose(scores, predictor.axis_.restore(mean))


def test_lcsvr_compares_settings_on_a_part_of_many_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []
    predict = model_selection.cross_val_predict
    monkeypatch.setattr(
        model_selection,
        "cross_val_predict",
        lambda *a, **b: compared.append(len(a[2])) or predict(*a, **b),
    )
    monkeypatch.setattr(lcsvr, "MOST_COMPARED", 30)
    predictor = lcsvr.LearningCurveSVR(trials=3, best=2).fit(*toy(50, seed=1))
    assert compared == [30]
    assert [part["svr"].shape_fit_[0] for part in predictor.svr_.estimators_] == [50, 50]


def test_fallbacks_are_in_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lce, "MISFIT", 0.0)  # so that nothing fits
    record = run_job(
        planned(job("lce", params={"steps": 5}, epochs=6, test_size=10)), small_table()
    )
    assert record.fallbacks == len(record.predictions)


def failing(toys: Toy, runs: int, first: float = np.nan) -> Context:
    """The first runs diverged in the second epoch; their first loss may be infinite."""
    assert toys.context.curves is not None
    columns = {name: values.copy() for name, values in toys.context.curves.columns.items()}
    for values in columns.values():
        values[:runs, 1:] = np.nan
    columns["train_loss"][:runs, 0] = first
    diverged = np.arange(len(toys.labels)) < runs
    return Context(curves=replace(toys.context.curves, columns=columns, diverged=diverged))


def test_lcsvr_learns_beside_runs_that_diverged() -> None:
    train, test = toy(60, seed=1), toy(40, seed=2)
    assert train.context is not None
    assert test.context is not None

    labels = np.where(np.arange(60) == 0, 0.0, train.labels)
    predictor = lcsvr.LearningCurveSVR(trials=5, best=2)
    scores = {
        name: predictor.fit(train.architectures, given, context).query(
            test.architectures, failing(test, 1)
        )
        for name, given, context in (
            ("fine", train.labels, train.context), ("failing", labels, failing(train, 1)),
        )
    }  # fmt: skip
    for each in scores.values():
        assert each[0] == 0.0 == each.min()
        assert kendall_tau(test.labels[1:], each[1:]) > 0.5
    assert predictor.fallbacks_ == 1


@pytest.mark.parametrize("first", [np.nan, np.inf])
def test_runs_that_diverged_teach_lcsvr_nothing_of_the_others(first: float) -> None:
    train, test = toy(60, seed=1), toy(40, seed=2)
    labels = np.where(np.arange(60) < 2, 0.0, train.labels)
    predictor = lcsvr.LearningCurveSVR(trials=5, best=2)
    both = [
        predictor.fit(*given).query(test.architectures, test.context, return_std=True)
        for given in (
            (train.architectures, labels, failing(train, 2, first)),
            (train.architectures[2:], labels[2:], train.context.take(slice(2, 60))),
        )
    ]
    np.testing.assert_array_equal(*both)
    alone = predictor.fit(train.architectures, labels * 0.0, failing(train, 60, first))
    scores = alone.query(test.architectures, test.context)
    assert np.isfinite(scores).all()


def test_a_run_with_an_infinite_loss_that_goes_on() -> None:
    train, test = toy(60, seed=1), toy(40, seed=2)
    assert train.context.curves is not None
    columns = {name: values.copy() for name, values in train.context.curves.columns.items()}
    columns["train_loss"][5, 0] = np.inf
    context = Context(curves=replace(train.context.curves, columns=columns))
    fitted = lcsvr.LearningCurveSVR(trials=5, best=2).fit(
        train.architectures, train.labels, context
    )
    assert kendall_tau(test.labels, fitted.query(test.architectures, test.context)) > 0.5


def test_views_of_many_curves_are_chosen_at_random() -> None:
    assert lcsvr._choices(2, 0) == [(True, True), (True, False), (False, True)]
    many = lcsvr._choices(40, 0)
    assert many[0] == (True,) * 40
    assert 200 < len(set(many)) <= 2**lcsvr.MOST_LISTED
    assert lcsvr._choices(40, 0) == many != lcsvr._choices(40, 1)


def test_values_beyond_every_other_are_no_better_than_a_run_that_diverged() -> None:
    """Labels of bits, and of errors in the millions, are negative values as higher is better."""
    train, test = toy(60, seed=1), toy(40, seed=2)
    for scale in (-1e-2, -1e7):
        labels = scale * (100.0 - train.labels)
        curves = replace(failing(train, 2).curves, worst=LAST)  # type: ignore[type-var]
        known = Context(curves=curves)
        fitted = lcsvr.LearningCurveSVR(trials=5, best=2).fit(train.architectures, labels, known)
        asked = failing(test, 1)
        scores = fitted.query(test.architectures, asked)
        assert scores[0] == scores.min() > 10 * labels.min()


def test_curves_of_test_values_are_not_shown() -> None:
    table = small_table()
    columns = dict(table.columns)
    columns["test_loss"] = columns["train_loss"] + 1.0
    columns["test_curve"] = columns["valid_accuracy"]
    texts = [str(each) for each in table.architectures for _ in range(2)]
    declared = Objective("fit", "max", "%", valid="test_curve", test="test_accuracy")
    rows = np.arange(4)
    for objectives, shown in (
        ([ACCURACY], {"train_loss", "valid_accuracy"}),
        ([ACCURACY, declared], {"train_loss", "valid_accuracy", "test_curve"}),
    ):
        found = Table(table.space, "toy", texts, columns, objectives=objectives)
        given = context(found, rows, predictors.get("lcsvr")(), ACCURACY, 3, rows, 0)
        assert given.curves is not None
        assert given.curves.columns.keys() == shown


def test_a_run_that_diverged_is_the_last_whatever_labels_are_rescaled_to() -> None:
    train, test = toy(60, seed=1), toy(40, seed=2)
    assert test.context is not None
    assert test.context.curves is not None
    failed = np.arange(40) == 7
    context = replace(test.context, curves=replace(test.context.curves, diverged=failed))
    for text in ("lcsvr(trials=2)", "committee([lcsvr(trials=2), bayes-lin-reg])"):
        fitted = to_predictor(text).fit(*train)
        scores = fitted.query(test.architectures, context)
        assert (scores < scores[7]).mean() < 0.1, text


def test_deviations_of_an_ensemble_hold_what_its_members_say() -> None:
    train, test = toy(60, seed=1), toy(10, seed=2)
    fitted = to_predictor("ensemble(lcsvr(trials=2), members=3)").fit(*train)
    _, deviations = fitted.query(test.architectures, test.context, return_std=True)
    own = [
        member.query(test.architectures, test.context, return_std=True)
        for member in fitted.members_  # type: ignore[attr-defined]
    ]
    scores, stds = (np.stack(each) for each in zip(*own, strict=True))
    expected = np.sqrt((stds**2).mean(axis=0) + scores.var(axis=0, ddof=1))
    np.testing.assert_allclose(deviations, expected)
