"""One-shot searches: train a supernet together with a policy, and derive an architecture.

Compared with others, what they pay for is the training of the supernet; what they find is trained
by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count, islice
from time import perf_counter
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import PositiveInt
from pydantic.dataclasses import dataclass

from archcast.core.cache import cache_folder
from archcast.core.errors import InputError
from archcast.encodings.live_graphs import live_graphs
from archcast.predictors.predictor import Context, Tags, Vector
from archcast.predictors.weight_sharing import SCORING, Recalibrate, WeightSharing
from archcast.search.pool import Pool
from archcast.search.strategy import Course, Guide, Steps, Strategy, Traits, Trial
from archcast.spaces.space import Architecture, Choices, Space

if TYPE_CHECKING:
    from archcast.making.policy_training import Searched

TRIED = 100  # of what evolved, the best so many are trained if there is enough to pay with
PARENTS, MUTATED = 10, 0.1
TRIES = 10  # a child, for one that is new


class SharedWeights(WeightSharing):
    """What shared weights say after a search by a policy.

    Args:
        policy: one of `making.policies.POLICIES`.
        epochs: of the search.
    """

    def __init__(
        self,
        policy: str = "uniform",
        epochs: int = 50,
        valid_images: int = 500,
        recalibrate: Recalibrate = 2,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        super().__init__(epochs, valid_images, recalibrate, None, seed, device)
        self.policy = policy
        self.seed = seed

    @property
    def tags(self) -> Tags:  # type: ignore[override]
        return Tags(needs=frozenset({"networks", "task"}), learns=False, version=SCORING)

    def uses(self) -> Sequence[object]:
        from archcast.making.policy_training import PolicyPlan

        return [PolicyPlan(self.policy, self.epochs)]

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        from archcast.making.policy_training import PolicyPlan, searched

        blueprint, task = self.setting(context)
        begun = perf_counter()
        plan = PolicyPlan(self.policy, self.epochs, self.seed)
        self.searched_ = searched(plan, blueprint, task, self.device, cache_folder("supernets"))
        if not all(np.isfinite(row).all() for run in self.searched_.probabilities for row in run):
            raise ValueError(f"{self}: the search diverged")
        self.saved_seconds_ = self.searched_.seconds - (perf_counter() - begun)
        self.supernets_ = [self.searched_.supernet]
        self._ready(blueprint, task, self.seed)


@dataclass(frozen=True)
class OneShot(Strategy):
    """Derives an architecture from a supernet that was trained for `epochs`.

    Where the policy of the search leaves several candidates, shared weights say which is best, by
    the loss on `valid_images` with the statistics of batch norm as `recalibrate` has them (see
    `WeightSharing`). A search that has something left to pay with trains the others too, in that
    order.
    """

    epochs: PositiveInt = 50
    valid_images: PositiveInt = 500
    recalibrate: Recalibrate = 2

    policy: ClassVar[str]

    def own_guide(self) -> SharedWeights:
        return self.guide_by(self.policy)

    def guide_by(self, policy: str) -> SharedWeights:
        """What shared weights say after a search by a policy."""
        return SharedWeights(policy, self.epochs, self.valid_images, self.recalibrate)

    def steps(self, pool: Pool, rng: np.random.Generator, guide: Guide | None) -> Steps:
        assert guide is not None, "it brings its own"
        guide.fit([], [])
        candidates = self.candidates(pool, rng, guide)
        if not candidates:
            raise InputError(
                "nothing that the search may end with can be had: no path leads to the output, or"
                " the table lacks them, which --live would train"
            )
        scores = guide.query(candidates) if len(candidates) > 1 else np.zeros(1)
        for at in np.argsort(-scores, kind="stable"):
            yield Trial(candidates[at])

    def candidates(self, pool: Pool, rng: np.random.Generator, guide: Guide) -> list[Architecture]:
        """Those of the pool among which shared weights decide, none twice."""
        policy = _searched(guide).policy
        if not policy.learns:
            return [*islice(pool.shuffled(rng), TRIED)]
        paths = [p for p in policy.candidates(rng).tolist() if self.allows(pool.space, tuple(p))]
        return found_in(pool, paths[:1] if policy.decides else paths)

    def allows(self, space: Space, path: Choices) -> bool:
        """Whether a path may be the answer."""
        return space.is_valid(path)

    def course(self, guide: Guide) -> Course:
        searched = _searched(guide)
        return Course(searched.liked, searched.probabilities)


def _searched(guide: Guide) -> Searched:
    assert isinstance(guide.predictor, SharedWeights)
    return guide.predictor.searched_


def found_in(pool: Pool, paths: Iterable[Sequence[int]]) -> list[Architecture]:
    """The architectures of paths, as far as the pool has them, none twice."""
    found = (pool.find(tuple(path)) for path in paths)
    return [*dict.fromkeys(each for each in found if each is not None)]


@dataclass(frozen=True)
class Evolved(OneShot):
    """Of random paths, or of what evolves from these, shared weights choose the best.

    Evolution as in Single Path One-Shot (Guo et al., 2020): each generation is half crossovers and
    half mutants, a tenth of the decisions anew, of the ten best so far, none of which was there
    before.
    """

    select: Literal["random", "evolution"] = "evolution"
    population: PositiveInt = 50
    generations: PositiveInt = 20

    def candidates(self, pool: Pool, rng: np.random.Generator, guide: Guide) -> list[Architecture]:
        if self.select == "random":
            return super().candidates(pool, rng, guide)
        known: dict[Architecture, float] = {}

        def judge(paths: Iterable[Sequence[int]]) -> None:
            if new := [each for each in found_in(pool, paths) if each not in known]:
                known.update(zip(new, guide.query(new).tolist(), strict=True))

        judge(each.choices for each in islice(pool.shuffled(rng), self.population))
        for _ in range(self.generations - 1):
            best = sorted(known, key=lambda each: -known[each])[:PARENTS]
            children = _children([each.choices for each in best], pool.space, rng)
            found: dict[Architecture, None] = {}
            for path in islice(children, TRIES * self.population):
                found |= dict.fromkeys(e for e in found_in(pool, [path]) if e not in known)
                if len(found) == self.population:
                    break
            judge(each.choices for each in found)
        return sorted(known, key=lambda each: -known[each])[:TRIED]


def _children(
    parents: Sequence[Sequence[int]], space: Space, rng: np.random.Generator
) -> Iterator[tuple[int, ...]]:
    """Crossovers of two parents each, and mutants of one, in turn; some are not new, or none."""
    options = [decision.levels for decision in space.decisions]
    for at in count():
        one, other = (np.array(parents[i]) for i in rng.integers(len(parents), size=2))
        if at % 2:
            other = rng.integers(options)
        taken = rng.random(len(options)) < (MUTATED if at % 2 else 0.5)
        yield tuple(np.where(taken, other, one).tolist())


@dataclass(frozen=True)
class RSPS(OneShot):
    """Random paths train the supernet; of a hundred random ones shared weights choose."""

    policy: ClassVar[str] = "uniform"
    traits: ClassVar[Traits] = Traits(
        version=2, paper="Li & Talwalkar, 2019, Random Search and Reproducibility for NAS"
    )


@dataclass(frozen=True)
class DARTS(OneShot):
    """Mixtures train the supernet, and logits by validation; the likeliest option wins.

    By `order` 2 logits follow the validation loss after one more step of the weights.
    """

    order: Literal[1, 2] = 1

    policy: ClassVar[str] = "darts"
    traits: ClassVar[Traits] = Traits(
        derives=True, paper="Liu et al., 2019, DARTS: Differentiable Architecture Search"
    )

    def own_guide(self) -> SharedWeights:
        return self.guide_by("darts" if self.order == 1 else "darts-2")


@dataclass(frozen=True)
class E2RNAS(OneShot):
    """As `darts`, but images that mislead train the weights too, and cells are to be small.

    Where paths have more parameters on average than random ones have, logits follow these as well
    as the validation loss: by `mgda` along the shortest mean of the two gradients, so that both
    fall, by `sum` along their sum. The likeliest path wins that leads from input to output.
    """

    combine: Literal["mgda", "sum"] = "mgda"

    policy: ClassVar[str] = "e2rnas"
    traits: ClassVar[Traits] = Traits(
        derives=True,
        paper="Yue et al., 2020, Effective, Efficient and Robust Neural Architecture Search",
    )

    def own_guide(self) -> SharedWeights:
        return self.guide_by("e2rnas" if self.combine == "mgda" else "e2rnas-sum")

    def allows(self, space: Space, path: Choices) -> bool:
        allowed = super().allows(space, path)
        return allowed and bool(live_graphs([Architecture(space, path)]).adjacency.any())


@dataclass(frozen=True)
class GDAS(OneShot):
    """Hard draws by Gumbel noise train weights and logits; the likeliest option wins."""

    policy: ClassVar[str] = "gdas"
    traits: ClassVar[Traits] = Traits(
        derives=True,
        paper="Dong & Yang, 2019, Searching for a Robust Neural Architecture in Four GPU Hours",
    )


@dataclass(frozen=True)
class SETN(OneShot):
    """Random paths train weights, mixtures logits; among the likeliest shared weights choose."""

    policy: ClassVar[str] = "setn"
    traits: ClassVar[Traits] = Traits(
        derives=True,
        paper="Dong & Yang, 2019, One-Shot Neural Architecture Search via Self-Evaluated Template"
        " Network",
    )


@dataclass(frozen=True)
class ENAS(OneShot):
    """A recurrent controller draws what trains the weights; of its paths shared weights choose."""

    policy: ClassVar[str] = "enas"
    traits: ClassVar[Traits] = Traits(
        derives=True,
        paper="Pham et al., 2018, Efficient Neural Architecture Search via Parameter Sharing",
    )


@dataclass(frozen=True)
class NoveltySearch(Evolved):
    """Paths that climb novelty train the supernet; shared weights choose, of a hundred random ones.

    By the published step those that train are a random hundred which stays the same. With
    `select=evolution` shared weights choose of what evolves by them.
    """

    select: Literal["random", "evolution"] = "random"

    policy: ClassVar[str] = "novelty"
    traits: ClassVar[Traits] = Traits(
        version=2,
        paper="Zhang et al., 2020, One-Shot Neural Architecture Search via Novelty Driven Sampling",
    )


@dataclass(frozen=True)
class SPOS(Evolved):
    """Random paths train the supernet; what evolves by shared weights is the answer."""

    policy: ClassVar[str] = "uniform"
    traits: ClassVar[Traits] = Traits(
        paper="Guo et al., 2020, Single Path One-Shot Neural Architecture Search with Uniform"
        " Sampling"
    )
