"""Progress where standard error is no terminal."""

from __future__ import annotations

import pytest

from archcast.core import progress


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
