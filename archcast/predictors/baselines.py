"""What any predictor has to beat: chance, and facts of an architecture that cost nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from archcast.core.errors import InputError
from archcast.predictors.helpers.paying import price
from archcast.predictors.predictor import Context, Predictor, Tags, Vector
from archcast.spaces.space import Architecture


class Random(Predictor):
    """A score without meaning: a hash of the seed and the architecture's text, in [0, 1)."""

    tags = Tags(learns=False)

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        pass

    def _query(self, architectures: Sequence[Architecture], context: Context) -> Vector:
        return np.array([self._score(str(architecture)) for architecture in architectures])

    def _score(self, text: str) -> float:
        digest = hashlib.blake2b(f"{self.seed}/{text}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2.0**64


class Column(Predictor):
    """A score that the table holds, measured elsewhere.

    Of a column that tells what is to be predicted, commands refuse it.

    Args:
        column: its name; one value an architecture.
        direction: whether more (`max`) or less (`min`) of it is taken to be better.
        price: seconds that one value took to measure, charged for each query.
    """

    def __init__(self, column: str, direction: str = "max", price: float = 0.0) -> None:
        self.column = column
        self.direction = direction
        self.price = price

    @property
    def tags(self) -> Tags:  # type: ignore[override]
        """The column is needed."""
        if self.direction not in ("max", "min"):
            raise InputError(f"column: direction={self.direction} is neither max nor min")
        if not isinstance(self.price, int | float) or self.price < 0:
            raise InputError(f"column: price={self.price}: give seconds, 0 or more")
        columns = frozenset({self.column})
        return Tags(needs=frozenset({"columns"}), columns=columns, learns=False)

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        pass

    def _query(self, architectures: Sequence[Architecture], context: Context) -> Vector:
        assert context.columns is not None
        paid = (price((self.column, each), self.price) for each in architectures)
        self.saved_seconds_ = sum(paid)
        values = context.columns[self.column]
        return values if self.direction == "max" else -values


class Parameters(Column):
    """The number of weights: larger networks are taken to be better."""

    def __init__(self) -> None:
        super().__init__("parameters")


class Flops(Column):
    """The multiply-adds of one forward pass: more work is taken to be better."""

    def __init__(self) -> None:
        super().__init__("flops")


class Latency(Column):
    """A measured inference time: slower networks are taken to be better.

    Args:
        column: its name; without, the only latency that the table has.
    """

    def __init__(self, column: str = "latency") -> None:
        super().__init__(column)
