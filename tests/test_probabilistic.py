"""Predictors that give deviations: are these as large as their errors are?"""

from __future__ import annotations

import numpy as np
import pytest

from archcast.predictors import registry as predictors
from archcast.predictors.predictor import Context, Predictor
from archcast.testing import toy

PROBABILISTIC = [  # without wrappers, which are as what they wrap, and readers of curves
    name
    for name in predictors
    if predictors.entry(name).family != "wrapper"
    and (tags := predictors.get(name)().tags).probabilistic
    and "curves" not in tags.needs
]
TRAIN, TEST = toy(100, seed=1), toy(300, seed=2)


# Settings that keep the fits quick.
QUICK: dict[str, dict[str, object]] = {
    "bohamiann": {"burn_in": 150, "samples": 10, "thin": 5},
    "ngb": {"n_estimators": 40, "learning_rate": 0.2},
}


def fitted(name: str, labels: np.ndarray = TRAIN.labels, scale: str = "raw") -> Predictor:
    predictor = predictors.get(name)(labels=scale, **QUICK.get(name, {}))
    return predictor.fit(TRAIN.architectures, labels, Context())


@pytest.mark.parametrize("name", PROBABILISTIC)
def test_deviations_are_calibrated(name: str) -> None:
    """About 90 % of held-out labels, noise included, are within 1.64 deviations."""
    scores, std = fitted(name).query(TEST.architectures, return_std=True)
    errors = np.abs(scores - TEST.labels)
    share = (errors < 1.64 * std).mean()
    assert 0.8 < share <= 1.0
    assert std.mean() < TRAIN.labels.std()  # wide enough is easy; this is narrow enough


@pytest.mark.parametrize("name", PROBABILISTIC)
def test_scores_and_deviations_are_on_the_axis_of_the_labels(name: str) -> None:
    """Labels of ten times the size and another origin take scores and deviations along."""
    scores, std = fitted(name).query(TEST.architectures, return_std=True)
    moved, wider = fitted(name, 10 * TRAIN.labels - 200).query(TEST.architectures, return_std=True)
    assert np.corrcoef(moved, 10 * scores - 200)[0, 1] > 0.9
    assert np.median(wider / std) == pytest.approx(10, rel=0.2)


@pytest.mark.parametrize("name", PROBABILISTIC)
def test_noise_of_labels_widens_deviations(name: str) -> None:
    rng = np.random.default_rng(0)
    noisy = TRAIN.labels + rng.normal(0, 6, len(TRAIN.labels))
    _, clean = fitted(name).query(TEST.architectures, return_std=True)
    _, wider = fitted(name, noisy).query(TEST.architectures, return_std=True)
    assert wider.mean() > 1.3 * clean.mean()
