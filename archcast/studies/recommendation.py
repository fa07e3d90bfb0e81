"""Which predictor to use, given what may be spent before the first query and on each query."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path

from archcast.benchmarks.table import Table
from archcast.evaluation.record import Record, stored_records
from archcast.studies.costs import affordable
from archcast.studies.leaderboard import Row, by_setting, comparable, leaderboard, setting_of

SWEEP = "nasbench201-mini-sweep.jsonl.gz"  # what `archcast costs` found on the embedded benchmark


def recommend(records: Iterable[Record], init: float, query: float) -> list[Row]:
    """Leaderboard rows that budgets in seconds can pay, the best Kendall tau first.

    `tied_with_best` then says which may be the best of these, and intervals hold in all of these.
    """
    kept = list(records)
    groups = by_setting(kept)
    payable = map(setting_of, affordable(leaderboard(kept), init, query))
    return leaderboard(record for setting in payable for record in groups[setting])


def cheapest(records: Iterable[Record]) -> tuple[Row, Row] | None:
    """The rows that take least to initialise, and least to query; None where costs are unknown."""
    rows = affordable(leaderboard(records), float("inf"), float("inf"))
    if not rows:
        return None
    return min(rows, key=lambda row: row["init_seconds"]), min(
        rows, key=lambda row: row["query_seconds"]
    )


def known_records(table: Table, results: Path) -> tuple[list[Record], bool]:
    """Comparable records of a table, and whether they are the shipped ones.

    They are those in the results folder; without any, those that come with archcast, if it has any
    of the table.
    """
    kept = comparable(stored_records(results, Record, table.hash))
    if kept:
        return kept, False
    return [record for record in shipped_sweep() if record.table == table.hash], True


def shipped_sweep() -> Sequence[Record]:
    """Records of all predictors on nasbench201-mini, over train sizes and epochs."""
    packed = files("archcast.studies").joinpath("shipped", SWEEP).read_bytes()
    return [Record.model_validate_json(line) for line in gzip.decompress(packed).splitlines()]


def pack(records: Iterable[Record]) -> bytes:
    """Records as `shipped_sweep` reads them."""
    lines = sorted(record.model_dump_json() for record in records)
    return gzip.compress("\n".join(lines).encode(), mtime=0)
