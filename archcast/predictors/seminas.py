"""Sequence autoencoder that also learns from its own predictions."""

from __future__ import annotations

from collections.abc import Sequence

from archcast.core.heavy import torch
from archcast.predictors.nao import NAO
from archcast.predictors.predictor import Context, Tags, Vector
from archcast.spaces.space import Architecture


class SemiNAS(NAO):
    """Semi-supervised `NAO`: the predicted labels of unlabelled architectures train a second one.

    The second network starts anew. It sees each label `upsample` times for each time that it sees
    a prediction, and reconstructs all architectures. Ten times is the study's; the rest is as of
    `NAO`, with larger batches.
    """

    tags = Tags(needs=frozenset({"unlabeled"}), paper="Luo et al., 2020, SemiNAS", version=2)
    _growth = 0.2  # it learns twice, from larger batches

    def __init__(
        self,
        labels: str = "normal",
        width: int | None = None,
        tradeoff: float = 0.8,
        upsample: int = 10,
        steps: int | None = None,
        batch_size: int = 128,
        learning_rate: float = 0.02,
        weight_decay: float = 1.0,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        super().__init__(
            labels, width, tradeoff, steps, batch_size, learning_rate, weight_decay, device, seed
        )
        self.upsample = upsample

    def fit_beside(
        self,
        architectures: Sequence[Architecture],
        features: Vector,
        labels: Vector,
        context: Context,
    ) -> None:
        """As `NAO`. Features of unlabelled architectures, which nobody paid for, count as 0."""
        super().fit_beside(architectures, features, labels, context)
        if not context.unlabeled:
            return
        real = self._tokens(architectures), self._tensor(features), self._targets(labels)
        unlabeled = self._tokens(context.unlabeled)
        absent = real[1].new_zeros(len(unlabeled), features.shape[1])
        pseudo = unlabeled, absent, self._predict(unlabeled, absent)
        parts = zip(*[real] * self.upsample, pseudo, strict=True)
        self._train(architectures[0].space, *(torch.cat(part) for part in parts))
