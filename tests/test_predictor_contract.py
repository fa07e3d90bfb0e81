"""Every predictor of the registry against every shipped check."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from archcast.predictors import registry as predictors
from archcast.predictors.predictor import Context, Predictor
from archcast.spaces import registry as spaces
from archcast.testing import CHECKS, check_predictor

# (predictor, check) -> why it can't hold. Strict: a stale line fails the suite.
EXCEPTIONS = {("random", "check_beats_chance"): "it is chance"}


# Settings that keep the checks, which fit some ten times, quick.
QUICK: dict[str, dict[str, object]] = {
    "bohamiann": {"burn_in": 150, "samples": 10, "thin": 5},
    "column": {"column": "parameters"},
    "combine": {"head": "xgb(n_estimators=30)"},
    **{key: {"epochs": 2} for key in ("oneshot", "rsws", "fairnas", "novelty", "few-shot")},
    "lce": {"steps": 10},
    "lce-m": {"steps": 10},
    "lcsvr": {"trials": 5},
    "omni": {"head": "ngb(n_estimators=40, learning_rate=0.2)"},
    "ngb": {"n_estimators": 40, "learning_rate": 0.2},
    "seminas": {"steps": 40},
    "tuned": {"predictor": "xgb(n_estimators=30)", "trials": 3},
}


def cases() -> list[object]:
    return [
        pytest.param(
            name,
            check,
            id=f"{name}-{check.__name__.removeprefix('check_')}",
            marks=[
                pytest.mark.xdist_group(name),  # checks of a predictor share a fit
                pytest.mark.xfail(
                    (name, check.__name__) in EXCEPTIONS,
                    reason=EXCEPTIONS.get((name, check.__name__), ""),
                    strict=True,
                ),
            ],
        )
        for name in predictors
        for check in CHECKS
    ]


@pytest.mark.parametrize(("name", "check"), cases())
def test_contract(name: str, check: Callable[[Predictor], None]) -> None:
    check(predictors.get(name)(**QUICK.get(name, {})))


def test_checks_find_a_leaky_predictor() -> None:
    class Rank(predictors.get("random")):  # type: ignore[misc]
        def _query(self, architectures, context):  # type: ignore[no-untyped-def]
            return range(len(architectures))  # depends on the order

    with pytest.raises(AssertionError, match="check_order_does_not_matter"):
        check_predictor(Rank())


@pytest.mark.parametrize("space", spaces)
@pytest.mark.parametrize(
    "name", [name for name in predictors if predictors.entry(name).family == "model-based"]
)
def test_every_space(name: str, space: str) -> None:
    cells = spaces.get(space).sample(40, np.random.default_rng(0))
    train, others = cells[:30], cells[30:]
    labels = [float(len(str(cell))) for cell in train]
    predictor = predictors.get(name)(**QUICK.get(name, {}))
    context = Context(unlabeled=others).only(predictor.tags)
    scores = predictor.fit(train, labels, context).query(others, context)
    assert np.isfinite(scores).all()
    assert len(set(scores)) > 1
    np.testing.assert_allclose(predictor.query(others[::-1], context)[::-1], scores, rtol=1e-5)
    for cell, score in zip(others, scores, strict=True):
        np.testing.assert_allclose(predictor.query([cell], context), score, rtol=1e-4, atol=1e-6)
