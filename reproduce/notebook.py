"""Execute a notebook and leave it, with what it shows, in a folder.

python -m reproduce.notebook notebooks/01_leaderboard.ipynb out
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def main(source: Path, folder: Path) -> None:
    notebook = nbformat.read(source, as_version=4)  # type: ignore[no-untyped-call]
    metadata = dict(notebook.metadata)
    where = {"metadata": {"path": source.parent}}
    NotebookClient(notebook, timeout=None, resources=where).execute()
    notebook.metadata = metadata  # without the version of this Python
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when it was run
        if cell.cell_type == "code":
            cell.outputs = [each for each in cell.outputs if each.get("name") != "stderr"]
    nbformat.write(notebook, folder / source.name)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
