"""Zero-cost proxies as predictors: they score networks before training, and learn from no labels.

Each proxy of the catalog is a predictor of the same name, an attribute of this module. What ranks a
network among others, as combinations of proxies do, compares it with a random sample of the space:
its score then does not depend on what is queried beside it. What is random in a pass is drawn from
the seed of the networks, so that all proxies share the passes.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from archcast.core.cache import cache_folder
from archcast.core.errors import InputError
from archcast.networks.blueprint import Untrained
from archcast.predictors.helpers.paying import price
from archcast.predictors.predictor import LAST, Context, Predictor, Tags, Vector
from archcast.spaces.space import Architecture
from archcast.zero_cost import registry as proxies
from archcast.zero_cost.combination import Combination, rank_sum, votes

if TYPE_CHECKING:
    from archcast.zero_cost.scoring import Scorer

REFERENCE = 50  # architectures of the random sample that a combination compares with
DATA_FREE = ("data-free", "noise")  # families of proxies that look at no images


class _Untrained(Predictor):
    """Scores networks before training by some proxies.

    A network for which one is not defined comes last by it, and counts in `fallbacks_`. Scores are
    kept in the cache. Whoever takes one from there is charged what it took, and each proxy as if it
    had been alone.
    """

    paper: ClassVar[str] = ""

    def __init__(self, device: str = "cpu") -> None:
        self.device = device

    @abstractmethod
    def _parts(self) -> Sequence[str]:
        """The proxies, each of which scores a network alone."""

    @property
    def tags(self) -> Tags:  # type: ignore[override]
        """Noise of the images' shape is enough where no proxy looks at images."""
        needs, of_images = frozenset({"build", self._look()}), "noise" in self._families()
        return Tags(needs, learns=False, of_images=of_images, paper=self.paper, version=2)

    def _families(self) -> set[str]:
        return {proxies.entry(name).family for name in self._parts()}

    def _look(self) -> str:
        return "noise" if self._families() <= set(DATA_FREE) else "batch"

    @property
    def shares(self) -> str:
        """Passes over the same minibatch."""
        return f"passes over {self._look()} on {self.device}"

    def prepare(
        self,
        beside: Sequence[Predictor],
        architectures: Sequence[Architecture],
        context: Context,
        part: slice,
    ) -> None:
        """Score architectures, and the sample that combinations compare with, by all proxies."""
        untrained = [each for each in beside if isinstance(each, _Untrained)]
        comparing = [each for each in untrained if isinstance(each, Compared)]
        for predictors, scored in (
            (untrained, architectures),
            (comparing, (context.unlabeled or ())[:REFERENCE]),
        ):
            names = dict.fromkeys(name for each in predictors for name in each._parts())
            scorer = self._scorer(names, context)
            for architecture in scored[part]:
                scorer(architecture)

    def uses(self) -> Sequence[object]:
        return [proxies.reference(name) for name in self._parts()]

    def _matrix(self, architectures: Sequence[Architecture], context: Context) -> Vector:
        """Scores (architectures, proxies)."""
        begun = perf_counter()
        scorer = self._scorer(self._parts(), context)
        rows = [scorer(architecture) for architecture in architectures]
        parts = [[row[name] for name in self._parts()] for row in rows]
        for failed in (part for row in parts for part in row if part.failed):
            raise InputError(failed.reason)
        at = self.device, self._look(), scorer.seed
        seconds = sum(
            price((name, *at, architecture), row[name].seconds)
            for architecture, row in zip(architectures, rows, strict=True)
            for name in self._parts()
        )
        self.saved_seconds_ += seconds - (perf_counter() - begun)
        values = [[LAST if p.value is None else p.value for p in row] for row in parts]
        return np.array(values).reshape(-1, len(self._parts()))

    def _scorer(self, names: Iterable[str], context: Context) -> Scorer:
        from archcast.zero_cost.proxy import Proxy
        from archcast.zero_cost.scoring import Scorer

        batch, build = context.batch or context.noise, context.build
        assert batch is not None
        found = {name: proxies.get(name) for name in names}
        single = {name: each for name, each in found.items() if isinstance(each, Proxy)}
        if len(single) < len(found):
            raise ValueError(f"{self} combines proxies that are combinations; name their parts")
        seed = build.seed if isinstance(build, Untrained) else 0
        return Scorer(single, build, batch, seed, self.device, cache_folder("scores"))

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        pass

    def _query(self, architectures: Sequence[Architecture], context: Context) -> Vector:
        matrix = self._matrix(architectures, context)
        self.fallbacks_ += int((matrix == LAST).any(axis=1).sum())
        return self._combine(matrix)

    def _combine(self, matrix: Vector) -> Vector:
        score: Vector = matrix[:, 0]
        return score


class Compared(_Untrained):
    """Combines proxies by comparison with a random sample of the space, scored in `fit`."""

    @property
    def tags(self) -> Tags:  # type: ignore[override]
        """Those of the parts, and the sample."""
        tags = super().tags
        return replace(tags, needs=tags.needs | {"unlabeled"})

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        assert context.unlabeled is not None
        self.reference_ = self._matrix(context.unlabeled[:REFERENCE], context)


class _ByCombination(Compared):
    """Combines proxies in one of the ways that proxies are combined."""

    @abstractmethod
    def _combination(self) -> Combination:
        """The proxies and how they are combined."""

    def _parts(self) -> Sequence[str]:
        return self._combination().parts

    def uses(self) -> Sequence[object]:
        return (self._combination(), *super().uses())

    def _combine(self, matrix: Vector) -> Vector:
        return self._combination()(matrix, self.reference_)


class _OneProxy(_Untrained):
    """Scores untrained networks by the zero-cost proxy of this name."""

    proxy: ClassVar[str]

    def _parts(self) -> Sequence[str]:
        return (self.proxy,)


class _OneCombination(_ByCombination):
    """Scores untrained networks by the combination of zero-cost proxies of this name."""

    proxy: ClassVar[str]

    def _combination(self) -> Combination:
        found = proxies.get(self.proxy)
        assert isinstance(found, Combination)
        return found


class _Chosen(_ByCombination):
    """Combines proxies that its user names."""

    def __init__(
        self,
        proxies: Sequence[str] = ("nwot", "synflow", "jacov"),
        device: str = "cpu",
    ) -> None:
        super().__init__(device)
        self.proxies = proxies

    def _parts(self) -> tuple[str, ...]:
        if isinstance(self.proxies, str):
            raise InputError(f"proxies={self.proxies} is no list; write proxies=[snip, nwot]")
        return tuple(self.proxies)


class RankSum(_Chosen):
    """The sum of the ranks by several zero-cost proxies.

    Args:
        proxies: their names.
    """

    def _combination(self) -> Combination:
        return Combination(self._parts(), rank_sum)


class Vote(_Chosen):
    """How many architectures most of several zero-cost proxies place below this one.

    Args:
        proxies: their names.
    """

    paper = "Abdelfattah et al., 2021, Zero-Cost Proxies for Lightweight NAS"

    def _combination(self) -> Combination:
        return Combination(self._parts(), votes)


@cache
def __getattr__(name: str) -> type[Predictor]:
    if name not in proxies:
        raise AttributeError(name)
    proxies.reference(name)  # of another package: can it be imported?
    module = proxies.entry(name).target.partition(":")[0]
    kind = _OneCombination if module == Combination.__module__ else _OneProxy
    return type(name, (kind,), {"proxy": name, "__doc__": kind.__doc__, "__module__": __name__})
