"""A policy that likes what is accurate, small and robust."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from archcast.core.errors import InputError
from archcast.making.minimum_norm import minimum_norm
from archcast.making.policy import Alpha, Step, gradients_of, kept
from archcast.making.robustness import ATTACK, misled
from archcast.networks.networks import Options
from archcast.networks.supernet import Selection
from archcast.tasks.images import ImageData

Combine = Literal["mgda", "sum"]


class E2RNAS(Alpha):
    """Mixtures that are to be accurate and small, with weights that are robust (Yue et al., 2020).

    Weights follow the mean of the losses on images and on the same images, changed to mislead the
    mixture. Logits follow the validation loss, in first order, and the number of parameters that a
    path has on average, as a share of that of uniform paths: by the mean of both gradients that is
    shortest, or by their sum. Being smaller than uniform paths counts for nothing, or else cells
    without anything would win.
    """

    def __init__(self, options: Options, steps: int, seed: int, combine: Combine = "mgda") -> None:
        super().__init__(options, steps, seed)
        self.combine = combine

    def loss(self, step: Step, selection: Selection) -> Tensor:
        if not isinstance(step.train, ImageData):
            raise InputError("e2rnas misleads by changing pixels: it needs a task of images")
        with kept(step.supernet):
            changed = misled(
                lambda images: step.supernet(images, selection), step.train, ATTACK.budget, step.rng
            )
        return (step.loss(step.train, selection) + step.loss(changed, selection)) / 2

    def learn(self, step: Step) -> None:
        with kept(step.supernet):
            objectives = [step.loss(step.valid, self.mixture)]
            if (share := self.share(step)) > 1:
                objectives.append(share)
            gradients = torch.stack([gradients_of(each, [self.logits])[0] for each in objectives])
        mgda = self.combine == "mgda"
        weights = minimum_norm(gradients) if mgda else gradients.new_ones(len(gradients))
        self.follow(torch.tensordot(weights, gradients, 1))

    def share(self, step: Step) -> Tensor:
        """The expected number of parameters of a path, over that of a uniform one."""
        uniform = self.lacking.softmax(dim=1)
        return step.supernet.size(self.mixture) / step.supernet.size(uniform)
