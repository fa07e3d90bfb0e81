"""Trained predictors that see the scores of others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau

from archcast.core.errors import InputError
from archcast.predictors import registry as predictors
from archcast.predictors.predictor import Context, Predictor, Tags
from archcast.predictors.predictor_text import to_predictor
from archcast.predictors.wrappers.combined import Combined
from archcast.testing import toy

TRAIN, TEST = toy(60, seed=1), toy(40, seed=2)


def tau(predictor: Combined) -> float:
    scores = predictor.fit(*TRAIN).query(TEST.architectures, TEST.context)
    return float(kendalltau(scores, TEST.labels).statistic)


def test_the_head_learns_from_the_parts() -> None:
    """Constant cells leave the encoding nothing to say; the curves still tell them apart."""
    head = "xgb(encoding=one-hot, n_estimators=50)"
    same = [TRAIN.architectures[0]]
    combined = Combined(head, ["sotl-e"]).fit(same * 60, TRAIN.labels, TRAIN.context)
    scores = combined.query(same * 40, TEST.context)
    assert kendalltau(scores, TEST.labels).statistic > 0.8


def test_a_sequence_model_is_a_head_too() -> None:
    same = [TRAIN.architectures[0]]
    for head in ("nao(steps=60)", "seminas(steps=60)"):
        combined = Combined(head, ["sotl-e"]).fit(same * 60, TRAIN.labels, TRAIN.context)
        scores = combined.query(same * 40, TEST.context)
        assert kendalltau(scores, TEST.labels).statistic > 0.7, head


def test_texts_may_leave_out_the_name_of_their_first_parameter() -> None:
    head = "combine(sklearn(Ridge(alpha=1.0), labels=rank), parts=[params])"
    inner = to_predictor(head)
    assert np.isfinite(inner.fit(*TRAIN).query(TEST.architectures, TEST.context)).all()
    with pytest.raises(InputError, match="xgb has no parameter 'depth'"):
        Combined("xgb(depth=3)", ["params"])


def test_parts_add_to_the_encoding() -> None:
    head = "gp(encoding=one-hot)"
    alone = predictors.get("gp")(encoding="one-hot").fit(*TRAIN)
    without = kendalltau(alone.query(TEST.architectures), TEST.labels).statistic
    assert tau(Combined(head, ["sotl-e", "params"])) > without


def test_scores_do_not_depend_on_the_scale_of_a_part() -> None:
    """Quantiles are all that the head sees: a monotone transformation changes nothing."""
    first = Combined("gp", ["params"]).fit(*TRAIN)
    large = Context(columns={"parameters": np.exp(TRAIN.context.columns["parameters"] / 1e4)})
    second = Combined("gp", ["params"]).fit(TRAIN.architectures, TRAIN.labels, large)
    np.testing.assert_allclose(
        first.query(TRAIN.architectures, TRAIN.context),
        second.query(TRAIN.architectures, large),
        atol=1e-2,
    )


def test_needs_are_those_of_the_parts() -> None:
    tags = Combined("ngb", ["jacov", "sotl-e", "params"]).tags
    assert tags.needs == {"build", "batch", "curves", "columns"}
    assert tags.curves == {"train_loss"}
    assert tags.columns == {"parameters"}
    assert tags.probabilistic
    assert not Combined("xgb", ["params"]).tags.probabilistic


@pytest.mark.parametrize(
    ("head", "parts", "message"),
    [
        ("gcn", ["params"], "can't be a head"),
        ("ngb", ["xgb", "params"], "xgb can't be a part: it learns"),
        ("ngb", ["nwott"], "did you mean nwot"),
    ],
)
def test_what_does_not_combine_is_refused(head: str, parts: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Combined(head, parts).fit(*TRAIN)


class Stumbling(Predictor):
    """It has a stand-in for a score now and then."""

    tags = Tags(learns=False)

    def _fit(self, architectures: Any, labels: Any, context: Any) -> None:
        pass

    def _query(self, architectures: Any, context: Any) -> Any:
        self.fallbacks_ += 3
        return np.arange(len(architectures)) / 7


def test_stand_ins_of_parts_are_counted_with_deviations_too() -> None:
    combined = Combined("bayes-lin-reg", [Stumbling(), Stumbling()]).fit(*TRAIN)
    combined.query(TEST.architectures, TEST.context)
    assert combined.fallbacks_ == 6
    combined.query(TEST.architectures, TEST.context, return_std=True)
    assert combined.fallbacks_ == 6


@pytest.mark.parametrize("head", ["ngb(n_estimators=200)", "dngo"])
def test_deviations_of_a_combination_are_as_large_as_those_of_its_head(head: str) -> None:
    combined = Combined(head, ["params"]).fit(*TRAIN)
    _, deviations = combined.query(TEST.architectures, TEST.context, return_std=True)
    lacking = combined.head_.variance_
    assert lacking > 0
    assert (deviations**2 >= lacking).all()


def test_more_labels_than_quantiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archcast.predictors.wrappers.combined.MOST_QUANTILES", 20)
    assert tau(Combined("xgb(n_estimators=20)", ["sotl-e"])) > 0.5
