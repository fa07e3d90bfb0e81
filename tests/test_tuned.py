"""The hyperparameter search: what it tries, what it learns from, what it keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pytest

from archcast.predictors import registry as predictors
from archcast.predictors.gradient_boosting import XGBoost
from archcast.predictors.predictor import Context, Predictor, Tags
from archcast.predictors.wrappers.tuned import Tuned
from archcast.testing import toy

QUICK = {
    "xgb": "(n_estimators=20)", "lgb": "(n_estimators=20)", "ngb": "(n_estimators=5)",
    **dict.fromkeys(("mlp", "bananas", "dngo", "gcn", "bonas", "nn-former", "graph"), "(steps=5)"),
}  # fmt: skip
TRAIN, TEST = toy(30, seed=1), toy(20, seed=2)


class Recorder(Predictor):
    """Notes what it is fitted and queried with; good where `sign` is 1, bad where it is -1."""

    tags = Tags(needs=frozenset({"columns"}), columns=frozenset({"parameters"}))
    calls: ClassVar[list[tuple[set[Any], set[Any]]]] = []

    @classmethod
    def search_space(cls) -> Mapping[str, Any]:
        return {"sign": [1, -1], "other": list(range(50))}

    def __init__(self, sign: int = -1, other: int = -1) -> None:
        self.sign = sign
        self.other = other

    def _fit(self, architectures: Any, labels: Any, context: Context) -> None:
        assert context.columns is not None
        assert len(context.columns["parameters"]) == len(labels)
        self.seen_ = set(architectures)

    def _query(self, architectures: Any, context: Context) -> Any:
        self.calls.append((self.seen_, set(architectures)))
        assert context.columns is not None
        return self.sign * context.columns["parameters"]


def test_folds_validate_on_what_was_not_learned_from() -> None:
    Recorder.calls.clear()
    Tuned(Recorder(), trials=4).fit(*TRAIN)
    assert len(Recorder.calls) == 4 * 3
    everything = set(TRAIN.architectures)
    for trial in range(4):
        folds = Recorder.calls[3 * trial : 3 * trial + 3]
        assert all(not learned & held_out for learned, held_out in folds)
        assert all(learned | held_out == everything for learned, held_out in folds)
        assert set.union(*(held_out for _, held_out in folds)) == everything


def test_the_given_setting_is_tried_first_and_a_better_one_is_kept() -> None:
    tuned = Tuned(Recorder(), trials=10).fit(*TRAIN)
    settings = [setting for setting, _ in tuned.scores_]
    assert settings[0] == {}
    assert len(settings) == 10
    assert tuned.scores_[0][1] < 0 < max(score for _, score in tuned.scores_)
    assert tuned.best_["sign"] == 1
    assert tuned.predictor_.sign == 1  # type: ignore[attr-defined]
    assert tuned.predictor_.seen_ == set(TRAIN.architectures)  # type: ignore[attr-defined]


def test_the_given_setting_stays_where_none_is_better() -> None:
    tuned = Tuned(Recorder(sign=1), trials=5).fit(*TRAIN)
    assert tuned.best_ == {}


def test_a_time_budget_ends_the_search_after_the_given_setting() -> None:
    assert len(Tuned(Recorder(), trials=50, seconds=0.0).fit(*TRAIN).scores_) == 1


def test_parameters_in_text_stay() -> None:
    tuned = Tuned("xgb(n_estimators=5, max_depth=2)", trials=6).fit(*TRAIN)
    assert tuned.predictor_.get_params()["max_depth"] == 2
    tried = {name for setting, _ in tuned.scores_ for name in setting}
    assert tried == set(XGBoost.search_space()) - {"max_depth"}


def test_tags_and_deviations_are_those_of_the_predictor() -> None:
    assert Tuned(Recorder()).tags == Recorder.tags
    ngb = Tuned("ngb(n_estimators=10)", trials=1)
    assert ngb.tags.probabilistic
    scores, std = ngb.fit(*TRAIN).query(TEST.architectures, return_std=True)
    assert scores.shape == std.shape == (20,)
    assert not Tuned("xgb").tags.probabilistic


def test_seed_and_device_are_handed_on() -> None:
    tuned = Tuned("mlp(steps=5)", trials=1, seed=7).fit(*TRAIN)
    assert tuned.predictor_.get_params()["seed"] == 7
    assert Tuned("mlp(steps=5, seed=3)", trials=1, seed=7).fit(*TRAIN).predictor_.get_params()[
        "seed"
    ] == 3  # fmt: skip


def test_what_has_no_search_space_is_refused() -> None:
    with pytest.raises(ValueError, match="search space"):
        Tuned("bayes-lin-reg").fit(*TRAIN)


@pytest.mark.parametrize(
    "name", [name for name in predictors if predictors.get(name).search_space()]
)
def test_every_searched_parameter_exists_and_its_values_fit(name: str) -> None:
    kind = predictors.get(name)
    assert set(kind.search_space()) <= set(kind().get_params())
    tuned = Tuned(name + QUICK.get(name, ""), trials=3, seed=1).fit(*TRAIN)
    assert np.isfinite(tuned.query(TEST.architectures, TEST.context)).all()
