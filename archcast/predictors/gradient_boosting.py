"""Gradient-boosted regression trees, by the two common libraries."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from archcast.core.seeding import numpy_state_kept
from archcast.predictors.helpers.capacity import sized
from archcast.predictors.helpers.labels import for_few, rescale
from archcast.predictors.helpers.losses import ERROR, alignment, check_loss
from archcast.predictors.helpers.vector import VectorPredictor
from archcast.predictors.predictor import Tags, Vector

FOLDS = 3  # of the labels that say how many trees are best
MIN_DATA_IN_BIN = 3  # LightGBM's own
LONGEST_LIST = 10_000  # that LightGBM takes
PAIRS = {"lambdarank_pair_method": "mean", "lambdarank_num_pair_per_sample": 16}
GRADES = 32  # of labels, the most that XGBoost takes, where an order is learned


class BoostedTrees(VectorPredictor):
    """What both libraries' trees share: what they learn, and how many there are.

    `loss` is the squared `error`; then, without `n_estimators`, there are as many trees as foretell
    held-out labels best, as noisy ones want few. Or trees learn the order of 32 grades of labels,
    and their scores are brought to the labels' axis; see `_orders` for the names.
    """

    _orders: ClassVar[Mapping[str, dict[str, Any]]]  # by `loss`, what the library calls it
    _ranking: ClassVar[int]  # trees that learn an order, where nothing else is said
    loss: str

    @abstractmethod
    def _regression(self, x: Vector, y: Vector) -> Any:
        """Trees of an error."""

    @abstractmethod
    def _ranking_of(self, x: Vector, grades: Vector, order: dict[str, Any]) -> Any:
        """Trees of the order of grades, all in one group."""

    @abstractmethod
    def _scores(self, x: Vector) -> Vector:
        """What the trees give."""

    def check_parameters(self) -> None:
        super().check_parameters()
        check_loss(self.loss, *self._orders)

    def _fit_vectors(self, x: Vector, y: Vector) -> None:
        self.alignment_ = 0.0, 1.0
        if self.loss == ERROR:
            self.trees_ = self._regression(x, y)
            return
        grades = np.floor(GRADES * rescale(y, "rank"))
        self.trees_ = self._ranking_of(x, grades, self._orders[self.loss])
        self.alignment_ = alignment(self._scores(x), y)

    def _query_vectors(self, x: Vector) -> Vector:
        offset, slope = self.alignment_
        return offset + slope * self._scores(x)


class XGBoost(BoostedTrees):
    """XGBoost: shallow trees, each on a sample of rows and columns.

    Smaller steps and trees than the study's 500 of depth 6 at a rate of 0.3, chosen on other splits
    than are reported. Trees are 100 at least, and 1,000 at most of depth 3 for up to 200 labels; as
    these grow they are more and deeper: 2,687 of depth 6 for 4,000. `loss` is `error`, or
    `pairwise` for the logistic loss of pairs (Burges, 2010, RankNet), or `top` where these weigh
    what they change in discounted cumulative gain (LambdaMART).
    """

    tags = Tags(paper="Chen & Guestrin, 2016", version=4)
    _least: ClassVar[int] = 100  # trees
    _ranking = 300
    _orders: ClassVar[Mapping[str, dict[str, Any]]] = {
        "pairwise": {"objective": "rank:pairwise", **PAIRS},
        "top": {
            "objective": "rank:ndcg",
            "ndcg_exp_gain": False,
            "min_child_weight": 0.0,  # a pair weighs what it changes, which is little
            "lambda": 1e-3,
            **PAIRS,
        },
    }

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
        loss: str = ERROR,
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
        self.loss = loss
        self.seed = seed

    def _settings(self, labels: int) -> dict[str, Any]:
        return {
            "max_depth": sized(self.max_depth, 3, 0.26, labels),
            "learning_rate": self.learning_rate,
            "subsample": self.subsample,
            "colsample_bytree": self.colsample_bytree,
            "min_child_weight": self.min_child_weight,
            "seed": self.seed,
            "nthread": 1,
        }

    def _regression(self, x: Vector, y: Vector) -> Any:
        from xgboost import DMatrix, cv, train

        settings, data = self._settings(len(y)), DMatrix(x, y, nthread=1)
        trees = sized(self.n_estimators, 1_000, 0.33, len(y))
        if self.n_estimators is None and len(y) >= FOLDS:
            with numpy_state_kept():
                errors = cv(
                    settings, data, trees, nfold=FOLDS, seed=self.seed,
                    early_stopping_rounds=self._least,
                )  # fmt: skip
            trees = max(self._least, len(errors))
        return train(settings, data, trees)

    def _ranking_of(self, x: Vector, grades: Vector, order: dict[str, Any]) -> Any:
        from xgboost import DMatrix, train

        data = DMatrix(x, grades, nthread=1)
        data.set_group([len(grades)])
        return train(self._settings(len(x)) | order, data, self.n_estimators or self._ranking)

    def _scores(self, x: Vector) -> Vector:
        from xgboost import DMatrix

        return np.asarray(self.trees_.predict(DMatrix(x, nthread=1)), dtype=np.float64)


class LightGBM(BoostedTrees):
    """LightGBM: trees grown leaf by leaf.

    Kept small for few labels: 8 leaves where the study has 31, and 3 labels in a leaf where it has
    5. The learning rate and the share of rows are its own. Trees are 50 at least, and 300 at most
    of 8 leaves for up to 200 labels; as these grow they are more and larger: 806 of 21 leaves for
    4,000. `loss` is `error`, or `top` for LambdaRank, whose pairs weigh what they change in
    discounted cumulative gain (Burges, 2010), or `listwise` for the cross-entropy of the list with
    a random one (Bruch et al., 2020, XE-NDCG).
    """

    tags = Tags(paper="Ke et al., 2017", version=5)
    _least: ClassVar[int] = 50  # trees
    _ranking = 100
    _orders: ClassVar[Mapping[str, dict[str, Any]]] = {
        "top": {"objective": "lambdarank", "label_gain": list(range(GRADES))},
        "listwise": {"objective": "rank_xendcg", "label_gain": list(range(GRADES))},
    }

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
        loss: str = ERROR,
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
        self.loss = loss
        self.seed = seed

    def _settings(self, labels: int) -> dict[str, Any]:
        leaf, share = for_few(labels, self.min_child_samples, self.subsample)
        return {
            "num_leaves": sized(self.num_leaves, 8, 0.33, labels),
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

    def _regression(self, x: Vector, y: Vector) -> Any:
        from lightgbm import Dataset, cv, early_stopping, train

        if len(y) == 1:  # of which it wants two
            x, y = np.repeat(x, 2, axis=0), np.repeat(y, 2)
        settings = self._settings(len(y))
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
        return train(settings, data, trees)

    def _ranking_of(self, x: Vector, grades: Vector, order: dict[str, Any]) -> Any:
        from lightgbm import Dataset, train

        if len(x) == 1:
            x, grades = np.repeat(x, 2, axis=0), np.repeat(grades, 2)
        settings = self._settings(len(x)) | order | {"lambdarank_truncation_level": len(x)}
        lists = np.array_split(np.arange(len(x)), math.ceil(len(x) / LONGEST_LIST))
        data = Dataset(x, grades, group=[len(each) for each in lists], params=settings)
        return train(settings, data, self.n_estimators or self._ranking)

    def _scores(self, x: Vector) -> Vector:
        return np.asarray(self.trees_.predict(x, num_threads=1), dtype=np.float64)
