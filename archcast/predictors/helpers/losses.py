"""What networks minimise when they learn labels, or only the order of these."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from archcast.core.heavy import torch
from archcast.predictors.predictor import Vector

if TYPE_CHECKING:
    from torch import Tensor

ERROR = "error"  # of labels themselves, each predictor's own
MARGIN = 0.1


def pairwise(scores: Tensor, labels: Tensor) -> Tensor:
    """Hinge loss over all pairs, as GATES has it (Ning et al., 2020).

    Of scores (..., n) and labels (n,), one loss (...,). A pair is wrong by how far the score of the
    better one does not exceed the other's by `MARGIN`.
    """
    better = (labels[:, None] > labels).to(scores)
    lead = scores[..., :, None] - scores[..., None, :]
    loss: Tensor = ((MARGIN - lead).clamp(min=0) * better).sum((-2, -1))
    return loss / better.sum().clamp(min=1)


def listwise(scores: Tensor, labels: Tensor) -> Tensor:
    """Minus the log-likelihood of the order under the Plackett-Luce model: ListMLE (Xia, 2008).

    Of scores (..., n) and labels (n,), one loss (...,): the mean over the places of the list.
    """
    return _surprise(scores, labels).mean(-1)


def top(scores: Tensor, labels: Tensor) -> Tensor:
    """As `listwise`; a place counts as in discounted cumulative gain, the first ones the most."""
    surprise = _surprise(scores, labels)
    weights = 1 / torch.log2(torch.arange(len(labels)).to(scores) + 2)
    return (surprise * weights).sum(-1) / weights.sum()


def _surprise(scores: Tensor, labels: Tensor) -> Tensor:
    """At each place, that the best of those that are left comes next: (..., n)."""
    ordered = scores[..., labels.argsort(descending=True, stable=True)]
    left: Tensor = ordered.flip(-1).logcumsumexp(-1).flip(-1)
    return left - ordered


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "pairwise": pairwise,
    "listwise": listwise,
    "top": top,
}


def check_loss(name: str, *others: str) -> None:
    """Refuse what is none of `others` and no error.

    Raises:
        ValueError: it names them.
    """
    if name not in (ERROR, *others):
        raise ValueError(f"loss={name!r} is none of {', '.join((ERROR, *others))}")


def alignment(scores: Vector, labels: Vector) -> tuple[float, float]:
    """Offset and slope that bring scores, (n,) both, to the labels' mean and deviation.

    What learns an order has scores on an axis of its own.
    """
    spread = float(scores.std())
    slope = float(labels.std()) / spread if spread else 1.0
    return float(labels.mean()) - slope * float(scores.mean()), slope
