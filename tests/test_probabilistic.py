"""Predictors that give deviations: are these as large as their errors are?"""

from __future__ import annotations

import numpy as np
import pytest

from archcast.predictors import registry as predictors
from archcast.predictors.predictor import Context, Vector
from archcast.testing import toy

PROBABILISTIC = [  # without wrappers, which are as what they wrap, and readers of curves
    name
    for name in predictors
    if predictors.entry(name).family != "wrapper"
    and (tags := predictors.get(name)().tags).probabilistic
    and "curves" not in tags.needs
]
TRAIN, TEST = toy(100, seed=1), toy(200, seed=2)
QUICK: dict[str, dict[str, object]] = {
    "bananas": {"networks": 2},
    "bonas": {"steps": 40},
    "bohamiann": {"burn_in": 150, "samples": 10, "thin": 10},
    "ngb": {"n_estimators": 60, "learning_rate": 0.15},
}


@pytest.mark.parametrize("name", PROBABILISTIC)
def test_deviations(name: str, subtests: pytest.Subtests) -> None:
    def asked(labels: Vector) -> tuple[Vector, Vector]:
        predictor = predictors.get(name)(labels="raw", **QUICK.get(name, {}))
        fitted = predictor.fit(TRAIN.architectures, labels, Context())
        return fitted.query(TEST.architectures, return_std=True)

    scores, std = asked(TRAIN.labels)
    with subtests.test("about 90 % of held-out labels, noise included, are within 1.64 of them"):
        errors = np.abs(scores - TEST.labels)
        share = (errors < 1.64 * std).mean()
        assert 0.8 < share <= 1.0
        assert std.mean() < TRAIN.labels.std()  # wide enough is easy; this is narrow enough
    with subtests.test("labels of ten times the size and another origin take them along"):
        moved, wider = asked(10 * TRAIN.labels - 200)
        assert np.corrcoef(moved, 10 * scores - 200)[0, 1] > 0.9
        assert np.median(wider / std) == pytest.approx(10, rel=0.2)
    with subtests.test("noise of labels widens them"):
        rng = np.random.default_rng(0)
        _, noisy = asked(TRAIN.labels + rng.normal(0, 6, len(TRAIN.labels)))
        assert noisy.mean() > 1.3 * std.mean()
