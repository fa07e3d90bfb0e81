"""Bayesian linear regression."""

from __future__ import annotations

import numpy as np

from archcast.predictors.helpers.vector import VectorPredictor
from archcast.predictors.predictor import Tags, Vector


class BayesianLinearRegression(VectorPredictor):
    """Linear regression whose two precisions, of weights and noise, maximise the evidence.

    It has nothing else to set; as in the study, both are fitted. Features may be many more than
    labels: weights are sought where the labelled architectures are, and keep their prior elsewhere.
    """

    tags = Tags(probabilistic=True, paper="Bishop, 2006, section 3.5; MacKay, 1992", version=3)

    def __init__(self, encoding: str = "auto", labels: str = "rank") -> None:
        self.encoding = encoding
        self.labels = labels

    def _fit_vectors(self, x: Vector, y: Vector) -> None:
        from sklearn.linear_model import BayesianRidge
        from sklearn.preprocessing import StandardScaler

        self.scaler_ = StandardScaler().fit(x)
        scaled = self.scaler_.transform(x)
        self.axes_ = np.linalg.svd(scaled, full_matrices=False)[2].T
        self.model_ = BayesianRidge().fit(scaled @ self.axes_, y)

    def _query_vectors(self, x: Vector) -> Vector:
        scores: Vector = self.model_.predict(self.scaler_.transform(x) @ self.axes_)
        return scores

    def _query_vectors_with_std(self, x: Vector) -> tuple[Vector, Vector]:
        scaled = self.scaler_.transform(x)
        along = scaled @ self.axes_
        scores, std = self.model_.predict(along, return_std=True)
        beside = (scaled**2).sum(1) - (along**2).sum(1)
        return scores, np.sqrt(std**2 + beside.clip(0) / self.model_.lambda_)
