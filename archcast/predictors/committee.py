"""Several predictors of different kinds, and the mean of what they say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from archcast.core.errors import InputError
from archcast.predictors.helpers.labels import RescalesLabels
from archcast.predictors.predictor import Context, Predictor, Tags, Vector
from archcast.predictors.predictor_text import (
    for_rescaled_labels,
    text_of,
    to_predictors,
)
from archcast.spaces.space import Architecture


class Committee(RescalesLabels, Predictor):
    """The mean of what several predictors say of an architecture, each fitted to all labels.

    Trees, kernels and networks err in different ways, and much of that cancels. Members learn from
    labels that are rescaled already, which makes one scale of their scores. Variances are those of
    the members that give any, in the mean, and that of the members' scores on top.

    Args:
        members: predictors that learn values of labels, or texts such as `xgb(max_depth=3)`.
    """

    def __init__(
        self,
        members: Sequence[Predictor | str] = ("gp", "xgb"),
        labels: str = "normal",
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        self.members = to_predictors(members)
        self.labels = labels
        self.device = device
        self.seed = seed

    @property
    def tags(self) -> Tags:  # type: ignore[override]
        """All that the members need."""
        if len(self.members) < 2:
            raise InputError("a committee needs two or more members; try committee([gp, xgb])")
        for member in self.members:
            if not member.tags.learns or type(member).values is Predictor.values:
                raise InputError(
                    f"{text_of(member)} can't be of a committee: it learns no values of labels;"
                    " try xgb"
                )
        paper = "Perrone & Cooper, 1993, When Networks Disagree"
        return Tags.joined([each.tags for each in self.members], paper, probabilistic=True)

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        y = self._rescaled(labels)
        self.members_ = []
        for member in self.members:
            fitted = for_rescaled_labels(member, self.seed, self.device)
            self.members_.append(fitted.fit(architectures, y, context.only(fitted.tags)))
        self._take_over_fits(self.members_)
        taught = sum("source" in member.tags.needs for member in self.members)
        if taught > 1 and self.source_seconds_ is not None:  # one source, of which each has told
            assert context.source is not None
            self.source_seconds_ -= (taught - 1) * (context.source.seconds or 0.0)

    def _query(self, architectures: Sequence[Architecture], context: Context) -> Vector:
        values = []
        for member in self.members_:
            scores = member.query(architectures, context.only(member.tags))
            values.append(_values(member, scores))
        self._take_over(self.members_)
        mean: Vector = np.mean(values, axis=0)
        return mean

    def _query_with_std(
        self, architectures: Sequence[Architecture], context: Context
    ) -> tuple[Vector, Vector]:
        values, variances = [], []
        for member in self.members_:
            given = context.only(member.tags)
            if member.tags.probabilistic:
                scores, deviations = member.query(architectures, given, return_std=True)
                variances.append(deviations**2)
            else:
                scores = member.query(architectures, given)
            values.append(_values(member, scores))
        self._take_over(self.members_)
        within = np.mean(variances, axis=0) if variances else 0.0
        return np.mean(values, axis=0), np.sqrt(within + np.var(values, axis=0))


def _values(member: Predictor, scores: Vector) -> Vector:
    values = member.values(scores)
    assert values is not None
    return values
