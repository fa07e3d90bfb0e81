"""What every predictor must do, as checks for the test suite of any package that adds one.

    from archcast.testing import check_predictor

    def test_my_predictor():
        check_predictor(MyPredictor())

The checks need no benchmark: they draw NAS-Bench-201 cells and make up accuracies for them.
"""

from __future__ import annotations

import os
import pickle
import random
from collections.abc import Callable
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import torch
from scipy.stats import kendalltau
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from archcast.networks.blueprint import Blueprint, Untrained
from archcast.networks.nasbench201_network import NETWORKS, Skeleton
from archcast.predictors.predictor import Context, Curves, Predictor, Vector
from archcast.spaces import registry as spaces
from archcast.spaces.space import Architecture, choice_matrix
from archcast.tasks.images import Images, Part
from archcast.testing.proxy_checks import check_proxy as check_proxy
from archcast.zero_cost import Batch

QUALITY = np.array([0.0, 0.4, 0.7, 1.0, 0.2])  # of the five operations, on average over the edges
EPOCHS, HORIZON = 6, 12
SKELETON = Skeleton(channels=4, cells=1, stem_stride=2, reduction="pool")
_PIXELS = np.random.default_rng(0).integers(0, 256, (96, 14, 14, 1), dtype=np.uint8)
TASK = Images("toy", *(Part(_PIXELS[i::3], np.arange(32) % 4) for i in range(3))).without_test()
BLUEPRINT = Blueprint(NETWORKS, SKELETON, TASK.signature)


class Toy(NamedTuple):
    """Made-up results: accuracy, in percent, is the mean quality of a cell's operations."""

    architectures: list[Architecture]
    labels: Vector
    context: Context


def toy(n: int, seed: int) -> Toy:
    """Draw `n` cells, with every context field that a predictor may need."""
    rng = np.random.default_rng(seed)
    architectures = spaces.get("nasbench201").sample(n, rng)
    quality = QUALITY[choice_matrix(architectures)].mean(axis=1)
    labels = 40.0 + 50.0 * quality + rng.normal(0.0, 0.5, n)
    progress = 1.0 - 0.6 * np.exp(-0.6 * np.arange(1, EPOCHS + 1))
    accuracy = labels[:, None] * progress
    loss = 3.0 - accuracy / 40.0
    curves = Curves(
        HORIZON,
        train_loss=loss - 0.1,
        train_accuracy=accuracy,
        valid_loss=loss,
        valid_accuracy=accuracy,
    )
    size = 1e5 * (1.0 + quality)
    draw = torch.Generator().manual_seed(0)
    context = Context(
        curves=curves,
        parameters=size,
        flops=10.0 * size,
        latency=size / 1e5,
        unlabeled=spaces.get("nasbench201").sample(8, rng),
        build=lambda cell: Untrained(BLUEPRINT, seed)(cell),  # no name: its scores are not kept
        networks=BLUEPRINT,
        task=TASK,
        batch=Batch(torch.randn(8, 1, 14, 14, generator=draw), torch.arange(8) % 4),
        noise=Batch.gaussian((8, 1, 14, 14)),
    )
    return Toy(architectures, labels, context)


TRAIN, TEST = toy(60, seed=1), toy(15, seed=2)


def _newly_fitted(predictor: Predictor) -> Predictor:
    fresh: Predictor = clone(predictor)
    return fresh.fit(*TRAIN)


def _fitted(predictor: Predictor) -> Predictor:
    """One fit for all checks that leave it as it is."""
    return _fitted_and_scores(predictor)[0]


def _fitted_scores(predictor: Predictor) -> Vector:
    """What that fit scores."""
    return _fitted_and_scores(predictor)[1]


def _fitted_and_scores(predictor: Predictor) -> tuple[Predictor, Vector]:
    key = type(predictor), str(predictor.get_params())
    if key not in _FITTED:
        _FITTED.clear()
        fitted = _newly_fitted(predictor)
        _FITTED[key] = fitted, _scores(fitted)
    return _FITTED[key]


_FITTED: dict[tuple[type[Predictor], str], tuple[Predictor, Vector]] = {}


def _scores(predictor: Predictor) -> Vector:
    return predictor.query(TEST.architectures, TEST.context)


def check_clone_keeps_parameters(predictor: Predictor) -> None:
    """`sklearn.base.clone` works, so `__init__` only stores its arguments."""
    assert str(clone(predictor).get_params()) == str(predictor.get_params())


def check_query_before_fit_raises(predictor: Predictor) -> None:
    """An unfitted predictor says so."""
    try:
        _scores(clone(predictor))
    except NotFittedError:
        return
    raise AssertionError("query before fit did not raise NotFittedError")


def check_missing_context_is_named(predictor: Predictor) -> None:
    """Without a field that the tags name, fit and query raise, and name it."""
    fitted = _fitted(predictor)
    for name in predictor.tags.needs:
        for call in (
            lambda: clone(predictor).fit(TRAIN.architectures, TRAIN.labels, Context()),
            lambda: fitted.query(TEST.architectures, Context()),
        ):
            assert name in _value_error(call), f"no error that names the missing {name!r}"


def _value_error(call: Callable[[], object]) -> str:
    try:
        call()
    except ValueError as error:
        return str(error)
    return ""


def check_uses_only_what_its_tags_name(predictor: Predictor) -> None:
    """Context fields that the tags do not name make no difference."""
    bare = [toy.context.only(predictor.tags) for toy in (TRAIN, TEST)]
    fitted = clone(predictor).fit(TRAIN.architectures, TRAIN.labels, bare[0])
    scores = fitted.query(TEST.architectures, bare[1])
    np.testing.assert_array_equal(scores, _fitted_scores(predictor))


