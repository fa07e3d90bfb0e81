"""What every predictor must do."""

from __future__ import annotations

import os
import pickle
import random
from collections.abc import Callable
from functools import cached_property, partial
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import torch
from scipy.stats import kendalltau
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from archcast.predictors.predictor import Context, Predictor, Vector
from archcast.spaces.space import Space
from archcast.testing.toys import NASBENCH201, Toy, Toys, global_states, toys, toys_for


class _Fits:
    """Fits of one predictor that all checks share, each made when it is first asked for."""

    def __init__(self, predictor: Predictor, toys: Toys) -> None:
        self.predictor = predictor
        self.toys = toys

    @cached_property
    def fitted(self) -> Predictor:
        """To be left as it is."""
        return self.fit(self.toys)

    @cached_property
    def scores(self) -> Vector:
        """What that fit scores."""
        return _scores(self.fitted, self.toys)

    @cached_property
    def again(self) -> tuple[Vector, bool]:
        """What the second fit of another scores, and whether global random states stayed the same.

        It is given no context but what the tags name.
        """
        assert self.scores is not None  # the first imports what it needs
        random.random()  # away from the state that an earlier seeding would restore
        np.random.random()  # noqa: NPY002
        torch.rand(1)
        before = global_states()
        bare = self.bare
        scores = _scores(self.fit(bare, bare.other), bare)
        return scores, global_states() == before

    @property
    def bare(self) -> Toys:
        """The toys, with no context but what the tags name."""
        return Toys(*(toy.bare(self.predictor.tags) for toy in self.toys))

    def fit(self, toys: Toys, before: Toy | None = None) -> Predictor:
        fresh: Predictor = clone(self.predictor)
        return (fresh.fit(*before) if before else fresh).fit(*toys.train)


def _fits(predictor: Predictor, toys: Toys) -> _Fits:
    key = type(predictor), str(predictor.get_params()), id(toys)
    if key not in _FITS:
        _FITS.clear()
        _FITS[key] = _Fits(predictor, toys)
    return _FITS[key]


_FITS: dict[tuple[type[Predictor], str, int], _Fits] = {}


def _fitted(predictor: Predictor, toys: Toys) -> Predictor:
    return _fits(predictor, toys).fitted


def _fitted_scores(predictor: Predictor, toys: Toys) -> Vector:
    return _fits(predictor, toys).scores


def _scores(predictor: Predictor, toys: Toys) -> Vector:
    return predictor.query(toys.test.architectures, toys.test.context)


def check_clone_keeps_parameters(predictor: Predictor, toys: Toys = NASBENCH201) -> None:
    """`sklearn.base.clone` works, so `__init__` only stores its arguments."""
    assert str(clone(predictor).get_params()) == str(predictor.get_params())


def check_query_before_fit_raises(predictor: Predictor, toys: Toys = NASBENCH201) -> None:
    """An unfitted predictor says so."""
    try:
        _scores(clone(predictor), toys)
    except NotFittedError:
        return
    raise AssertionError("query before fit did not raise NotFittedError")


def check_missing_context_is_named(predictor: Predictor, toys: Toys = NASBENCH201) -> None:
    """Without a field that the tags name, fit and query raise, and name it."""
    fitted = _fitted(predictor, toys)
    for name in predictor.tags.needs:
        for call in (
            lambda: clone(predictor).fit(toys.train.architectures, toys.train.labels, Context()),
            lambda: fitted.query(toys.test.architectures, Context()),
        ):
            assert name in _value_error(call), f"no error that names the missing {name!r}"


def _value_error(call: Callable[[], object]) -> str:
    try:
        call()
    except ValueError as error:
        return str(error)
    return ""


def check_uses_only_what_its_tags_name(predictor: Predictor, toys: Toys = NASBENCH201) -> None:
    """Context fields that the tags do not name make no difference."""
    fits = _fits(predictor, toys)
    again, _ = fits.again
    if not np.array_equal(again, fits.scores):  # that of a fit before, or of other context
        again = _scores(fits.fit(fits.bare), fits.bare)
    np.testing.assert_array_equal(again, fits.scores)


def check_bad_labels_raise(predictor: Predictor, toys: Toys = NASBENCH201) -> None:
    """Labels of another number, or not finite, are refused."""
    for labels in (toys.train.labels[:-1], np.full(len(toys.train.labels), np.nan)):
        fit = partial(clone(predictor).fit, toys.train.architectures, labels, toys.train.context)
        assert _value_error(fit), "bad labels were taken"


def check_without_labels_or_refuses(predictor: Predictor, toys: Toys = NASBENCH201) -> None:
    """What learns refuses an empty training set; what does not, or is informed, takes it.

    What is informed then forgets labels of before.
    """
    nothing = toys.train.context.take(slice(0))
    needs_labels = predictor.tags.learns and not predictor.tags.informed
    try:
        fitted = clone(predictor).fit([], [], nothing)
    except ValueError:
        assert needs_labels, "refuses no labels, though its tags say that it needs none"
    else:
        assert not needs_labels, "fits on no labels, though its tags say that it learns"
        scores = _scores(fitted, toys)
        assert np.isfinite(scores).all()
        if predictor.tags.informed:
            used = clone(predictor).fit(*toys.train).fit([], [], nothing)
            np.testing.assert_array_equal(_scores(used, toys), scores)


def check_scores_are_finite(predictor: Predictor, toys: Toys = NASBENCH201) -> None:
    """One finite score an architecture; none for none."""
    fitted = _fitted(predictor, toys)
    scores = _fitted_scores(predictor, toys)
    assert scores.shape == toys.test.labels.shape
    assert np.isfinite(scores).all()
    assert fitted.query([], toys.test.context.take(slice(0))).shape == (0,)


