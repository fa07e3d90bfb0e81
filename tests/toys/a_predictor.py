from __future__ import annotations

from archcast.predictors import Predictor
from archcast.predictors.predictor import Tags


class Widest(Predictor):
    """Sums the choices."""

    tags = Tags(learns=False)

    def _fit(self, architectures, labels, context): ...  # type: ignore[no-untyped-def]

    def _query(self, architectures, context):  # type: ignore[no-untyped-def]
        return [sum(architecture.choices) for architecture in architectures]
