"""The notebooks run from top to bottom, with fewer splits and quicker predictors."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
QUICKER = {
    "repeats=4": "repeats=2",
    "repeats=8": "repeats=2",
    "repeats=20": "repeats=2",
    "sizes = (10, 30, 100)": "sizes = (10, 30)",
    "test_size=100": "test_size=30",
    "(300, 0.1), (0.1, 1), (300, 1)]": "(300, 1)]",
    "86_400 * 2": "40_000",
    "    objectives=": "    budget=20,\n    objectives=",
    "xgb,gp,rf,mlp": "xgb,rf",
    "xgb": "bayes-lin-reg",
    "lcsvr": "tse-e",
}


def test_notebooks(subtests: pytest.Subtests) -> None:
    """One after the other in one kernel, which forgets what an earlier one defined."""
    where = {"metadata": {"path": str(NOTEBOOKS)}}
    client = NotebookClient(new_notebook(), timeout=None, resources=where)
    with client.setup_kernel():
        for path in sorted(NOTEBOOKS.glob("*.ipynb")):
            cells = nbformat.read(path, as_version=4).cells
            client.nb.cells = [new_code_cell("%reset -f"), *cells]
            with subtests.test(path.stem):
                for number, cell in enumerate(client.nb.cells):
                    for slow, quick in QUICKER.items():
                        cell.source = cell.source.replace(slow, quick)
                    client.execute_cell(cell, number)
