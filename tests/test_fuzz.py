"""A part of the hostile inputs of `reproduce/fuzz.py`: those that are small and quick."""

from __future__ import annotations

from pathlib import Path

import pytest

from reproduce.fuzz import READERS, bombs, fault_of, mutants


@pytest.mark.parametrize("name", READERS)
def test_mutants_are_taken_or_refused_in_one_line(name: str, tmp_path: Path) -> None:
    faults = []
    for number, (of, data) in enumerate(mutants(12 * len(READERS), seed=3)):
        if of == name:
            above = tmp_path / str(number)
            above.mkdir()
            faults.append(fault_of(of, data, above))
    assert len(faults) == 12
    assert set(faults) == {None}


def test_bombs_are_refused(tmp_path: Path) -> None:
    for number, (name, data) in enumerate(bombs()):
        above = tmp_path / str(number)
        above.mkdir()
        assert fault_of(name, data, above) is None, (name, data[:100])
