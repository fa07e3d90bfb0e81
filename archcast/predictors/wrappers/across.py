"""A predictor that begins with what benchmarks of other spaces teach about proxies."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from archcast.core.heavy import linalg, optimize
from archcast.encodings import registry as encodings
from archcast.predictors.helpers.carried_gp import Seen
from archcast.predictors.helpers.informed import Informed
from archcast.predictors.helpers.telling_views import AUTO, ScaledViews, views_of
from archcast.predictors.predictor import Context, Tags, Vector
from archcast.predictors.proxies import REFERENCE, Compared
from archcast.spaces.space import Architecture
from archcast.zero_cost.combination import Matrix, ranks

PARTS = ("params", "flops", "gradsign", "zen", "synflow", "nwot", "jacov", "snip")
PENALTY = 1.0  # on squared weights; scores and labels have variance 1
SHIPPED = "across.json"


@dataclass(frozen=True, slots=True)
class Agreement:
    """How the parts, and accuracy as the last one, agree in a space: correlations of quantiles.

    `seconds` are what training its benchmark took.
    """

    matrix: Vector
    seconds: float


class Across(Informed):
    """Ranks by proxies as far as they tell accuracy in other spaces, and the more by labels.

    Scores are a sum of proxies' normal quantiles in a random sample of the space. Their weights are
    those of ridge regression, none negative, on the benchmarks of images of all other spaces that
    ship, each of which counts alike. Features are encodings that tell something of the labels, as
    `gp` sees them. How labels join in says `Informed`: without any, scores are all.

    What training the other spaces' benchmarks took is `source_seconds_`.

    Args:
        head: a predictor that learns from labels and gives values, or text such as `xgb`.
    """

    @property
    def tags(self) -> Tags:  # type: ignore[override]
        """All that the head and the proxies need."""
        tags, weighed = super().tags, _Weighed(self.device).tags
        return replace(
            tags,
            needs=tags.needs | weighed.needs,
            of_images=tags.of_images or weighed.of_images,
            paper="Krishnakumar et al., 2022, NAS-Bench-Suite-Zero",
            version=3,
        )

    def uses(self) -> Sequence[object]:
        """The proxies, what the spaces teach, and the encodings."""
        known = {name: [each.matrix.tolist(), each.seconds] for name, each in agreements().items()}
        return [_Weighed(self.device), known, *(encodings.get(name) for name in views_of(AUTO))]

    def _learn(self, architectures: Sequence[Architecture], labels: Vector, ctx: Context) -> None:
        assert ctx.unlabeled is not None
        sample = ctx.unlabeled[:REFERENCE]
        here = {each.space.name for each in (*sample[:1], *architectures[:1])}
        others = {name: each for name, each in agreements().items() if name not in here}
        self.source_seconds_ = sum(each.seconds for each in others.values())
        matrices = [each.matrix for each in others.values()]
        self.prior_ = _Weighed(self.device, weights(matrices)).fit([], [], ctx)
        self._take_over([self.prior_])
        self.views_ = ScaledViews(architectures, labels, sample)

    def _seen(self, architectures: Sequence[Architecture], context: Context) -> Seen:
        scores = self.prior_.query(architectures, context)
        self._take_over([self.prior_])
        return Seen(self.views_(architectures), scores)


class _Weighed(Compared):
    """The proxies' quantiles in a random sample, weighed; there of variance 1."""

    def __init__(self, device: str = "cpu", weights: Sequence[float] = (1.0,) * len(PARTS)) -> None:
        super().__init__(device)
        self.weights = weights

    def _parts(self) -> Sequence[str]:
        return PARTS

    def _combine(self, matrix: Vector) -> Vector:
        sums, sample = (
            quantiles(scores, self.reference_) @ np.array(self.weights)
            for scores in (matrix, self.reference_)
        )
        found: Vector = sums / (sample.std() or 1.0)
        return found


def quantiles(scores: Matrix, reference: Matrix) -> Matrix:
    """Normal quantiles of scores (n, parts) by their ranks in a sample."""
    from scipy.special import ndtri

    found: Matrix = ndtri(ranks(scores, reference) / (len(reference) + 1))
    return found


def agreement(scores: Matrix, labels: NDArray[np.float64]) -> Matrix:
    """Correlations of quantiles, by pairs of parts, and with labels as the last part.

    A part that is the same for all agrees with none.
    """
    both = np.column_stack([scores, labels])
    found = quantiles(both, both)
    spreads = found.std(axis=0)
    found = (found - found.mean(axis=0)) / np.where(spreads > 0, spreads, 1.0)
    matrix: Matrix = found.T @ found / len(found)
    return matrix


def weights(agreements: Sequence[Matrix]) -> tuple[float, ...]:
    """Of the parts: those of the least squared error over spaces, none negative, with a penalty."""
    mean = np.mean(agreements, axis=0)
    among, with_labels = mean[:-1, :-1], mean[:-1, -1]
    lower = linalg.cholesky(among + PENALTY * np.eye(len(among)), lower=True)
    found, _ = optimize.nnls(lower.T, linalg.solve_triangular(lower, with_labels, lower=True))
    return tuple(found.tolist())


@cache
def agreements() -> Mapping[str, Agreement]:
    """Of the benchmarks that ship, by their spaces; `tools/make_across.py` measures them."""
    path = files("archcast.predictors") / "shipped" / SHIPPED
    return {
        name: Agreement(np.array(each["agreement"]), each["seconds"])
        for name, each in json.loads(path.read_text()).items()
    }
