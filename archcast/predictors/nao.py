"""Sequence autoencoder whose code a regressor reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from archcast.core.heavy import torch
from archcast.core.seeding import seeded
from archcast.encodings.live_graphs import reduced
from archcast.predictors.helpers.capacity import sized
from archcast.predictors.helpers.descent import minimise
from archcast.predictors.helpers.labels import Axis, RescalesLabels
from archcast.predictors.predictor import Context, Predictor, Tags, Vector
from archcast.spaces.decision import BINS, Decision
from archcast.spaces.space import Architecture, Space, level_matrix

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 2_000  # architectures queried at once: bounds memory
MOST = 2_000  # decisions


class NAO(RescalesLabels, Predictor):
    """Neural architecture optimization: an LSTM encodes the choices of an architecture.

    The choices of the reduced form are a sequence of tokens, one a decision; options of the same
    name share their token, and a range has eight. The encoder's states after each token, together
    scaled to length 1, are the code (the paper takes their mean, which blurs where a token was).
    From it a network regresses the label and an LSTM decodes the tokens; the loss is `tradeoff`
    times the squared error and the rest of 1 times the cross-entropy of the tokens. The trade-off
    is the paper's; its states are three times as wide, which few labels can't train. Of more than
    16 tokens, the code has the means of 16 stretches of states; more than 2,000 are refused, as
    training would take hours.

    Parameters:
        labels: how labels are rescaled, a name from `labels.LABELS`.
        width: of the LSTMs' states and of the tokens' embeddings; None for 32, and more for more
            than 200 labels, as of `steps`.
        tradeoff: in (0, 1], as in the paper.
        steps: None for 120, and more for more labels.
        batch_size, learning_rate, weight_decay: see `descent.minimise`.
        device: where to compute, any name of a PyTorch device.
        seed: of the initial weights and the batches.
    """

    tags = Tags(paper="Luo et al., 2018, NAO", version=2)
    _growth = 0.6  # of steps, by labels; a minute for 4,000 of NAS-Bench-101

    def __init__(
        self,
        labels: str = "normal",
        width: int | None = None,
        tradeoff: float = 0.8,
        steps: int | None = None,
        batch_size: int = 64,
        learning_rate: float = 0.02,
        weight_decay: float = 1.0,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        self.labels = labels
        self.width = width
        self.tradeoff = tradeoff
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.device = device
        self.seed = seed

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        self.fit_beside(architectures, np.empty((len(architectures), 0)), labels, context)

    def fit_beside(
        self,
        architectures: Sequence[Architecture],
        features: Vector,
        labels: Vector,
        context: Context,
    ) -> None:
        """Learn from architectures and features (n, features), which the regressor reads."""
        self.width_ = sized(self.width, 32, 0.3, len(labels))
        self.steps_ = sized(self.steps, 120, self._growth, len(labels))
        inputs = self._tokens(architectures), self._tensor(features)
        self._train(architectures[0].space, *inputs, self._targets(labels))

    def _train(self, space: Space, tokens: Tensor, features: Tensor, targets: Tensor) -> None:
        """Learn from tokens (n, decisions), features (n, features) and targets (n,)."""
        from archcast.predictors.helpers.autoencoder import Autoencoder

        with seeded(self.seed) as generator:
            self.network_ = Autoencoder(
                len(vocabulary(space)), tokens.shape[1], self.width_, features.shape[1]
            ).to(self.device)

        def loss(rows: Tensor) -> Tensor:
            scores, logits = self.network_(tokens[rows], features[rows])
            error = torch.nn.functional.mse_loss(scores, targets[rows])
            reconstruction = torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), tokens[rows].flatten()
            )
            return self.tradeoff * error + (1 - self.tradeoff) * reconstruction

        minimise(
            self.network_,
            loss,
            len(targets),
            generator,
            steps=self.steps_,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
        )

    def _query(self, architectures: Sequence[Architecture], context: Context) -> Vector:
        return self.query_beside(architectures, np.empty((len(architectures), 0)))

    def query_beside(self, architectures: Sequence[Architecture], features: Vector) -> Vector:
        """Scores (n,) of architectures with features (n, features)."""
        scores = self._predict(self._tokens(architectures), self._tensor(features))
        return self.axis_.restore(scores.double().cpu().numpy())

    def _predict(self, tokens: Tensor, features: Tensor) -> Tensor:
        with torch.no_grad():
            codes = [self.network_.encode(batch) for batch in tokens.split(BATCH)]
            return self.network_.regress(torch.cat(codes), features)

    def _tensor(self, features: Vector) -> Tensor:
        return torch.from_numpy(features).float().to(self.device)

    def _targets(self, labels: Vector) -> Tensor:
        rescaled = self._rescaled(labels)
        self.axis_ = Axis(rescaled)
        return torch.from_numpy(self.axis_.standardise(rescaled)).float().to(self.device)

    def _tokens(self, architectures: Sequence[Architecture]) -> Tensor:
        space = architectures[0].space
        if len(space.decisions) > MOST:
            raise ValueError(
                f"{self} reads decision after decision, and {len(space.decisions)} of a space are"
                f" more than {MOST}; use gcn"
            )
        number = vocabulary(space)
        table = [[number[name] for name in level_names(decision)] for decision in space.decisions]
        levels = level_matrix(reduced(architectures))
        rows = [
            [names[level] for names, level in zip(table, row, strict=True)]
            for row in levels.tolist()
        ]
        return torch.tensor(rows, device=self.device)


def vocabulary(space: Space) -> dict[str, int]:
    """The token of each option of the space, by the option's name; of a range, of each part."""
    names = dict.fromkeys(name for each in space.decisions for name in level_names(each))
    return {name: token for token, name in enumerate(names)}


def level_names(decision: Decision) -> list[str]:
    """What the levels of a decision are called."""
    if decision.is_range:
        return [f"{part} of {BINS}" for part in range(1, BINS + 1)]
    return [str(option) for option in decision.options]
