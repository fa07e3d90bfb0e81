"""Tables and numbers as the pages have them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def number(value: float, digits: int = 3) -> str:
    """A correlation: without the zero before the point; a dash where there is none.

    >>> number(-0.4567), number(1.0, 2), number(0.0, 2)
    ('-.457', '1.00', '.00')
    """
    if math.isnan(value):
        return "-"
    shown = f"{value:.{digits}f}".replace("-0.", "-.")
    shown = shown.removeprefix("0")
    return shown.removeprefix("-") if not shown.strip("-.0") and "1" not in shown else shown
