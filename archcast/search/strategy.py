"""The interface of search strategies: ask what to train, tell what came of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from archcast.search.pool import Pool

if TYPE_CHECKING:
    from archcast.predictors.predictor import Predictor, Tags, Vector
    from archcast.spaces.space import Architecture


class Trial(NamedTuple):
    """An architecture to train, for some epochs or to the end."""

    architecture: Architecture
    epochs: int | None = None  # None: to the end


class Guide:
    """A predictor as a strategy sees it; this one serves predictors that need no context.

    Attributes:
        evidence: the share of a whole training that a query costs.
        informed: whether it ranks before the first label.
        learns: whether it learns from labels.
        fallbacks: how many queries were answered by a stand-in.
        source_seconds: what it knows from elsewhere took; None where nobody says.
    """

    evidence = 0.0
    informed = False
    learns = True
    fallbacks = 0
    source_seconds: float | None = 0.0

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.informed = predictor.tags.informed
        self.learns = predictor.tags.learns

    def affordable(self, candidates: int, batch: int) -> int:
        """How many candidates to query, so that this trains no more than the batch chosen."""
        return (
            min(candidates, max(batch, int(batch / self.evidence))) if self.evidence else candidates
        )

    def fit(self, architectures: Sequence[Architecture], labels: Sequence[Any]) -> None:
        """Learn from architectures and their values, of which higher is better."""
        self.predictor.fit(architectures, labels)

    def query(self, architectures: Sequence[Architecture]) -> Vector:
        """Scores (architectures,)."""
        return self.predictor.query(architectures)

    def query_with_std(self, architectures: Sequence[Architecture]) -> tuple[Vector, Vector]:
        """Scores and standard deviations (architectures,)."""
        return self.predictor.query(architectures, return_std=True)


Steps = Generator[Trial, Any, None]  # each trial is answered by its value


class Course(NamedTuple):
    """What a one-shot search liked after each epoch of its supernet; empty where it likes all.

    `liked` are choices, of what it would have ended with; `probabilities` are those of the options
    of each decision.
    """

    liked: Sequence[Sequence[int]] = ()
    probabilities: Sequence[Sequence[Sequence[float]]] = ()


@dataclass(frozen=True)
class Traits:
    """Facts about a strategy that decide where it can run."""

    takes_predictor: bool = False
    unguided: str | None = None  # for one that can't do without a predictor: what it improves on
    untrained: bool = False  # its predictor must not learn from labels
    deviations: bool = False  # its predictor must give standard deviations
    neighbours: bool = False  # it mutates architectures
    curves: bool = False  # it trains some architectures for a few epochs only
    several: bool = False  # it can be after several objectives, within limits
    derives: bool = False  # what it ends with may be any architecture of the space
    paper: str = ""
    version: int = 1  # of the definition: it goes up whenever what it proposes changes

    def bars(self, predictor: Tags) -> str:
        """Why a predictor of such tags can't guide it, in words; empty where it can."""
        if self.untrained and predictor.learns:
            return "learns from labels"
        if self.deviations and not predictor.probabilistic:
            return "gives no deviations"
        return ""


class Strategy(ABC):
    """A way to choose what to train next. Parameters are dataclass fields, all with defaults."""

    traits: ClassVar[Traits] = Traits()

    def own_guide(self) -> Predictor | None:
        """A predictor that it brings along, and whose seconds are its own."""
        return None

    def course(self, guide: Guide) -> Course:
        """What its own guide went through, once the search is over."""
        return Course()

    @abstractmethod
    def steps(self, pool: Pool, rng: np.random.Generator, guide: Guide | None) -> Steps:
        """Yield trials, and be sent the value of each: accuracy or another, higher is better.

        Strategies for `several` objectives look at `pool.goal`: unless it `is_single`, they are
        sent (quantities,) of it, signed.

        A trial of what was trained before costs nothing, and gives the same value again. The
        generator returns where there is nothing left to propose.
        """

    def loops(self, pool: Pool, rng: np.random.Generator, guide: Guide | None) -> Iterator[Steps]:
        """Steps of which each is answered when its training ends, whatever the others do.

        As many as are taken train at a time. Of a strategy that is not `Parallel` there is one.
        """
        yield self.steps(pool, rng, guide)


class Parallel(Strategy):
    """A strategy whose loops share what they know, so that it can train several at a time.

    Who is free goes on with what is known by then; one loop alone is the strategy one by one.
    """

    @abstractmethod
    def loops(self, pool: Pool, rng: np.random.Generator, guide: Guide | None) -> Iterator[Steps]:
        """Loops without end that share what they know; see `Strategy`."""

    def steps(self, pool: Pool, rng: np.random.Generator, guide: Guide | None) -> Steps:
        yield from next(self.loops(pool, rng, guide))


class Loop:
    """Steps of a strategy: ask for a trial, tell what came of it."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._trial: Trial | None = None
        self._started = False

    def ask(self) -> Trial | None:
        """What to train next, the same until it is told; None where nothing is left."""
        if not self._started:
            self._started = True
            self._advance(None)
        return self._trial

    def tell(self, value: float | Vector) -> None:
        """What the last trial asked for came to; higher is better.

        Raises:
            ValueError: no trial was asked for.
        """
        if self._trial is None:
            raise ValueError("tell comes after ask: there is no trial to tell of")
        self._advance(value)

    def _advance(self, value: float | Vector | None) -> None:
        try:
            self._trial = self._steps.send(value)
        except StopIteration:
            self._trial = None


class Search(Loop):
    """One search by a strategy, step by step.

    >>> from archcast.spaces import registry as spaces
    >>> from archcast.search.random_search import RandomSearch
    >>> cells = spaces.get("nasbench201").sample(3, np.random.default_rng(0))
    >>> search = Search(RandomSearch(), Pool(cells[0].space, cells, 1), np.random.default_rng(1))
    >>> while trial := search.ask():
    ...     search.tell(str(trial.architecture).count("nor_conv_3x3"))
    """

    def __init__(
        self, strategy: Strategy, pool: Pool, rng: np.random.Generator, guide: Guide | None = None
    ) -> None:
        super().__init__(strategy.steps(pool, rng, guide))
