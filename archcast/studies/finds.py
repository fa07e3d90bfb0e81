"""What searches found: the architectures that they return at their end."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from archcast.benchmarks.table import Table
from archcast.core.files import replacing
from archcast.search.goal import matrix
from archcast.search.search_job import SearchRecord
from archcast.search.simulation import returned_after

SEEN = "_seen"  # ends the name of a column of what a search was told


def finds(records: Iterable[SearchRecord], table: Table) -> pd.DataFrame:
    """A row an architecture that a search returns: its best, or all of its front.

    `strategy`, `predictor`, `epochs`, `stop` and `repeat` name the search. Of each objective, and
    of what is limited, there is a column by its name, what is true, and one with `_seen` behind,
    what the search was told. Failed searches have none.

    Args:
        records: of searches on one table, after the same.
        table: that they searched.
    """
    texts = [str(each) for each in table.architectures]
    rows: list[dict[str, Any]] = []
    for record in records:
        job, names = record.job, [each.name for each in record.job.goal.quantities]
        search = {
            "strategy": job.strategy,
            "predictor": job.predictor,
            "epochs": job.epochs,
            "stop": job.stops,
            "repeat": job.repeat,
        }
        if not record.values:
            continue
        seen = matrix(record.values, record.others)
        truth = matrix(record.truth, record.other_truth)
        of_search = [*texts, *record.beyond]
        for at in returned_after(job.goal, record.epochs, record.values, record.others)[-1]:
            found = {"architecture": of_search[record.architectures[at]]}
            true = dict(zip(names, truth[at].tolist(), strict=True))
            told = {f"{n}{SEEN}": value for n, value in zip(names, seen[at].tolist(), strict=True)}
            rows.append(search | found | true | told)
    return pd.DataFrame(rows)


def write_finds(found: pd.DataFrame, path: Path) -> None:
    """As CSV.

    Raises:
        InputError: it can't be written.
    """
    with replacing(path) as aside:
        found.to_csv(aside, index=False)
