"""Autoencoder of sequences of tokens, whose code a regressor reads."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

KEPT = 16  # states in a code; of longer sequences, as many means of stretches


class Autoencoder(nn.Module):
    """From tokens (n, length) and features to scores (n,) and logits (n, length, vocabulary)."""

    def __init__(self, vocabulary: int, length: int, width: int, features: int = 0) -> None:
        super().__init__()
        self.start = vocabulary  # the token before the first
        kept = min(length, KEPT)
        self.embed = nn.Embedding(vocabulary + 1, width)
        self.encoder = nn.LSTM(width, width, batch_first=True)
        self.regressor = nn.Sequential(
            nn.Linear(kept * width + features, 2 * width), nn.ReLU(), nn.Linear(2 * width, 1)
        )
        self.decoder = nn.LSTM(width + kept * width, width, batch_first=True)
        self.name = nn.Linear(width, vocabulary)

    def forward(self, tokens: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        code = self.encode(tokens)
        return self.regress(code, features), self.decode(code, tokens)

    def encode(self, tokens: Tensor) -> Tensor:
        """Codes (n, up to `KEPT` * width), each a vector of length 1."""
        states, _ = self.encoder(self.embed(tokens))
        if tokens.shape[1] > KEPT:
            states = functional.adaptive_avg_pool1d(states.transpose(1, 2), KEPT).transpose(1, 2)
        return functional.normalize(states.flatten(1), dim=1)

    def regress(self, code: Tensor, features: Tensor) -> Tensor:
        """Scores (n,) of codes and features (n, features)."""
        scores: Tensor = self.regressor(torch.cat([code, features], dim=1)).squeeze(1)
        return scores

    def decode(self, code: Tensor, tokens: Tensor) -> Tensor:
        """Logits of each token, given the code and the true tokens before it."""
        before = functional.pad(tokens, (1, -1), value=self.start)
        steps = code.unsqueeze(1).expand(-1, tokens.shape[1], -1)
        states, _ = self.decoder(torch.cat([self.embed(before), steps], dim=2))
        logits: Tensor = self.name(states)
        return logits
