"""What any predictor has to beat: chance, and facts of an architecture that cost nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

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


class _Fact(Predictor):
    """Ranks architectures by one field of the context, the one that its tags need."""

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        pass

    def _query(self, architectures: Sequence[Architecture], context: Context) -> Vector:
        (name,) = self.tags.needs
        fact: Vector = getattr(context, name)
        return fact


class Parameters(_Fact):
    """The number of weights: larger networks are taken to be better."""

    tags = Tags(needs=frozenset({"parameters"}), learns=False)


class Flops(_Fact):
    """The multiply-adds of one forward pass: more work is taken to be better."""

    tags = Tags(needs=frozenset({"flops"}), learns=False)


class Latency(_Fact):
    """The measured inference time: slower networks are taken to be better."""

    tags = Tags(needs=frozenset({"latency"}), learns=False)
