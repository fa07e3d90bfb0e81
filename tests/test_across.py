"""What other spaces teach about proxies, and how labels overrule it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kendalltau, norm, rankdata
from sklearn.linear_model import Ridge

from archcast import benchmarks
from archcast.benchmarks.opening import open_table
from archcast.networks.blueprint import Untrained
from archcast.networks.table_networks import task_of
from archcast.predictors.helpers.carried_gp import SLOPE
from archcast.predictors.predictor import LAST, Context, Vector
from archcast.predictors.wrappers import across
from archcast.predictors.wrappers.across import (
    PARTS,
    PENALTY,
    Across,
    Agreement,
    agreement,
    agreements,
    weights,
)
from archcast.spaces.space import Architecture
from archcast.tasks.images import Images
from archcast.testing import toy
from archcast.testing.toys import BLUEPRINT
from archcast.zero_cost.scoring import Scorer

HEAD = "bayes-lin-reg"
TRAIN, TEST, SAMPLE = toy(40, seed=1), toy(30, seed=2), toy(12, seed=3).architectures


def given(context: Context) -> Context:
    """With a sample to compare with, and networks whose scores are kept."""
    return replace(context, unlabeled=SAMPLE, build=Untrained(BLUEPRINT))


def told(predictor: Across, labels: Vector) -> Vector:
    """Scores after so many labels."""
    count = len(labels)
    predictor.fit(TRAIN.architectures[:count], labels, given(TRAIN.context.take(slice(count))))
    return predictor.query(TEST.architectures, given(TEST.context))


def quantiles(values: Vector) -> Vector:
    return np.asarray(norm.ppf(rankdata(values, axis=0) / (len(values) + 1)))


def test_weights_by_another_library() -> None:
    """Ridge regression without negative weights, on the rows of all spaces."""
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(4, 4))
    rows, found = [], []
    for noise in (0.1, 2.0):
        scores = rng.normal(size=(50, 4)) @ mixed
        both = quantiles(
            np.column_stack([scores, scores @ [1, 1, 0, -1] + rng.normal(0, noise, 50)])
        )
        both = (both - both.mean(axis=0)) / both.std(axis=0)
        rows.append(both)
        found.append(both.T @ both / len(both))
    stacked = np.concatenate(rows)
    ridge = Ridge(PENALTY * len(stacked), fit_intercept=False, positive=True, tol=1e-10)
    ridge.fit(stacked[:, :-1], stacked[:, -1])
    assert (ridge.coef_ == 0).any()
    np.testing.assert_allclose(weights(found), ridge.coef_, atol=1e-5)


def test_agreement_is_correlation_of_quantiles() -> None:
    rng = np.random.default_rng(1)
    scores, labels = rng.normal(size=(30, 2)), rng.normal(size=30)
    labels[:5] = labels[0]
    expected = np.corrcoef(quantiles(np.column_stack([scores, labels])).T)
    np.testing.assert_allclose(agreement(scores, labels), expected, atol=1e-12)
    alike = agreement(np.column_stack([scores, np.ones(30)]), labels)
    np.testing.assert_array_equal(alike[2], 0.0)


def test_without_labels_scores_are_weighed_quantiles() -> None:
    context = given(TRAIN.context)
    assert context.batch is not None
    proxies = across._Weighed()._scorer(PARTS, context).proxies
    scorer = Scorer(proxies, context.build, context.batch)

    def scores(cell: Architecture) -> list[float]:
        values = [scorer(cell)[name].value for name in PARTS]
        return [LAST if value is None else value for value in values]

    scored = {cell: scores(cell) for cell in [*SAMPLE, *TEST.architectures[:5]]}
    sample = np.array([scored[cell] for cell in SAMPLE])
    weighed = weights([each.matrix for name, each in agreements().items() if name != "nasbench201"])

    def by_hand(cell: Architecture) -> float:
        below = (sample < scored[cell]).sum(axis=0)
        same = (sample == scored[cell]).sum(axis=0)
        return float(norm.ppf((below + (same + 1) / 2) / (len(SAMPLE) + 1)) @ weighed)

    spread = np.std([by_hand(cell) for cell in SAMPLE])
    expected = [by_hand(cell) / spread for cell in TEST.architectures[:5]]
    found = Across(HEAD).fit([], [], context).query(TEST.architectures[:5], context)
    np.testing.assert_allclose(found, SLOPE * np.array(expected), rtol=1e-9)


def test_a_space_teaches_nothing_about_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Across(HEAD)
    scores = told(before, np.empty(0))
    others = {name: each for name, each in agreements().items() if name != "nasbench201"}
    assert before.source_seconds_ == sum(each.seconds for each in others.values())
    wrong = Agreement(-agreements()["nasbench201"].matrix, 1e9)
    monkeypatch.setattr(across, "agreements", lambda: {**others, "nasbench201": wrong})
    np.testing.assert_array_equal(told(Across(HEAD), np.empty(0)), scores)


def test_an_earlier_fit_is_forgotten() -> None:
    fresh = told(Across(HEAD), np.empty(0))
    used = Across(HEAD)
    told(used, TRAIN.labels[:5])
    np.testing.assert_array_equal(told(used, np.empty(0)), fresh)


def test_labels_overrule_what_other_spaces_teach() -> None:
    prior = told(Across(HEAD), np.empty(0))
    assert kendalltau(prior, TEST.labels).statistic > 0.3
    few, many = (told(Across(HEAD), -TRAIN.labels[:n]) for n in (2, 40))
    assert kendalltau(few, prior).statistic > 0
    assert kendalltau(many, -TEST.labels).statistic > 0.3


def test_what_ships_is_of_benchmarks_of_images_that_ship() -> None:
    trained = [open_table(name) for name in benchmarks.registry.entries if name.endswith("-mini")]
    of_images = {each.space.name for each in trained if isinstance(task_of(each), Images)}
    assert {*agreements()} == of_images
    for each in agreements().values():
        assert each.matrix.shape == (len(PARTS) + 1,) * 2
        np.testing.assert_array_equal(each.matrix, each.matrix.T)
        assert np.linalg.eigvalsh(each.matrix)[0] > -1e-3  # rounded
