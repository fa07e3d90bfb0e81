"""The options that scripts of many jobs share."""

from __future__ import annotations

import argparse
from pathlib import Path


def options_of_jobs(description: str, repeats: int) -> argparse.ArgumentParser:
    """How many repeats, over how many processes, and where their records are kept."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=repeats)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--results", type=Path, default=Path("results"))
    return parser
