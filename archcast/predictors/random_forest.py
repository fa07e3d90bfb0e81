"""Random forest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from archcast.predictors.helpers.vector import VectorPredictor
from archcast.predictors.predictor import Tags, Vector


class RandomForest(VectorPredictor):
    """Bagged regression trees, grown to the end, each split on a sample of the features.

    As many trees, and as large a sample, as in the 2021 study (White et al., 2021).
    """

    tags = Tags(paper="Breiman, 2001", version=2)

    @classmethod
    def search_space(cls) -> Mapping[str, Any]:
        from scipy.stats import loguniform, randint

        return {
            "n_estimators": np.geomspace(16, 128, 13).astype(int).tolist(),
            "max_features": loguniform(0.1, 0.9),
            "min_samples_leaf": randint(1, 20),
            "min_samples_split": randint(2, 20),
        }

    def __init__(
        self,
        encoding: str = "auto",
        labels: str = "normal",
        n_estimators: int = 116,
        max_features: float = 0.17,
        min_samples_leaf: int = 1,
        min_samples_split: int = 2,
        seed: int = 0,
    ) -> None:
        self.encoding = encoding
        self.labels = labels
        self.n_estimators = n_estimators
        self.max_features = max_features
        self.min_samples_leaf = min_samples_leaf
        self.min_samples_split = min_samples_split
        self.seed = seed

    def _fit_vectors(self, x: Vector, y: Vector) -> None:
        from sklearn.ensemble import RandomForestRegressor

        self.forest_ = RandomForestRegressor(
            self.n_estimators,
            max_features=self.max_features,
            min_samples_leaf=self.min_samples_leaf,
            min_samples_split=self.min_samples_split,
            random_state=self.seed,
            n_jobs=1,
        ).fit(x, y)

    def _query_vectors(self, x: Vector) -> Vector:
        scores: Vector = self.forest_.predict(x)
        return scores
