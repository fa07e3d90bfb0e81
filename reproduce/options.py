"""The options that scripts share, and the tables that they name."""

from __future__ import annotations

import argparse
from pathlib import Path

from archcast.benchmarks.opening import open_table
from archcast.benchmarks.table import Table


def options_of_jobs(description: str, repeats: int) -> argparse.ArgumentParser:
    """How many repeats, over how many processes, and where their records are kept."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=repeats)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--results", type=Path, default=Path("results"))
    return parser


def opened(given: str) -> Table:
    """A table from its file, or from `NAME` or `NAME:DATASET`."""
    name, _, dataset = given.partition(":")
    return open_table(name, dataset or None)
