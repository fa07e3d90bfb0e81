"""A terminal on which brackets and escapes in names are text."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from archcast.core.errors import printable


class PlainConsole(Console):
    """Without markup and emoji; what would steer the terminal is written out."""

    def __init__(self, **how: Any) -> None:
        super().__init__(markup=False, emoji=False, **how)

    def render_str(self, text: str, **how: Any) -> Text:
        return super().render_str(printable(text), **how)
