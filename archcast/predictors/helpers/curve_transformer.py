"""A small transformer that reads the start of a learning curve and tells how it ends."""

from __future__ import annotations

import torch
from torch import Tensor, nn

TOKENS = 32  # of a curve; longer ones are read as means over stretches of epochs
BINS = 100  # of accuracies from 0 to 1
FEATURES = 6
WIDTH, LAYERS, HEADS = 64, 3, 4


def tokens_of(accuracy: Tensor, loss: Tensor | None, horizon: int) -> Tensor:
    """What the transformer reads, (curves, tokens, `FEATURES`), the last token for the horizon.

    Args:
        accuracy: on validation examples, as fractions, (curves, epochs).
        loss: on training examples, (curves, epochs), if it is known.
        horizon: epochs of the whole training.
    """
    curves, epochs = accuracy.shape
    at = torch.arange(1.0, epochs + 1).expand(curves, -1)
    known = torch.full_like(accuracy, loss is not None)
    logs = torch.zeros_like(accuracy) if loss is None else loss.clamp(1e-4, 10).log()
    values = torch.stack([at, accuracy, logs, known], dim=2)
    stretches = values.tensor_split(min(TOKENS, epochs), dim=1)
    values = torch.stack([stretch.mean(dim=1) for stretch in stretches], dim=1)
    asked = torch.zeros(curves, 1, 4)
    asked[..., 0] = horizon
    values = torch.cat([values, asked], dim=1)
    when = values[..., :1]
    ends = torch.zeros_like(when)
    ends[:, -1] = 1
    return torch.cat([when / horizon, when.log() / 5, values[..., 1:], ends], dim=2)


class CurveTransformer(nn.Module):
    """From tokens (n, tokens, `FEATURES`) to what is known of accuracies at the horizon."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(FEATURES, WIDTH)
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, 2 * WIDTH, dropout=0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
        self.head = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, BINS + 1))

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (n, `BINS`) of the accuracy, noise and all, and without its noise a value (n,)."""
        told = self.head(self.layers(self.embed(tokens))[:, -1])
        return told[:, :-1], told[:, -1].sigmoid()

    def moments(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Value and standard deviation (n,) of the accuracy at the horizon, as fractions."""
        logits, values = self(tokens)
        chances = logits.double().softmax(dim=1)
        middles = (torch.arange(BINS, dtype=torch.float64) + 0.5) / BINS
        around = (middles - values.double()[:, None]) ** 2 + 1 / (12 * BINS**2)
        return values.double(), (chances * around).sum(dim=1).sqrt()
