"""The contract that every performance predictor keeps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archcast.core.errors import InputError
from archcast.predictors.parameters import Parametrised

if TYPE_CHECKING:
    from torch import nn

    from archcast.networks.blueprint import Blueprint
    from archcast.spaces.space import Architecture
    from archcast.tasks.task import Task
    from archcast.zero_cost.batch import Batch

Vector = NDArray[np.float64]
OBJECTIVE = "objective"  # the curve of whatever is predicted
LAST = -1e30  # the score of an architecture that has none, and comes last


@dataclass(frozen=True, slots=True)
class Curves:
    """Learning curves so far, each of shape (architectures, epochs); NaN after a run ended early.

    Attributes:
        horizon: the number of epochs of a whole training run.
        columns: those that the benchmark recorded, by name: `train_loss` and `valid_loss` in nats,
            `train_accuracy` and `valid_accuracy` in percent, and whatever else it has.
        objective: what leads to the labels, on their axis: higher is better.
        diverged: of shape (architectures,), which runs ended early because they failed; without it
            none did, and all were stopped.
        worst: what the objective of a run that diverged is taken for.
    """

    horizon: int
    columns: Mapping[str, Vector] = field(default_factory=dict)
    objective: Vector | None = None
    diverged: NDArray[np.bool_] | None = None
    worst: float = 0.0

    def get(self, name: str) -> Vector | None:
        """A curve by name, of which `objective` is one."""
        return self.objective if name == OBJECTIVE else self.columns.get(name)


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """What was measured elsewhere: the results of another benchmark.

    Attributes:
        architectures: all that were trained there.
        labels: what predictors learn from there, means over runs that did not diverge, or over all
            where all did, (architectures,).
        curves: of one run of each architecture; None where there are none.
        seconds: of training all runs, simulated; None where the benchmark does not say.
        of_space: whether it is of the space that is asked about; of another, only curves teach.
    """

    architectures: Sequence[Architecture]
    labels: Vector
    curves: Curves | None = None
    seconds: float | None = None
    of_space: bool = True


@dataclass(frozen=True, slots=True)
class Context:
    """What a predictor may be given besides architectures: `Tags.needs` names these fields.

    Fields of one value an architecture stand in the order of the architectures. A predictor gets
    the fields that it needs and no others.
    """

    curves: Curves | None = None
    columns: Mapping[str, Vector] | None = None  # other facts of the table, each (architectures,)
    unlabeled: Sequence[Architecture] | None = None  # any number, drawn from the same space
    build: Callable[[Architecture], nn.Module] | None = None  # an untrained network
    noise: Batch | None = None  # noise of the shape of the networks' inputs, without labels
    batch: Batch | None = None  # training images and labels
    networks: Blueprint | None = None  # how networks of the space are built, supernets too
    task: Task | None = None  # all training and validation images
    source: Source | None = None  # another benchmark, see `Tags.source`

    def take(self, rows: slice | NDArray[np.int64] | list[int]) -> Self:
        """The context of some of the architectures, in the order of `rows`."""

        def taken(value: Any) -> Any:
            if isinstance(value, np.ndarray):
                return value[rows]
            if isinstance(value, Mapping):
                return {name: taken(each) for name, each in value.items()}
            if isinstance(value, Curves):
                return replace(value, **_changed(value, taken))
            return value

        return replace(self, **_changed(self, taken))

    def only(self, tags: Tags) -> Context:
        """The fields and curves that `tags` name, without the others."""
        facts = {name: getattr(self, name) for name in tags.needs}
        if self.curves and "curves" in facts and tags.curves:
            facts["curves"] = replace(
                self.curves,
                columns={k: v for k, v in self.curves.columns.items() if k in tags.curves},
                objective=self.curves.objective if OBJECTIVE in tags.curves else None,
            )
        if self.columns is not None and "columns" in facts:
            facts["columns"] = {k: v for k, v in self.columns.items() if k in tags.columns}
        return Context(**facts)


def _changed(value: Curves | Context, change: Callable[[Any], Any]) -> dict[str, Any]:
    return {field.name: change(getattr(value, field.name)) for field in fields(value)}


@dataclass(frozen=True, slots=True)
class Tags:
    """Facts that the engine acts on, so that it never asks which class it holds."""

    needs: frozenset[str] = frozenset()  # fields of `Context`
    curves: frozenset[str] = frozenset()  # of `Curves`, where it needs some; none: any there are
    columns: frozenset[str] = frozenset()  # of `Context.columns`, where it needs some
    source: str | None = None  # the benchmark that `Context.source` is of; None: any other
    taught_by_curves: bool = False  # True: it learns from the curves of the source, too
    learns: bool = True  # False: it uses no labels, and is charged for none
    informed: bool = False  # True: it learns, and ranks without a single label too
    probabilistic: bool = False  # True: `query` can return standard deviations
    in_unit: bool = False  # True: scores and deviations are in the unit of the labels
    of_images: bool = False  # True: it looks at feature maps, which networks of texts have none of
    paper: str = ""
    version: int = 1  # of the definition: it goes up whenever scores change

    def __post_init__(self) -> None:
        if unknown := self.needs - {field.name for field in fields(Context)}:
            raise TypeError(f"Context has no fields {sorted(unknown)}")
        for name, named in (("curves", self.curves), ("columns", self.columns)):
            if named and name not in self.needs:
                raise TypeError(f"names {name} {sorted(named)}, and needs none")

    @property
    def reads_curves_alone(self) -> bool:
        """Whether learning curves are all that is needed, besides a source."""
        return self.needs - {"source"} == {"curves"}

    @classmethod
    def joined(
        cls, parts: Sequence[Tags], paper: str, probabilistic: bool, version: int = 1
    ) -> Self:
        """Those of whoever needs all that some others need.

        Raises:
            InputError: they need different sources.
        """
        reads = [each.curves for each in parts if "curves" in each.needs]
        taught = [each for each in parts if "source" in each.needs]
        sources = {each.source for each in taught}
        if len(sources) > 1:
            raise InputError(f"one source at a time, not {', '.join(sorted(map(str, sources)))}")
        if sources == {None} and len({each.taught_by_curves for each in taught}) > 1:
            raise InputError("who learns from curves chooses another source: name one, by source=")
        return cls(
            needs=frozenset().union(*(each.needs for each in parts)),
            curves=frozenset().union(*reads) if all(reads) else frozenset(),
            columns=frozenset().union(*(each.columns for each in parts)),
            source=next(iter(sources), None),
            taught_by_curves=any(each.taught_by_curves for each in parts),
            of_images=any(each.of_images for each in parts),
            probabilistic=probabilistic,
            paper=paper,
            version=version,
        )


class Predictor(Parametrised, ABC):
    """Ranks architectures that were not trained to the end; a higher score is better.

    Subclasses store their parameters in `__init__` and do nothing else there, so that
    `sklearn.base.clone` and `get_params` work, and implement `_fit` and `_query`. What is random
    takes a parameter `seed`. They neither time themselves nor look up results: the engine does.

    Attributes:
        fallbacks_: how many architectures of the last `query` got a stand-in for a score, because
            the method itself failed on them. Subclasses that have one count it here.
        saved_seconds_: how many seconds more the last `fit` or `query` would have taken without
            what it found done already. Subclasses that find something set it; whoever measures
            adds it.
        source_seconds_: what the last `fit` knew from elsewhere took, labels and training there;
            None where nobody can say. It is no part of the seconds of `fit`.
    """

    tags: ClassVar[Tags] = Tags()

    def uses(self) -> Sequence[object]:
        """Other predictors, proxies and encodings, or contents, that decide its scores.

        A record is reused only where none of these has changed.
        """
        return ()

    def check_parameters(self) -> None:
        """Refuse parameters that won't do; asked before anything is run.

        Raises:
            ValueError: it names one, and what would do.
        """

    @property
    def shares(self) -> str:
        """Names the work for a query that it has in common with other predictors; none: empty."""
        return ""

    def prepare(
        self,
        beside: Sequence[Predictor],
        architectures: Sequence[Architecture],
        context: Context,
        part: slice,
    ) -> None:
        """Do and keep what is shared, for whoever is fitted and queried in the same context.

        Whatever comes of it, `fit` and `query` give the same scores, and charge the same seconds.

        Args:
            beside: predictors that share the same, this one among them.
            architectures: that will be queried.
            context: with all that these predictors need.
            part: of the work.
        """

    @classmethod
    def search_space(cls) -> Mapping[str, Any]:
        """What a hyperparameter search may try, by parameter.

        Lists of values, or frozen distributions of `scipy.stats`.
        """
        return {}

    def fit(
        self,
        architectures: Sequence[Architecture],
        labels: ArrayLike,
        context: Context | None = None,
    ) -> Self:
        """Learn from `architectures` and their `labels`, of which higher is better.

        An earlier fit is forgotten.

        Raises:
            ValueError: parameters that won't do, labels that are not one finite number an
                architecture, no architecture where labels are needed, or a missing context field.
        """
        self.check_parameters()
        y = np.asarray(labels, dtype=np.float64)
        if y.shape != (len(architectures),) or not np.isfinite(y).all():
            raise ValueError(
                f"{self} needs one finite label an architecture; got labels of shape {y.shape},"
                f" {np.isfinite(y).sum()} of them finite, for {len(architectures)} architectures"
            )
        if self.tags.learns and not self.tags.informed and not len(y):
            raise ValueError(f"{self} learns from labels; give at least one")
        self.fallbacks_, self.saved_seconds_ = 0, 0.0
        self.source_seconds_: float | None = 0.0
        self._fit(architectures, y, self._checked(context))
        self.n_labels_ = len(y)
        return self

    @overload
    def query(
        self, architectures: Sequence[Architecture], context: Context | None = None
    ) -> Vector: ...

    @overload
    def query(
        self,
        architectures: Sequence[Architecture],
        context: Context | None = None,
        *,
        return_std: Literal[True],
    ) -> tuple[Vector, Vector]: ...

    def query(
        self,
        architectures: Sequence[Architecture],
        context: Context | None = None,
        *,
        return_std: bool = False,
    ) -> Vector | tuple[Vector, Vector]:
        """Scores of shape (architectures,), each independent of the others queried with it.

        With `return_std`, also their standard deviations, of the same shape and on the same scale.

        Raises:
            NotFittedError: before `fit`.
            ValueError: a missing context field, or `return_std` of what is not probabilistic.
        """
        if not hasattr(self, "n_labels_"):
            from sklearn.exceptions import NotFittedError

            raise NotFittedError(f"{self} is queried before it is fitted; call fit first")
        context = self._checked(context)
        self.fallbacks_, self.saved_seconds_ = 0, 0.0
        if return_std and not self.tags.probabilistic:
            raise ValueError(f"{self} has no standard deviations to return")
        if not len(architectures):
            return (np.empty(0), np.empty(0)) if return_std else np.empty(0)
        if not return_std:
            return self._one_each(self._query(architectures, context), architectures)
        scores, std = self._query_with_std(architectures, context)
        return self._one_each(scores, architectures), self._one_each(std, architectures)

    def values(self, scores: Vector) -> Vector | None:
        """Scores of `query` as values of what the labels are; None where they do no more than rank.

        As labels are, they are higher is better.
        """
        return None

    def _take_over(self, parts: Iterable[Predictor]) -> None:
        """Add what parts say of their last query."""
        for part in parts:
            self.saved_seconds_ += part.saved_seconds_
            self.fallbacks_ += part.fallbacks_

    def _take_over_fits(self, parts: Sequence[Predictor]) -> None:
        """Add what parts say of their last fit, with what they knew from elsewhere."""
        self._take_over(parts)
        elsewhere = [self.source_seconds_, *(part.source_seconds_ for part in parts)]
        known = [seconds for seconds in elsewhere if seconds is not None]
        self.source_seconds_ = sum(known) if len(known) == len(elsewhere) else None

    def _one_each(self, values: ArrayLike, architectures: Sequence[Architecture]) -> Vector:
        vector = np.asarray(values, dtype=np.float64)
        if vector.shape != (len(architectures),):
            raise TypeError(f"{self} gave shape {vector.shape} for {len(architectures)} queries")
        return vector

    def _checked(self, context: Context | None) -> Context:
        context = (context or Context()).only(self.tags)
        missing = [name for name in self.tags.needs if getattr(context, name) is None]
        if context.curves:
            missing += [name for name in self.tags.curves if context.curves.get(name) is None]
        if context.columns is not None:
            missing += self.tags.columns - context.columns.keys()
        if missing:
            raise ValueError(
                f"{self} needs context that was not given: {', '.join(sorted(missing))}"
            )
        return context

    @abstractmethod
    def _fit(
        self, architectures: Sequence[Architecture], labels: Vector, context: Context
    ) -> None: ...

    @abstractmethod
    def _query(self, architectures: Sequence[Architecture], context: Context) -> ArrayLike: ...

    def _query_with_std(
        self, architectures: Sequence[Architecture], context: Context
    ) -> tuple[ArrayLike, ArrayLike]:
        """Scores as from `_query` and their standard deviations; of probabilistic predictors."""
        raise NotImplementedError
