"""Which predictor to use, given what may be spent before the first query and on each query."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path

import pandas as pd

from archcast.benchmarks.table import Table
from archcast.evaluation.kept_measures import measured_of
from archcast.evaluation.measure import measure
from archcast.evaluation.record import Record
from archcast.studies import leaderboard
from archcast.studies.costs import affordable, priced
from archcast.studies.leaderboard import SETTING, comparable

EMBEDDED = ("nasbench201-mini", "fashion-mnist-14")


def summarise(measured: pd.DataFrame, init: float, query: float) -> pd.DataFrame:
    """Leaderboard rows that budgets in seconds can pay, the best Kendall tau first.

    `tied_with_best` then says which may be the best of these, and intervals hold in all of these.
    """
    payable = affordable(leaderboard.means(measured), init, query)
    settings = pd.MultiIndex.from_frame(payable[SETTING])
    return leaderboard.summarise(measured[measured.set_index(SETTING).index.isin(settings)])


def cheapest(measured: pd.DataFrame) -> pd.DataFrame:
    """The row of `means` that takes least to initialise, and that which takes least to query.

    There is none where costs are unknown.
    """
    known = priced(leaderboard.means(measured))
    least = [known[f"{cost}_seconds"].idxmin() for cost in ("init", "query") if len(known)]
    return known.loc[least]


def known_measures(table: Table, results: Path, objective: str) -> tuple[pd.DataFrame, bool]:
    """Comparable measures of an objective of a table, and whether they are the shipped ones.

    They are those in the results folder; without any, those that come with archcast, if it has any
    of the table.
    """
    kept = measured_of(results, table.hash)
    kept = comparable(kept[kept["objective"] == objective])
    if len(kept):
        return kept, False
    shipped = [
        each for each in shipped_sweep(table.name, table.dataset) if each.table == table.hash
    ]
    return measure(each for each in shipped if each.job.objective.name == objective), True


def shipped_sweep(benchmark: str = EMBEDDED[0], dataset: str = EMBEDDED[1]) -> Sequence[Record]:
    """Records of all predictors on a table, over train sizes and epochs; none where none ship."""
    file = files("archcast.studies").joinpath("shipped", f"{benchmark}-{dataset}.jsonl.gz")
    if not file.is_file():
        return []
    lines = gzip.decompress(file.read_bytes()).splitlines()
    return [Record.model_validate_json(line) for line in lines]


def pack(records: Iterable[Record]) -> bytes:
    """Records as `shipped_sweep` reads them."""
    lines = sorted(record.model_dump_json() for record in records)
    return gzip.compress("\n".join(lines).encode(), mtime=0)
