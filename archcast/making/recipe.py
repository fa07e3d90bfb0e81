"""How networks are trained, apart from the data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import torch
from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass
from torch import nn

_STRICT = ConfigDict(extra="forbid")  # so that what a table says is one of them


@dataclass(frozen=True, slots=True, config=_STRICT)
class Recipe:
    """Stochastic gradient descent with Nesterov momentum and a cosine schedule to zero."""

    epochs: int = 12
    batch_size: int = 128
    learning_rate: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 5e-4
    clip: ClassVar[None] = None

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.SGD(
            parameters, self.learning_rate, self.momentum,
            weight_decay=self.weight_decay, nesterov=True, fused=True,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, config=_STRICT)
class AdamRecipe:
    """Adam with a cosine schedule to zero; gradients are no longer than `clip`."""

    epochs: int = 6
    batch_size: int = 32
    learning_rate: float = 0.005
    clip: float = 1.0

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, self.learning_rate, fused=True)


AnyRecipe = Recipe | AdamRecipe
RECIPE, TEXT_RECIPE = Recipe(), AdamRecipe()  # by which benchmarks are made
RECIPES: TypeAdapter[AnyRecipe] = TypeAdapter(AnyRecipe)
