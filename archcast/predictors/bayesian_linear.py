"""Bayesian linear regression."""

from __future__ import annotations

from archcast.predictors.helpers.vector import VectorPredictor
from archcast.predictors.predictor import Tags, Vector


class BayesianLinearRegression(VectorPredictor):
    """Linear regression whose two precisions, of weights and noise, maximise the evidence.

    It has nothing else to set; as in the study, both are fitted.
    """

    tags = Tags(probabilistic=True, paper="Bishop, 2006, section 3.5; MacKay, 1992", version=2)

    def __init__(self, encoding: str = "auto", labels: str = "rank") -> None:
        self.encoding = encoding
        self.labels = labels

    def _fit_vectors(self, x: Vector, y: Vector) -> None:
        from sklearn.linear_model import BayesianRidge
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        self.model_ = make_pipeline(StandardScaler(), BayesianRidge()).fit(x, y)

    def _query_vectors(self, x: Vector) -> Vector:
        scores: Vector = self.model_.predict(x)
        return scores

    def _query_vectors_with_std(self, x: Vector) -> tuple[Vector, Vector]:
        scores, std = self.model_.predict(x, return_std=True)
        return scores, std