def check_bad_labels_raise(predictor: Predictor) -> None:
    """Labels of another number, or not finite, are refused."""
    for labels in (TRAIN.labels[:-1], np.full(len(TRAIN.labels), np.nan)):
        fit = partial(clone(predictor).fit, TRAIN.architectures, labels, TRAIN.context)
        assert _value_error(fit), "bad labels were taken"


def check_without_labels_or_refuses(predictor: Predictor) -> None:
    """What learns refuses an empty training set; what does not learn takes it."""
    nothing = TRAIN.context.take(slice(0))
    try:
        clone(predictor).fit([], [], nothing)
    except ValueError:
        assert predictor.tags.learns, "refuses no labels, though its tags say that it needs none"
    else:
        assert not predictor.tags.learns, "fits on no labels, though its tags say that it learns"


def check_scores_are_finite(predictor: Predictor) -> None:
    """One finite score an architecture; none for none."""
    fitted = _fitted(predictor)
    scores = _fitted_scores(predictor)
    assert scores.shape == TEST.labels.shape
    assert np.isfinite(scores).all()
    assert fitted.query([], TEST.context.take(slice(0))).shape == (0,)


def check_few_and_constant_labels(predictor: Predictor) -> None:
    """Two labels, or labels that are all the same, give finite scores."""
    for n, labels in ((2, TRAIN.labels[:2]), (20, np.full(20, 70.0))):
        context = TRAIN.context.take(slice(n))
        fitted = clone(predictor).fit(TRAIN.architectures[:n], labels, context)
        assert np.isfinite(_scores(fitted)).all()


def check_standard_deviations_or_refuses(predictor: Predictor) -> None:
    """What is probabilistic gives positive deviations beside its scores; others refuse."""
    fitted = _fitted(predictor)
    try:
        scores, std = fitted.query(TEST.architectures, TEST.context, return_std=True)
    except ValueError:
        assert not predictor.tags.probabilistic, "refuses, though its tags say probabilistic"
        return
    np.testing.assert_allclose(scores, _fitted_scores(predictor), rtol=1e-5, atol=1e-8)
    assert std.shape == scores.shape
    assert np.isfinite(std).all()
    assert (std > 0).all()


def check_same_seed_same_scores(predictor: Predictor) -> None:
    """Two fits agree to the last bit."""
    again = _newly_fitted(predictor)
    np.testing.assert_array_equal(_scores(again), _fitted_scores(predictor))


def check_refit_forgets(predictor: Predictor) -> None:
    """A second fit gives what a first one would have."""
    other = toy(30, seed=3)
    again = clone(predictor).fit(*other).fit(*TRAIN)
    np.testing.assert_array_equal(_scores(again), _fitted_scores(predictor))


def check_global_random_state_is_left_alone(predictor: Predictor) -> None:
    """Neither fit nor query touches Python's, NumPy's or PyTorch's global generators."""
    _fitted(predictor)  # imports what it needs
    random.random()  # away from the state that an earlier seeding would restore
    np.random.random()  # noqa: NPY002
    torch.rand(1)
    before = _global_states()
    _scores(_newly_fitted(predictor))
    assert _global_states() == before


def _global_states() -> list[bytes]:
    states: list[Any] = [random.getstate(), np.random.get_state()]  # noqa: NPY002
    states.append(torch.get_rng_state().tolist())
    return [pickle.dumps(state) for state in states]


def check_order_does_not_matter(predictor: Predictor) -> None:
    """Architectures queried in another order keep their scores."""
    fitted = _fitted(predictor)
    back = slice(None, None, -1)
    scores = fitted.query(TEST.architectures[back], TEST.context.take(back))
    np.testing.assert_allclose(scores[back], _fitted_scores(predictor), rtol=1e-5, atol=1e-8)


def check_batch_does_not_matter(predictor: Predictor) -> None:
    """An architecture queried alone has the score that it has among others."""
    fitted = _fitted(predictor)
    together = _fitted_scores(predictor)
    for i in range(0, len(TEST.labels), 10):
        alone = fitted.query([TEST.architectures[i]], TEST.context.take([i]))
        np.testing.assert_allclose(alone, together[[i]], rtol=1e-4, atol=1e-6)


def check_pickles(predictor: Predictor) -> None:
    """A fitted predictor survives pickling."""
    fitted = _fitted(predictor)
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(_scores(copy), _fitted_scores(predictor))


def check_beats_chance(predictor: Predictor) -> None:
    """On an easy toy, scores rank architectures better than chance does.

    Not asked of what looks at networks: made-up accuracies are not theirs.
    """
    if {"build", "task"} & predictor.tags.needs:
        return
    assert kendalltau(_fitted_scores(predictor), TEST.labels).statistic > 0.3


CHECKS = [
    check
    for name, check in list(globals().items())
    if name.startswith("check_") and name not in ("check_predictor", "check_proxy")
]


def check_predictor(predictor: Predictor) -> None:
    """Run all checks, with a cache of their own.

    Raises:
        AssertionError: a check failed; its name is in the message.
    """
    with TemporaryDirectory() as folder, patch.dict(os.environ, {"ARCHCAST_CACHE": folder}):
        for check in CHECKS:
            try:
                check(predictor)
            except Exception as error:
                raise AssertionError(f"{check.__name__}: {error}") from error
