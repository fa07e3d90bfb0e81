"""Random forest."""

from __future__ import annotations

from sklearn.ensemble import RandomForestRegressor

from archcast.predictors.base import Tags, Vector
from archcast.predictors.vector import VectorPredictor


class RandomForest(VectorPredictor):
    """Bagged regression trees, with the tree settings of the 2021 study (White et al., 2021)."""

    tags = Tags(paper="Breiman, 2001")

    def __init__(
        self,
        encoding: str = "graph-features",
        labels: str = "rank",
        n_estimators: int = 116,
        max_features: float = 0.17,
        min_samples_leaf: int = 2,
        seed: int = 0,
    ) -> None:
        self.encoding = encoding
        self.labels = labels
        self.n_estimators = n_estimators
        self.max_features = max_features
        self.min_samples_leaf = min_samples_leaf
        self.seed = seed

    def _fit_vectors(self, x: Vector, y: Vector) -> None:
        self.forest_ = RandomForestRegressor(
            self.n_estimators,
            max_features=self.max_features,
            min_samples_leaf=self.min_samples_leaf,
            random_state=self.seed,
            n_jobs=1,
        ).fit(x, y)

    def _query_vectors(self, x: Vector) -> Vector:
        scores: Vector = self.forest_.predict(x)
        return scores
