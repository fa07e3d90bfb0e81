"""Training small networks: what predictors that are networks share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from archcast.core.heavy import torch

if TYPE_CHECKING:
    from torch import Tensor, nn


def minimise(
    network: nn.Module,
    loss: Callable[[Tensor], Tensor],
    n: int,
    generator: torch.Generator,
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float,
) -> None:
    """Train by AdamW; the learning rate rises to `learning_rate` and falls to zero in one cycle.

    Each step minimises `loss(rows)`, where `rows` are at most `batch_size` random ones of `n`.
    """
    optimizer = torch.optim.AdamW(
        network.parameters(), learning_rate, weight_decay=weight_decay, fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)
    network.train()
    for _ in range(steps):
        rows = torch.randperm(n, generator=generator)[:batch_size]
        optimizer.zero_grad()
        loss(rows).backward()
        optimizer.step()
        schedule.step()
    network.eval()
