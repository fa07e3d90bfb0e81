"""Any scikit-learn regressor as a predictor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archcast.core.errors import InputError, did_you_mean
from archcast.core.spec import parse_spec
from archcast.predictors.helpers.vector import VectorPredictor
from archcast.predictors.predictor import Tags, Vector

if TYPE_CHECKING:
    from sklearn.base import RegressorMixin


class SklearnRegressor(VectorPredictor):
    """Wraps a scikit-learn regressor: an object, or text such as `Ridge` or `SVR(C=10)`.

    Wherever in it a parameter `random_state` is not set, it is `seed`.
    """

    tags = Tags(paper="Pedregosa et al., 2011", version=3)

    def __init__(
        self,
        estimator: RegressorMixin | str = "Ridge",
        encoding: str = "auto",
        labels: str = "rank",
        seed: int = 0,
    ) -> None:
        self.estimator = regressor(estimator) if isinstance(estimator, str) else estimator
        self.encoding = encoding
        self.labels = labels
        self.seed = seed

    def _fit_vectors(self, x: Vector, y: Vector) -> None:
        from sklearn.base import clone

        fresh: Any = clone(self.estimator)
        unset = [
            name
            for name, value in fresh.get_params().items()
            if name.split("__")[-1] == "random_state" and value is None
        ]
        fresh.set_params(**dict.fromkeys(unset, self.seed))
        self.regressor_ = fresh.fit(x, y)

    def _query_vectors(self, x: Vector) -> Vector:
        scores: Vector = self.regressor_.predict(x)
        return scores


def regressor(text: str) -> RegressorMixin:
    """Build a scikit-learn regressor from text such as `SVR(C=10)`.

    Raises:
        InputError: no such regressor, or it has no such parameter.
    """
    from sklearn.utils import all_estimators

    name, params = parse_spec(text)
    known = dict(all_estimators(type_filter="regressor"))
    if name not in known:
        raise InputError(f"scikit-learn has no regressor {name!r}: {did_you_mean(name, known)}")
    try:
        return known[name](**params)
    except TypeError as error:
        raise InputError(f"{text}: {error}") from None
