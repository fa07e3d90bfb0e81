"""How a predictor reads curves of trainings that are unlike those that it was taught."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from archcast.predictors.helpers.curves import ended_badly, whole, worst_known
from archcast.predictors.predictor import OBJECTIVE, Context, Curves, Vector

ROUNDING = 1e-9  # of parts of a training


class SameParts:
    """Curves of trainings of two lengths at the same parts of a training.

    These are the epochs of the shorter one, as far as curves here go, and the last epoch here.

    Args:
        there: curves of whole trainings.
        here: curves so far; what there is of `there`, and is not here, is left out.
    """

    def __init__(self, there: Curves, here: Curves) -> None:
        self.horizon = min(there.horizon, here.horizon)
        both = [name for name in _names(here) if there.get(name) is not None]
        self.worst = {name: worst_known(there, name) for name in both}
        reached = width_of(here) / here.horizon
        parts = np.arange(1, self.horizon + 1) / self.horizon
        self.parts = np.append(parts[parts < reached - ROUNDING], reached)

    def __call__(self, curves: Curves) -> Curves:
        """Those from there, or such as those from here."""
        found = {name: self._at_parts(curves, name) for name in self.worst}
        objective = found.pop(OBJECTIVE, None)
        return replace(curves, horizon=self.horizon, columns=found, objective=objective)

    def _at_parts(self, curves: Curves, name: str) -> Vector:
        values = whole(Context(curves=curves), name, self.worst[name])
        epochs = np.clip(np.round(self.parts * curves.horizon, 9), 1, values.shape[1])
        low = np.floor(epochs).astype(int)
        high = np.minimum(low + 1, values.shape[1])
        share = epochs - low
        found: Vector = (1 - share) * values[:, low - 1] + share * values[:, high - 1]
        return found


def _names(curves: Curves) -> list[str]:
    return [*curves.columns, *([] if curves.objective is None else [OBJECTIVE])]


def width_of(curves: Curves) -> int:
    """The number of epochs so far."""
    values = curves.get(_names(curves)[0])
    assert values is not None
    return int(values.shape[1])


class Continuation:
    """A straight line, by ridge regression, beyond the least and the largest value of each epoch.

    Curves of another task may lie wholly above or below those that were taught, where a regression
    by similarity falls back to its mean and would rank the best of them last.

    Args:
        parts: of a training, at which curves were taught.
        curves: that were taught, at these parts, none of a run that diverged.
        labels: that these lead to, (architectures,).
    """

    def __init__(self, parts: SameParts, curves: Curves, labels: Vector) -> None:
        from sklearn.linear_model import Ridge
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        self.parts = parts
        filled = {name: whole(Context(curves=curves), name) for name in _names(curves)}
        self.bounds = {name: (each.min(axis=0), each.max(axis=0)) for name, each in filled.items()}
        known = self._flat(curves)
        self.line = make_pipeline(StandardScaler(), Ridge(alpha=len(known))).fit(known, labels)

    def __call__(self, curves: Curves) -> tuple[Curves, Vector]:
        """Curves at these parts, the nearest between the bounds; and what the line adds to scores.

        That is on the labels' axis.
        """
        curves = self.parts(curves)
        seen = Context(curves=curves)
        clipped = {name: np.clip(whole(seen, name), *ends) for name, ends in self.bounds.items()}
        near = replace(curves, objective=clipped.pop(OBJECTIVE, None), columns=clipped)
        added = self.line.predict(self._flat(curves)) - self.line.predict(self._flat(near))
        return near, np.where(ended_badly(seen), 0.0, added)

    def _flat(self, curves: Curves) -> Vector:
        return np.hstack([whole(Context(curves=curves), name) for name in self.bounds])
