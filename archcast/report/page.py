"""One HTML file with leaderboard, searches, figures and where they come from; it loads nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from archcast.benchmarks.table import Table
from archcast.core.files import replacing
from archcast.evaluation.record import BaseRecord, Record
from archcast.report.page_figures import (
    differences_figure,
    lines_figure,
    pareto_figure,
    scatter_figure,
    surface_figure,
    wins_figure,
)
from archcast.report.search_figures import regret_figure, speed_up_figure
from archcast.report.text import LEADERBOARD, search_columns
from archcast.report.views import ceiling, comparison, regret_lines, surface, titles
from archcast.search.search_job import SearchRecord
from archcast.studies.costs import pareto
from archcast.studies.leaderboard import Row, by_setting, leaderboard, setting_of
from archcast.studies.speed_up import AXES, agreement, clock, search_rows

SCATTERS = 20
SCATTER_POINTS = 1_000

_HIGHER_FIRST = {"tau", "rho", "top rho", "p@10"}
_VALUES: dict[str, Callable[[Row], Any]] = {
    "predictor": lambda row: row["predictor"],
    "family": lambda row: row["family"],
    "train": lambda row: row["train_size"],
    "epochs": lambda row: row["epochs"],
    "tau": lambda row: row["kendall_tau"],
    "95 % of tau": lambda row: row["kendall_tau_low"],
    "rho": lambda row: row["spearman"],
    "top rho": lambda row: row["top_decile_spearman"],
    "p@10": lambda row: row["precision_at_10"],
    "regret": lambda row: row["regret_at_10"],
    "init": lambda row: row["init_seconds"],
    "query": lambda row: row["query_seconds"],
    "failed": lambda row: row["failed"],
}


def write_page(
    records: Sequence[Record],
    table: Table,
    path: Path,
    command: str,
    searches: Sequence[SearchRecord] = (),
    target: float | None = None,
) -> None:
    """Write the page of records of one table.

    Args:
        records: those of the leaderboard, `comparable`; none if there are searches.
        table: the table that all are of.
        path: the file.
        command: what made it, as typed.
        searches: those to show, `comparable_searches`.
        target: the regret that these are to reach; the `default_target` without.

    Raises:
        InputError: the file can't be written.
    """
    text = page(records, table, command, searches, target)
    with replacing(path) as aside:
        aside.write_text(text, encoding="utf-8")


def page(
    records: Sequence[Record],
    table: Table,
    command: str,
    searches: Sequence[SearchRecord] = (),
    target: float | None = None,
) -> str:
    """The page as text; see `write_page`."""
    environment = Environment(
        loader=PackageLoader("archcast", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    rows = leaderboard(records)
    compared = comparison(records, rows)
    found = surface(rows)
    limit = ceiling(records, table)
    best = pareto(rows)
    scatters = _scatters(records, rows)
    searched = search_rows(searches, target)
    agreed = agreement(searched, rows)
    facts = _facts(records, searches, table, command)
    figures = {
        "surface": found and surface_figure(found, rows),
        "pareto": found and pareto_figure(rows, best),
        "train-size": lines_figure(rows, "train_size", limit),
        "epochs": lines_figure(rows, "epochs", limit),
        "differences": compared and differences_figure(compared),
        "wins": compared and wins_figure(compared),
        "scatter": scatter_figure(scatters[0]) if scatters else None,
        **{
            f"regret-{axis}": regret_figure(regret_lines(searches, searched, axis), axis)
            for axis in AXES
        },
        "speed-up": agreed and speed_up_figure(searched, rows),
    }
    return environment.get_template("page.html.jinja").render(
        title=f"{table.dataset} ({facts['benchmark']})",
        plotly=get_plotlyjs(),
        figures={name: figure.to_plotly_json() for name, figure in figures.items() if figure},
        scatters=scatters,
        headers=_headers(),
        rows=[_cells(rank, row) for rank, row in enumerate(rows, start=1)],
        families=sorted({row["family"] for row in rows}),
        tied=any(row["tied_with_best"] for row in rows[1:]),
        pareto=[
            f"{rank} {title}"
            for rank, (title, chosen) in enumerate(zip(titles(rows), best, strict=True), start=1)
            if chosen
        ],
        ceiling=limit,
        comparison=compared,
        searches=searched,
        search_columns={**search_columns(clock(searched)), "failed": _failed},
        clock=clock(searched),
        agreement=agreed,
        facts=facts,
        failures=_failures(records, searches),
    )


def _headers() -> list[tuple[str, str]]:
    names = ["#", *LEADERBOARD, "failed"]
    return [(name, "descending" if name in _HIGHER_FIRST else "ascending") for name in names]


def _cells(rank: int, row: Row) -> dict[str, Any]:
    texts = {name: cell(row) for name, cell in LEADERBOARD.items()}
    texts["failed"] = _failed(row)
    cells = [
        {"text": text, "value": _VALUES[name](row), "number": name not in ("predictor", "family")}
        for name, text in texts.items()
    ]
    tied = rank > 1 and bool(row["tied_with_best"])
    return {"rank": rank, "tied": tied, "cells": cells, "failed": bool(row["failed"])}


def _failed(row: Row) -> str:
    return f"{row['failed']} of {row['repeats']}" if row["failed"] else "-"


def _scatters(records: Sequence[Record], rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The first repeat of each of the best rows."""
    groups = by_setting(records)
    found = []
    for title, row in list(zip(titles(rows), rows, strict=True))[:SCATTERS]:
        good = [record for record in groups[setting_of(row)] if not record.failed]
        if good:
            first = min(good, key=lambda record: record.job.repeat)
            predicted = [float(f"{score:.5g}") for score in first.predictions]
            truth = [round(value, 3) for value in first.truth]
            found.append(
                {
                    "title": f"{title} (tau {row['kendall_tau']:.3f})",
                    "predicted": predicted[:SCATTER_POINTS],
                    "truth": truth[:SCATTER_POINTS],
                }
            )
    return found


