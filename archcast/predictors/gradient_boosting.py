"""Gradient-boosted regression trees, by the two common libraries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from archcast.predictors.helpers.capacity import sized
from archcast.predictors.helpers.labels import for_few
from archcast.predictors.helpers.vector import VectorPredictor
from archcast.predictors.predictor import Tags, Vector

FOLDS = 3  # of the labels that say how many trees are best
MIN_DATA_IN_BIN = 3  # LightGBM's own


class XGBoost(VectorPredictor):
    """XGBoost: shallow trees, each on a sample of rows and columns.

    Smaller steps and trees than the study's 500 of depth 6 at a rate of 0.3, chosen on other splits
    than are reported. Without `n_estimators` there are as many trees as foretell held-out labels
    best, from 100 on; noisy labels want few. They are 1,000 at most of depth 3 for up to 200
    labels, and as these grow more and deeper ones: 2,687 of depth 6 for 4,000.
    """

    tags = Tags(paper="Chen & Guestrin, 2016", version=4)
    _least: ClassVar[int] = 100  # trees

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
        from xgboost import DMatrix, cv, train

        settings = {
            "max_depth": sized(self.max_depth, 3, 0.26, len(y)),
            "learning_rate": self.learning_rate,
            "subsample": self.subsample,
            "colsample_bytree": self.colsample_bytree,
            "min_child_weight": self.min_child_weight,
            "seed": self.seed,
            "nthread": 1,
        }
        data = DMatrix(x, y, nthread=1)
        trees = sized(self.n_estimators, 1_000, 0.33, len(y))
        if self.n_estimators is None and len(y) >= FOLDS:
            errors = cv(
                settings, data, trees, nfold=FOLDS, seed=self.seed,
                early_stopping_rounds=self._least,
            )  # fmt: skip
            trees = max(self._least, len(errors))
        self.trees_ = train(settings, data, trees)

    def _query_vectors(self, x: Vector) -> Vector:
        from xgboost import DMatrix

        return np.asarray(self.trees_.predict(DMatrix(x, nthread=1)), dtype=np.float64)


class LightGBM(VectorPredictor):
    """LightGBM: trees grown leaf by leaf.

    Kept small for few labels: 8 leaves where the study has 31, and 3 labels in a leaf where it has
    5. The learning rate and the share of rows are its own. Without `n_estimators` there are as many
    trees as foretell held-out labels best, from 50 on. They are 300 at most of 8 leaves for up to
    200 labels, and as these grow more and larger ones: 806 of 21 leaves for 4,000.
    """

    tags = Tags(paper="Ke et al., 2017", version=5)
    _least: ClassVar[int] = 50  # trees

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
        from lightgbm import Dataset, cv, early_stopping, train

        leaf, share = for_few(len(y), self.min_child_samples, self.subsample)
        if len(y) == 1:  # of which it wants two
            x, y = np.repeat(x, 2, axis=0), np.repeat(y, 2)
        settings = {
            "num_leaves": sized(self.num_leaves, 8, 0.33, len(y)),
            "learning_rate": self.learning_rate,
            "min_child_samples": leaf,
            "min_data_in_bin": min(leaf, MIN_DATA_IN_BIN),
            "subsample": share,
            "subsample_freq": 1,
            "colsample_bytree": self.colsample_bytree,
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbose": -1,
        }
        data = Dataset(x, y, params=settings, free_raw_data=False)
        trees = sized(self.n_estimators, 300, 0.33, len(y))
        if self.n_estimators is None and len(y) >= FOLDS:
            end = early_stopping(self._least, verbose=False)
            errors = cv(
                settings, data, trees, nfold=FOLDS, stratified=False, seed=self.seed,
                callbacks=[end],
            )["valid l2-mean"]  # fmt: skip
            assert isinstance(errors, list)
            trees = max(self._least, len(errors))
        self.trees_ = train(settings, data, trees)

    def _query_vectors(self, x: Vector) -> Vector:
        return np.asarray(self.trees_.predict(x, num_threads=1), dtype=np.float64)
