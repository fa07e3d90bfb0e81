"""Spaces, tables, objectives and columns that are data, with odd input; see `tests/doors.py`."""

from __future__ import annotations

import pytest

from archcast.core.errors import LONGEST, InputError
from tests.doors import DOORS, trials


def test_odd_input_ends_well_or_in_one_line() -> None:
    assert not [*trials(0, 25 * len(DOORS))]


def test_messages_are_cut_in_their_middle() -> None:
    with pytest.raises(InputError) as caught:
        raise InputError("begin " + "x" * 1_000_000 + " mend")
    message = str(caught.value)
    assert message.startswith("begin x")
    assert message.endswith("x mend")
    assert len(message) < LONGEST + 10