def _facts(
    records: Sequence[Record], searches: Sequence[SearchRecord], table: Table, command: str
) -> dict[str, str]:
    """Where the numbers come from."""
    both: list[Record | SearchRecord] = [*records, *searches]
    versions = {f"{name} {text}" for record in both for name, text in record.versions.items()}
    sizes = {f"{record.job.test_size:,}" for record in records}
    ranked = f", of which {' or '.join(sorted(sizes))} are ranked" if records else ""
    truths = {record.job.truth for record in records} | {"test" for _ in searches}
    kinds: dict[str, Sequence[BaseRecord]] = {"records": records, "searches": searches}
    counts = {
        kind: f"{len(found):,}, of which {sum(record.failed for record in found):,} failed"
        for kind, found in kinds.items()
        if found
    }
    return {
        "command": command,
        "benchmark": ", ".join(sorted({record.job.benchmark for record in both})),
        "data set": table.dataset,
        "search space": table.space.name,
        "architectures": f"{len(table):,}{ranked}",
        "label": ", ".join(sorted({record.job.label for record in both})) + " accuracy",
        "truth": ", ".join(sorted(truths)) + " accuracy",
        "table hash": table.hash,
        **counts,
        "versions": ", ".join(sorted(versions)),
        "machine": ", ".join(sorted({record.machine for record in both})),
    }


def _failures(
    records: Sequence[Record], searches: Sequence[SearchRecord]
) -> list[tuple[str, int, int, int, str]]:
    """Predictor or search, train size, epochs, how many jobs, and the reason."""
    counts = Counter(
        [(each.job.spec, each.job.train_size, each.job.epochs, each.error) for each in records]
        + [(each.job.title, 0, each.job.epochs, each.error) for each in searches]
    )
    return [
        (what, size, epochs, count, reason)
        for (what, size, epochs, reason), count in counts.items()
        if reason is not None
    ]
