"""Any scikit-learn regressor as a predictor."""

from __future__ import annotations

from typing import Any

from sklearn.base import RegressorMixin, clone

from archcast.core.spec import parse_spec
from archcast.predictors.helpers.vector import VectorPredictor
from archcast.predictors.predictor import Tags, Vector


class SklearnRegressor(VectorPredictor):
    """Wraps a scikit-learn regressor: an object, or text such as `Ridge` or `SVR(C=10)`.

    A regressor with a parameter `random_state` gets `seed`, unless it sets its own.
    """

    tags = Tags(paper="Pedregosa et al., 2011")

    def __init__(
        self,
        estimator: RegressorMixin | str = "Ridge",
        encoding: str = "auto",
        labels: str = "rank",
        seed: int = 0,
    ) -> None:
        self.estimator = estimator
        self.encoding = encoding
        self.labels = labels
        self.seed = seed

    def _fit_vectors(self, x: Vector, y: Vector) -> None:
        given = self.estimator
        regressor: Any = regressor_by_name(given) if isinstance(given, str) else clone(given)
        if regressor.get_params().get("random_state", 0) is None:
            regressor.set_params(random_state=self.seed)
        self.regressor_ = regressor.fit(x, y)

    def _query_vectors(self, x: Vector) -> Vector:
        scores: Vector = self.regressor_.predict(x)
        return scores


def regressor_by_name(text: str) -> RegressorMixin:
    """Build a scikit-learn regressor from text such as `SVR(C=10)`.

    Raises:
        ValueError: no such regressor, or it has no such parameter.
    """
    from sklearn.utils import all_estimators

    name, params = parse_spec(text)
    known = dict(all_estimators(type_filter="regressor"))
    if name not in known:
        raise ValueError(f"scikit-learn has no regressor {name!r}")
    try:
        return known[name](**params)
    except TypeError as error:
        raise ValueError(f"{text}: {error}") from None
