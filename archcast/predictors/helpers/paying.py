"""What several fits and queries have in common is paid for once."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_PAID: ContextVar[set[Hashable] | None] = ContextVar("paid", default=None)


@contextmanager
def paying_once(paid: set[Hashable]) -> Iterator[None]:
    """Whoever asks `price` meanwhile pays for no work in `paid`; what is done joins it."""
    token = _PAID.set(paid)
    try:
        yield
    finally:
        _PAID.reset(token)


def price(work: Hashable, seconds: float) -> float:
    """What work costs that takes so many seconds, and is kept by whoever does it: 0 if paid."""
    if (paid := _PAID.get()) is None:
        return seconds
    if work in paid:
        return 0.0
    paid.add(work)
    return seconds
