"""Progress on standard error, be it a terminal or none."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest
from rich.console import Console

from archcast.core import progress
from archcast.core.plain_console import PlainConsole

SHOW, HIDE = "\x1b[?25h", "\x1b[?25l"  # the cursor


def test_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = iter(range(0, 100_000, 25))  # each of ten takes 25 s, and a line comes after 60
    monkeypatch.setattr(progress, "monotonic", lambda: next(clock))
    assert list(progress.track(iter("abcdefghij"), 10, "jobs")) == [*"abcdefghij"]
    assert caplog.messages == [
        "jobs: 3 of 10, some 3 min left",
        "jobs: 6 of 10, some 2 min left",
        "jobs: 9 of 10, some 0 min left",
    ]


def test_quick_work_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    assert list(progress.track(range(1_000), 1_000, "jobs")) == [*range(1_000)]
    assert not list(progress.track((), 0, "jobs"))
    assert not caplog.messages


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a terminal is sent; it shows each change at once."""
    sent = io.StringIO()

    def console(**_: Any) -> Console:
        return PlainConsole(
            file=sent, force_terminal=True, width=80, height=20, legacy_windows=False
        )

    monkeypatch.setattr(progress, "PlainConsole", console)
    monkeypatch.setattr(progress, "WAIT", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    return sent


def test_what_stands_above_the_bar(terminal: io.StringIO) -> None:
    def above(done: Sequence[str], console: Console) -> str:
        assert console.width == 80
        return f"[so] far {'+'.join(done)}."

    assert list(progress.track("abc", 3, "jobs", above)) == [*"abc"]
    text = re.sub(r"\x1b\[[\d;]*m", "", terminal.getvalue())  # without colours
    assert "[so] far ." in text, "before the first, and brackets are no markup"
    assert "[so] far a+b+c." in text
    assert "3/3" in text
    assert text.rindex(SHOW) > text.rindex(HIDE)


def test_an_end_before_the_end_leaves_a_clean_terminal(terminal: io.StringIO) -> None:
    with closing(progress.track("abc", 3, "jobs", lambda done, _: "a table")) as items:
        next(items)
        with pytest.raises(KeyboardInterrupt):
            items.throw(KeyboardInterrupt)
    text = terminal.getvalue()
    assert "a table" in text
    end = text[text.rindex("a table") :]
    assert end.rindex(SHOW) > text.rindex(HIDE) - text.rindex("a table")
    assert end.count("\x1b[2K") >= 2, "the table's line and the bar's are erased"


def test_the_time_left_grows_while_nothing_ends() -> None:
    assert progress._left(10.0, 5, 20) == 30.0
    assert progress._left(60.0, 5, 20) == 180.0