def check_few_and_constant_labels(predictor: Predictor, toys: Toys = NASBENCH201) -> None:
    """Two labels, or labels that are all the same, give finite scores."""
    same = np.full(min(10, len(toys.train.labels)), 70.0)
    for labels in (toys.train.labels[:2], same):
        n = len(labels)
        context = toys.train.context.take(slice(n))
        fitted = clone(predictor).fit(toys.train.architectures[:n], labels, context)
        assert np.isfinite(_scores(fitted, toys)).all()


def check_standard_deviations_or_refuses(predictor: Predictor, toys: Toys = NASBENCH201) -> None:
    """What is probabilistic gives positive deviations beside its scores; others refuse."""
    fitted = _fitted(predictor, toys)
    try:
        scores, std = fitted.query(toys.test.architectures, toys.test.context, return_std=True)
    except ValueError:
        assert not predictor.tags.probabilistic, "refuses, though its tags say probabilistic"
        return
    np.testing.assert_allclose(scores, _fitted_scores(predictor, toys), rtol=1e-5, atol=1e-8)
    assert std.shape == scores.shape
    assert np.isfinite(std).all()
    assert (std > 0).all()


def check_values_are_in_the_order_of_scores(predictor: Predictor, toys: Toys = NASBENCH201) -> None:
    """What gives values gives one finite value a score, none of them out of order."""
    scores = _fitted_scores(predictor, toys)
    values = _fitted(predictor, toys).values(scores)
    if values is None:
        return
    assert values.shape == scores.shape
    assert np.isfinite(values).all()
    assert (np.diff(values[np.argsort(scores)]) >= -1e-9 * np.abs(values).max()).all()


def check_same_seed_same_scores(predictor: Predictor, toys: Toys = NASBENCH201) -> None:
    """Two fits agree to the last bit."""
    fits = _fits(predictor, toys)
    again, _ = fits.again
    if not np.array_equal(again, fits.scores):  # the seed's, a fit's before, or other context's
        again = _scores(fits.fit(toys), toys)
    np.testing.assert_array_equal(again, fits.scores)


def check_refit_forgets(predictor: Predictor, toys: Toys = NASBENCH201) -> None:
    """A second fit gives what a first one would have."""
    again, _ = _fits(predictor, toys).again
    np.testing.assert_array_equal(again, _fitted_scores(predictor, toys))


def check_global_random_state_is_left_alone(predictor: Predictor, toys: Toys = NASBENCH201) -> None:
    """Neither fit nor query touches Python's, NumPy's or PyTorch's global generators."""
    _, left_alone = _fits(predictor, toys).again
    assert left_alone, "a global random state was changed"


def check_order_does_not_matter(predictor: Predictor, toys: Toys = NASBENCH201) -> None:
    """Architectures queried in another order keep their scores."""
    fitted = _fitted(predictor, toys)
    back = slice(None, None, -1)
    scores = fitted.query(toys.test.architectures[back], toys.test.context.take(back))
    np.testing.assert_allclose(scores[back], _fitted_scores(predictor, toys), rtol=1e-5, atol=1e-8)


def check_batch_does_not_matter(predictor: Predictor, toys: Toys = NASBENCH201) -> None:
    """An architecture queried alone has the score that it has among others."""
    fitted = _fitted(predictor, toys)
    together = _fitted_scores(predictor, toys)
    for i in range(0, len(toys.test.labels), 10):
        alone = fitted.query([toys.test.architectures[i]], toys.test.context.take([i]))
        np.testing.assert_allclose(alone, together[[i]], rtol=1e-4, atol=1e-6)


def check_preparing_changes_nothing(predictor: Predictor, toys: Toys = NASBENCH201) -> None:
    """Scores are the same where what is shared was done before."""
    fresh = clone(predictor)
    if fresh.shares:
        fresh.prepare([fresh], toys.test.architectures, toys.test.context, slice(None))
        scores = _scores(fresh.fit(*toys.train), toys)
        np.testing.assert_array_equal(scores, _fitted_scores(predictor, toys))


def check_pickles(predictor: Predictor, toys: Toys = NASBENCH201) -> None:
    """A fitted predictor survives pickling."""
    fitted = _fitted(predictor, toys)
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(_scores(copy, toys), _fitted_scores(predictor, toys))


def check_beats_chance(predictor: Predictor, toys: Toys = NASBENCH201) -> None:
    """On an easy toy, scores rank architectures better than chance does.

    Not asked of what looks at networks: made-up accuracies are not theirs.
    """
    if {"build", "task"} & predictor.tags.needs:
        return
    assert kendalltau(_fitted_scores(predictor, toys), toys.test.labels).statistic > 0.3


CHECKS = [
    check
    for name, check in list(globals().items())
    if name.startswith("check_") and name != "check_predictor"
]


def check_predictor(predictor: Predictor, space: Space | None = None) -> None:
    """Run all checks, on NAS-Bench-201 or on a space of at least a hundred architectures.

    They have a cache of their own.

    Raises:
        AssertionError: a check failed; its name is in the message.
    """
    with TemporaryDirectory() as folder, patch.dict(os.environ, {"ARCHCAST_CACHE": folder}):
        for check in CHECKS:
            try:
                check(predictor, toys_for(predictor) if space is None else toys(space))
            except Exception as error:
                raise AssertionError(f"{check.__name__}: {error}") from error
