"""Losses that learn the order of labels: against their definitions, and in predictors."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from archcast.predictors import registry as predictors
from archcast.predictors.helpers.losses import MARGIN, alignment, listwise, pairwise, top
from archcast.predictors.predictor_text import to_predictor
from archcast.testing import CHECKS, toy
from archcast.testing.toys import toys_for
from tests.quick import QUICK

LISTS = st.lists(
    st.tuples(st.floats(-3, 3), st.integers(-5, 5)),
    min_size=2,
    max_size=6,
    unique_by=lambda x: x[1],
)
ORDERED = [
    *(
        f"{name}(loss={loss})"
        for name in ("mlp", "gcn")
        for loss in ("pairwise", "listwise", "top")
    ),
    *(
        "bananas(loss=listwise)",
        "bonas(loss=pairwise)",
        "dngo(loss=pairwise)",
        "xgb(loss=pairwise)",
        "xgb(loss=top)",
        "lgb(loss=listwise)",
        "lgb(loss=top)",
    ),
    "graph(loss=listwise)",
]


def tensors(found: list[tuple[float, int]]) -> tuple[torch.Tensor, torch.Tensor]:
    scores, labels = zip(*found, strict=True)
    return torch.tensor(scores, dtype=torch.float64), torch.tensor(labels, dtype=torch.float64)


@given(LISTS)
def test_pairs_by_brute_force(found: list[tuple[float, int]]) -> None:
    pairs = [sorted(pair, key=lambda each: -each[1]) for pair in combinations(found, 2)]
    expected = np.mean([max(0.0, MARGIN - (better[0] - worse[0])) for better, worse in pairs])
    assert float(pairwise(*tensors(found))) == pytest.approx(expected, abs=1e-9)


@given(LISTS)
def test_lists_by_drawing_one_after_the_other(found: list[tuple[float, int]]) -> None:
    scores = [score for score, _ in sorted(found, key=lambda each: -each[1])]
    surprise = [
        -np.log(np.exp(scores[at]) / np.exp(scores[at:]).sum()) for at in range(len(scores))
    ]
    gains = 1 / np.log2(np.arange(len(scores)) + 2)
    assert float(listwise(*tensors(found))) == pytest.approx(np.mean(surprise), abs=1e-9)
    expected = np.average(surprise, weights=gains)
    assert float(top(*tensors(found))) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("loss", [pairwise, listwise, top])
def test_each_of_several_networks_has_its_own(loss: Any) -> None:
    scores, labels = torch.randn(3, 8), torch.randn(8)
    together = loss(scores, labels)
    for at in range(3):
        assert torch.isclose(together[at], loss(scores[at], labels))
    assert (loss(10 * labels, labels) < loss(-labels, labels)).all()


def test_scores_are_brought_to_the_labels() -> None:
    scores, labels = np.array([0.0, 2.0, 4.0]), np.array([10.0, 11.0, 15.0])
    offset, slope = alignment(scores, labels)
    aligned = offset + slope * scores
    assert (aligned.mean(), aligned.std()) == pytest.approx((labels.mean(), labels.std()))
    assert alignment(np.ones(3), labels) == (11.0, 1.0)


@pytest.mark.parametrize("text", ORDERED)
def test_predictors_that_learn_an_order(text: str, subtests: pytest.Subtests) -> None:
    predictor = to_predictor(text)
    predictor.set_params(**QUICK.get(text.partition("(")[0], {}))
    for check in CHECKS:
        with subtests.test(check.__name__):
            check(predictor, toys_for(predictor))
    train, test = toy(60, seed=1), toy(40, seed=2)
    values = predictor.fit(train.architectures, train.labels).query(test.architectures)
    found = predictor.values(values)
    assert found is not None
    assert abs(found.mean() - test.labels.mean()) < test.labels.std(), "on the labels' axis"


@pytest.mark.parametrize("name", ["mlp", "gcn", "xgb", "lgb"])
def test_no_such_loss(name: str) -> None:
    train = toy(10, seed=1)
    with pytest.raises(ValueError, match="loss='mse' is none of error, "):
        predictors.get(name)(loss="mse").fit(train.architectures, train.labels)
