"""How a predictor of curves goes on beyond the curves that it was taught."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from archcast.predictors.helpers.curves import ended_badly, whole
from archcast.predictors.predictor import OBJECTIVE, Context, Curves, Vector


class Continuation:
    """A straight line, by ridge regression, beyond the least and the largest value of each epoch.

    Curves of another task may lie wholly above or below those that were taught, where a regression
    by similarity falls back to its mean and would rank the best of them last.

    Args:
        curves: that were taught, none of a run that diverged.
        labels: that these lead to, (architectures,).
    """

    def __init__(self, curves: Curves, labels: Vector) -> None:
        from sklearn.linear_model import Ridge
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        names = [*curves.columns, *([] if curves.objective is None else [OBJECTIVE])]
        filled = {name: whole(Context(curves=curves), name) for name in names}
        self.bounds = {name: (each.min(axis=0), each.max(axis=0)) for name, each in filled.items()}
        known = self._flat(curves)
        self.line = make_pipeline(StandardScaler(), Ridge(alpha=len(known))).fit(known, labels)

    def __call__(self, curves: Curves) -> tuple[Curves, Vector]:
        """The nearest curves between these bounds, and what the line adds to their scores.

        That is on the labels' axis.
        """
        seen = Context(curves=curves)
        clipped = {name: np.clip(whole(seen, name), *ends) for name, ends in self.bounds.items()}
        near = replace(curves, objective=clipped.pop(OBJECTIVE, None), columns=clipped)
        added = self.line.predict(self._flat(curves)) - self.line.predict(self._flat(near))
        return near, np.where(ended_badly(seen), 0.0, added)

    def _flat(self, curves: Curves) -> Vector:
        return np.hstack([whole(Context(curves=curves), name) for name in self.bounds])
