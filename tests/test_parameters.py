"""Parameters of predictors against those of scikit-learn's estimators."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.base import BaseEstimator, clone

from archcast.predictors.parameters import Parametrised, has_parameters, parameters_of, unfitted


class Inner(Parametrised):
    def __init__(self, depth: int = 3) -> None:
        self.depth = depth


class Outer(Parametrised):
    def __init__(self, inner: Any = None, rate: float = 0.5, **others: Any) -> None:
        self.inner = inner
        self.rate = rate


class Theirs(BaseEstimator):  # type: ignore[misc]
    def __init__(self, inner: Any = None, rate: float = 0.5, **others: Any) -> None:
        self.inner = inner
        self.rate = rate


class Changing(Parametrised):
    def __init__(self, rate: float = 0.5, depth: int = 3) -> None:
        self.rate = rate + 1
        self.depth = depth


class Anything(Parametrised):
    def __init__(self, *parts: int) -> None:
        self.parts = parts


def test_as_an_estimator() -> None:
    inner = Inner(5)
    ours, theirs = Outer(inner, rate=0.1), Theirs(inner, rate=0.1)
    for deep in (True, False):
        assert ours.get_params(deep=deep) == theirs.get_params(deep=deep)
    assert ours.get_params() == {"inner": inner, "inner__depth": 5, "rate": 0.1}
    copy = clone(ours)
    assert copy.inner is not inner
    assert copy.get_params(deep=False).keys() == {"inner", "rate"}
    assert copy.set_params(rate=0.2, inner__depth=7) is copy
    assert (copy.rate, copy.inner.depth, inner.depth) == (0.2, 7, 5)
    assert has_parameters(ours)
    assert has_parameters(theirs)
    assert not has_parameters(Outer)


def test_a_copy_is_as_scikit_learn_makes_it() -> None:
    inner, theirs, rates = Inner(5), Theirs(rate=2), {"a": [0.1]}
    ours = Outer([(inner, theirs)], rate=rates)  # type: ignore[arg-type]
    ours.fitted_ = 1  # type: ignore[attr-defined]
    for copy in (unfitted(ours), clone(ours)):
        [(one, two)] = copy.inner
        assert (one.depth, two.rate, copy.rate) == (5, 2, rates)
        assert type(two) is Theirs
        assert one is not inner
        assert two is not theirs
        assert copy.rate["a"] is not rates["a"]
        assert not hasattr(copy, "fitted_")
    with pytest.raises(TypeError, match=r"Changing\.__init__ changes rate"):
        unfitted(Changing())
    with pytest.raises(RuntimeError):
        clone(Changing())


def test_shows_what_is_no_default() -> None:
    assert repr(Outer()) == "Outer()"
    assert repr(Outer(Inner(4))) == "Outer(inner=Inner(depth=4))"


def test_what_can_not_be() -> None:
    with pytest.raises(ValueError, match="Outer has no parameter 'speed'; it has inner, rate"):
        Outer().set_params(speed=1)
    with pytest.raises(TypeError, match="any number of arguments; name them"):
        parameters_of(Anything)
