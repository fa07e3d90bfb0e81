"""Benchmarks: named sources of tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from archcast.benchmarks.table import Table


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Tables of one space on several data sets; the first is the default."""

    datasets: tuple[str, ...]
    load: Callable[[str], Table]
