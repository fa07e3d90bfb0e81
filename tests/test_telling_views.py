"""Which encodings predictors see, chosen by labels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from archcast.encodings import registry as encodings
from archcast.predictors import registry as predictors
from archcast.predictors.helpers.telling_views import (
    JITTER,
    NOISE,
    VIEWS,
    _distances,
    look,
    telling_views,
)
from archcast.predictors.helpers.weighed_kernel import matern, minus_log_posterior
from archcast.spaces import registry as spaces
from archcast.spaces.space import Architecture, Space
from tests.data_spaces import SPACES

NB201, SIZE = spaces.get("nasbench201"), spaces.get("size")


def drawn(space: Space, n: int = 60) -> list[Architecture]:
    return space.sample(n, np.random.default_rng(0))


def test_gradient_is_that_of_finite_differences() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(3, 12, 2))
    distances = ((points[:, :, None] - points[:, None]) ** 2).sum(axis=-1)
    y, prior = rng.normal(size=12), np.array([-1.0, -1.0, -1.0, 0.0, NOISE])
    at = rng.normal(size=5)
    _, gradient = minus_log_posterior(at, distances, y, prior, matern, JITTER)
    numeric = optimize.approx_fprime(
        at, lambda p: minus_log_posterior(p, distances, y, prior, matern, JITTER)[0], 1e-6
    )
    np.testing.assert_allclose(gradient, numeric, rtol=1e-4, atol=1e-5)


def test_evidence_is_that_of_another_library() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(15, 3)), rng.normal(size=15)
    squares = ((x[:, None] - x[None]) ** 2).sum(axis=-1)
    weight, signal, noise = 0.4, 1.7, 0.2
    logs = np.log([weight, signal, noise])
    ours = -minus_log_posterior(logs, squares[None], y, logs, matern, JITTER)[0] - 15 / 2 * np.log(
        2 * np.pi
    )
    kernel = ConstantKernel(signal) * Matern(weight**-0.5, nu=2.5) + WhiteKernel(noise + JITTER)
    theirs = GaussianProcessRegressor(kernel, optimizer=None, alpha=0.0).fit(x, y)
    assert ours == pytest.approx(theirs.log_marginal_likelihood_value_, rel=1e-6)


def test_distances_by_hand() -> None:
    x = np.array([[0.0, 5.0, 1.0], [1.0, 5.0, 2.0], [3.0, 5.0, 9.0]])
    z = (x - x.mean(axis=0))[:, [0, 2]] / x.std(axis=0)[[0, 2]]
    squares = ((z[:, None] - z[None]) ** 2).sum(axis=-1)
    found = _distances(x)
    assert found is not None
    np.testing.assert_allclose(found, squares / (squares.sum() / 6), atol=1e-12)
    assert _distances(np.ones((4, 3))) is None


def test_labels_say_what_is_seen() -> None:
    """Labels that follow from one encoding, by its first principal component, and not another."""
    cells = drawn(NB201, 100)
    for name in ("graph-features", "one-hot"):
        x = encodings.get(name)(cells)
        x = x[:, x.std(axis=0) > 0]
        x = (x - x.mean(axis=0)) / x.std(axis=0)
        labels = x @ np.linalg.svd(x)[2][0] if name == "graph-features" else x[:, ::2].sum(axis=1)
        assert name in telling_views(cells, labels)
    operations = np.array([each.choices for each in cells])
    counts = (operations == 3).sum(axis=1) + 0.5 * (operations == 2).sum(axis=1)
    assert telling_views(cells, counts.astype(float))[0] == "graph-features"


def test_widths_are_seen_as_options() -> None:
    sizes = drawn(SIZE)
    best = np.array([3, 5, 2, 4, 4])  # in the midst of the options
    labels = np.array([-np.minimum(np.abs(each.choices - best), 2).sum() for each in sizes])
    assert "one-hot" in telling_views(sizes, labels.astype(float))


def test_equal_networks_share_their_row() -> None:
    one, other = (
        NB201.parse("|none~0|+|none~0|nor_conv_3x3~1|+|nor_conv_3x3~0|none~1|none~2|"),
        NB201.parse("|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|"),
    )
    cells = drawn(NB201)
    for encoding in ("auto", "one-hot"):
        np.testing.assert_array_equal(*look(encoding, cells, np.arange(60.0))([one, other]))


def test_labels_that_say_nothing_leave_all_views() -> None:
    cells = drawn(NB201)
    assert telling_views(cells, np.ones(60)) == [*VIEWS]
    assert telling_views(cells[:1], np.ones(1)) == ["graph-features"]
    assert telling_views(cells[:2], np.arange(2.0))
    assert telling_views([cells[0]] * 5, np.arange(5.0)) == ["graph-features"]


@pytest.mark.parametrize("space", ["mobilenet", "size", "nasbench101", "darts"])
@pytest.mark.parametrize("n", [3, 8, 30])
def test_any_labels_of_any_space_choose_some(space: str, n: int) -> None:
    """Ties, and labels that follow from the choices without noise, take weights to their ends."""
    cells = drawn(spaces.get(space), n)
    for labels in (
        np.array([float(sum(each.choices)) for each in cells]),
        np.array([float(each.choices[0]) for each in cells]),
        np.arange(float(n)) % 2,
    ):
        assert {*telling_views(cells, labels)} <= {*VIEWS}


def test_many_labels_are_weighed_in_part() -> None:
    cells = drawn(NB201, 900)
    labels = np.array([each.choices.count(3) for each in cells], dtype=float)
    assert telling_views(cells, labels)[0] == "graph-features"


def test_views_that_refuse_a_space_are_left_out() -> None:
    large = type(SPACES["dag-large"])(["a"], 300)  # type: ignore[call-arg, arg-type]
    rng = np.random.default_rng(0)
    graphs = large.sample(4, rng)
    assert telling_views(graphs, np.arange(4.0)) == ["graph-features"]
    assert telling_views(graphs[:1], np.zeros(1)) == ["graph-features"]


@pytest.mark.parametrize("name", ["xgb", "lcsvr", "nao"])
def test_what_predictors_use_is_known(name: str) -> None:
    used = predictors.get(name)().uses()
    expected = [] if name == "nao" else [encodings.get(view) for view in VIEWS]
    assert list(used) == expected
