"""Standard deviations for predictors that have none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from archcast.core.errors import InputError
from archcast.predictors.predictor import Context, Predictor, Tags, Vector
from archcast.predictors.predictor_text import configured, text_of, to_predictor
from archcast.spaces.space import Architecture


class Ensemble(Predictor):
    """Fits copies of a predictor on bootstrap samples; scores are means, variances their spread.

    Variances that the copies give themselves join that, in the mean.

    What a sample has drawn more than once, its copy sees once: where a copy holds out labels, to
    choose its settings by, none of these is also among those that it learns from.

    Args:
        predictor: a `Predictor` that learns from labels, or text such as `xgb(max_depth=3)`.
        members: how many copies; each has a seed of its own.
    """

    def __init__(
        self,
        predictor: Predictor | str = "xgb",
        members: int = 5,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        self.predictor = to_predictor(predictor)
        self.members = members
        self.device = device
        self.seed = seed

    @property
    def tags(self) -> Tags:  # type: ignore[override]
        """Those of the predictor, and that it gives deviations."""
        tags = self.predictor.tags
        if not tags.learns:
            raise InputError(
                f"{text_of(self.predictor)} can't be a member of an ensemble: it learns from no"
                " labels, so that all members would be alike; try xgb"
            )
        return replace(
            tags,
            probabilistic=True,
            informed=False,  # without labels all members are alike
            paper="Breiman, 1996, Bagging Predictors",
            version=3,
        )

    def check_parameters(self) -> None:
        super().check_parameters()
        if self.members < 2:
            raise ValueError(f"members={self.members}: a spread needs 2 or more")

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        rng = np.random.default_rng(self.seed)
        self.members_ = []
        for member in range(self.members):
            drawn = np.unique(rng.integers(len(labels), size=len(labels)))
            fitted = configured(self.predictor, self.seed + member, self.device)
            fitted.fit([architectures[i] for i in drawn], labels[drawn], context.take(drawn))
            self.members_.append(fitted)
        self._take_over(self.members_)
        self.source_seconds_ = self.members_[0].source_seconds_

    def _query(self, architectures: Sequence[Architecture], context: Context) -> Vector:
        return self._query_with_std(architectures, context)[0]

    def values(self, scores: Vector) -> Vector | None:
        """The mean of what the members take the scores for."""
        values = [each for member in self.members_ if (each := member.values(scores)) is not None]
        return np.mean(values, axis=0) if values else None

    def _query_with_std(
        self, architectures: Sequence[Architecture], context: Context
    ) -> tuple[Vector, Vector]:
        within: Vector | float = 0.0
        if self.predictor.tags.probabilistic:
            both = [m.query(architectures, context, return_std=True) for m in self.members_]
            scores, deviations = (np.stack(each) for each in zip(*both, strict=True))
            within = np.mean(deviations**2, axis=0)
        else:
            scores = np.stack([m.query(architectures, context) for m in self.members_])
        self._take_over(self.members_)
        return scores.mean(axis=0), np.sqrt(within + scores.var(axis=0, ddof=1))
