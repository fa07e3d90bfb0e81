"""A committee says what its members say, in the mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from archcast.core.errors import InputError
from archcast.predictors.bayesian_linear import BayesianLinearRegression
from archcast.predictors.committee import Committee
from archcast.predictors.helpers.labels import rescale
from archcast.predictors.predictor_text import to_predictor
from archcast.testing import toy

TRAIN, TEST = toy(40, seed=1), toy(10, seed=2)


def test_scores_are_means_of_members_fitted_to_normal_quantiles() -> None:
    committee = Committee(["gp", "bayes-lin-reg"], seed=3).fit(TRAIN.architectures, TRAIN.labels)
    scores, deviations = committee.query(TEST.architectures, return_std=True)
    labels = rescale(TRAIN.labels, "normal")
    means, variances = [], []
    for name in ("gp", "bayes-lin-reg"):
        member = to_predictor(f"{name}(labels=raw)").fit(TRAIN.architectures, labels)
        mean, deviation = member.query(TEST.architectures, return_std=True)
        means.append(mean)
        variances.append(deviation**2)
    np.testing.assert_allclose(scores, np.mean(means, axis=0))
    total = np.mean(variances, axis=0) + (means[0] - means[1]) ** 2 / 4
    np.testing.assert_allclose(deviations, np.sqrt(total))


def test_members_keep_the_labels_that_they_were_given() -> None:
    """Whose scores then count as values of what they learned from."""
    committee = Committee(["xgb(labels=rank, n_estimators=5)", "rf(n_estimators=5)"])
    committee.fit(TRAIN.architectures, TRAIN.labels)
    own = to_predictor("xgb(labels=rank, n_estimators=5)")
    own.fit(TRAIN.architectures, rescale(TRAIN.labels, "normal"))
    expected = own.values(own.query(TEST.architectures))
    other = to_predictor("rf(n_estimators=5, labels=raw)")
    other.fit(TRAIN.architectures, rescale(TRAIN.labels, "normal"))
    assert expected is not None
    mean = (expected + other.query(TEST.architectures)) / 2
    np.testing.assert_allclose(committee.query(TEST.architectures), mean)


def test_seeds_reach_the_members() -> None:
    one, same, two = (
        Committee(["rf(n_estimators=5)", "gp"], seed=seed)
        .fit(TRAIN.architectures, TRAIN.labels)
        .query(TEST.architectures)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != two).any()


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (["gp"], r"needs two or more members; try committee\(\[gp, xgb\]\)"),
        (["gp", "params"], "params can't be of a committee: it learns no values"),
        (["gp", "nosuch"], "nosuch"),
    ],
)
def test_what_a_committee_refuses(members: Sequence[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Committee(members).fit(TRAIN.architectures, TRAIN.labels)


def test_one_source_reaches_the_members_and_its_price_the_record() -> None:
    committee = Committee(["transfer(gp, source=a.parquet)", "xgb"])
    assert committee.tags.source == "a.parquet"
    with pytest.raises(InputError, match=r"one source at a time, not a\.parquet, b\.parquet"):
        _ = Committee(["transfer(gp, source=a.parquet)", "transfer(xgb, source=b.parquet)"]).tags

    with pytest.raises(InputError, match="who learns from curves chooses another source"):
        _ = Committee(["transfer(gp)", "transfer(lcsvr)"]).tags

    class Dear(BayesianLinearRegression):
        price: float | None = 7.0

        def _fit(self, *given: Any) -> None:
            super()._fit(*given)
            self.source_seconds_ = self.price

    for price in (7.0, None):
        Dear.price = price
        committee = Committee([Dear(), "bayes-lin-reg"]).fit(TRAIN.architectures, TRAIN.labels)
        assert committee.source_seconds_ == price


def test_a_source_that_members_share_is_paid_for_once() -> None:
    source = TRAIN.context.source
    assert source is not None
    assert source.seconds == 1e4
    committee = Committee(["transfer(bayes-lin-reg)", "transfer(rf(n_estimators=2))"])
    committee.fit(*TRAIN)
    assert committee.source_seconds_ == pytest.approx(1e4, abs=100)
