"""How large a model so many labels are worth."""

from __future__ import annotations

SINCE = 200  # labels, up to which models stay as they were chosen for a hundred


def sized(chosen: int | None, few: int, power: float, labels: int, since: int = SINCE) -> int:
    """What was chosen; or else `few`, times (labels / `since`) to the `power` where there are more.

    Fractions are left out.
    """
    return int(few * max(1.0, labels / since) ** power) if chosen is None else chosen
