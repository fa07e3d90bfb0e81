"""Gradient-boosted regression trees, by the two common libraries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from archcast.predictors.helpers.capacity import sized
from archcast.predictors.helpers.labels import for_few
from archcast.predictors.helpers.vector import VectorPredictor
from archcast.predictors.predictor import Tags, Vector

MIN_DATA_IN_BIN = 3  # LightGBM's own


class XGBoost(VectorPredictor):
    """XGBoost: many shallow trees, each on a sample of rows and columns.

    Smaller steps and trees than the study's 500 of depth 6 at a rate of 0.3, chosen on other splits
    than are reported. Without `n_estimators` and `max_depth` there are 1,000 trees of depth 3 for
    up to 200 labels, and as these grow more and deeper ones: 2,687 of depth 6 for 4,000.
    """

    tags = Tags(paper="Chen & Guestrin, 2016", version=3)

    @classmethod
    def search_space(cls) -> Mapping[str, Any]:
        from scipy.stats import loguniform, randint, uniform

        return {
            "max_depth": randint(1, 15),
            "min_child_weight": randint(1, 10),
            "colsample_bytree": uniform(0, 1),
            "learning_rate": loguniform(0.001, 0.5),
        }

    def __init__(
        self,
        encoding: str = "auto",
        labels: str = "normal",
        n_estimators: int | None = None,
        max_depth: int | None = None,
        learning_rate: float = 0.03,
        subsample: float = 0.8,
        colsample_bytree: float = 0.3,
        min_child_weight: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.encoding = encoding
        self.labels = labels
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.min_child_weight = min_child_weight
        self.seed = seed

    def _fit_vectors(self, x: Vector, y: Vector) -> None:
        from xgboost import XGBRegressor

        self.trees_ = XGBRegressor(
            n_estimators=sized(self.n_estimators, 1_000, 0.33, len(y)),
            max_depth=sized(self.max_depth, 3, 0.26, len(y)),
            learning_rate=self.learning_rate,
            subsample=self.subsample,
            colsample_bytree=self.colsample_bytree,
            min_child_weight=self.min_child_weight,
            random_state=self.seed,
            n_jobs=1,
        ).fit(x, y)

    def _query_vectors(self, x: Vector) -> Vector:
        return np.asarray(self.trees_.predict(x), dtype=np.float64)


class LightGBM(VectorPredictor):
    """LightGBM: trees grown leaf by leaf.

    Kept small for few labels: 8 leaves where the study has 31, and 3 labels in a leaf where it has
    5. The learning rate and the share of rows are its own. Without `n_estimators` and `num_leaves`
    there are 300 trees of 8 leaves for up to 200 labels, and as these grow more and larger ones:
    806 of 21 leaves for 4,000.
    """

    tags = Tags(paper="Ke et al., 2017", version=4)

    @classmethod
    def search_space(cls) -> Mapping[str, Any]:
        from scipy.stats import loguniform, randint, uniform

        return {
            "num_leaves": randint(4, 100),
            "learning_rate": loguniform(0.001, 0.1),
            "colsample_bytree": uniform(0.1, 0.9),
        }

    def __init__(
        self,
        encoding: str = "auto",
        labels: str = "rank",
        n_estimators: int | None = None,
        num_leaves: int | None = None,
        learning_rate: float = 0.05,
        min_child_samples: int = 3,
        subsample: float = 0.8,
        colsample_bytree: float = 0.3,
        seed: int = 0,
    ) -> None:
        self.encoding = encoding
        self.labels = labels
        self.n_estimators = n_estimators
        self.num_leaves = num_leaves
        self.learning_rate = learning_rate
        self.min_child_samples = min_child_samples
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.seed = seed

    def _fit_vectors(self, x: Vector, y: Vector) -> None:
        from lightgbm import LGBMRegressor

        leaf, share = for_few(len(y), self.min_child_samples, self.subsample)
        if len(y) == 1:  # of which it wants two
            x, y = np.repeat(x, 2, axis=0), np.repeat(y, 2)
        self.trees_ = LGBMRegressor(
            n_estimators=sized(self.n_estimators, 300, 0.33, len(y)),
            num_leaves=sized(self.num_leaves, 8, 0.33, len(y)),
            learning_rate=self.learning_rate,
            min_child_samples=leaf,
            min_data_in_bin=min(leaf, MIN_DATA_IN_BIN),
            subsample=share,
            subsample_freq=1,
            colsample_bytree=self.colsample_bytree,
            random_state=self.seed,
            deterministic=True,
            force_row_wise=True,
            n_jobs=1,
            verbose=-1,
        ).fit(x, y)

    def _query_vectors(self, x: Vector) -> Vector:
        return np.asarray(self.trees_.booster_.predict(x, num_threads=1), dtype=np.float64)
