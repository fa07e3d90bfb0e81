"""Lines over facts of an architecture that cost nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from archcast.predictors.helpers.contributions import Contributions
from archcast.predictors.predictor import Context, Predictor, Tags, Vector
from archcast.spaces.space import Architecture


class _Line(Predictor):
    """A non-negative base, and so much for each unit of a column."""

    column: ClassVar[str]

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        self.line_ = Contributions(self._column(context), labels, ridge=0.0)

    def _query(self, architectures: Sequence[Architecture], context: Context) -> Vector:
        return self.line_.labels(self._column(context))

    def values(self, scores: Vector) -> Vector:
        return scores

    def _column(self, context: Context) -> Vector:
        assert context.columns is not None
        values: Vector = context.columns[self.column][:, None]
        return values


class FlopsRegression(_Line):
    """A line over the multiply-adds: a base, and so much for each, neither of them negative."""

    column = "flops"
    tags = Tags(needs=frozenset({"columns"}), columns=frozenset({"flops"}))


class ParametersRegression(_Line):
    """A line over the number of weights: a base, and so much for each, neither negative."""

    column = "parameters"
    tags = Tags(needs=frozenset({"columns"}), columns=frozenset({"parameters"}))
