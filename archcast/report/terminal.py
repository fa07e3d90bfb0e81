"""Leaderboard rows in a terminal, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from archcast.benchmarks.objective import Part
from archcast.benchmarks.table import Table as ResultTable
from archcast.report.text import (
    LEADERBOARD,
    bounds,
    counted,
    init_text,
    number,
    search_columns,
    seconds_text,
)
from archcast.studies.costs import STEPS_A_DECADE, budgets, winners
from archcast.studies.leaderboard import Row
from archcast.studies.speed_up import clock

# Columns of a leaderboard that a narrow terminal lacks, the first first.
GIVEN_UP = ("family", "top rho", "p@10", "regret", "rho", "95 % of tau")
WIDE = 100  # columns of a terminal from which all of a search is shown
NARROW = 80  # columns below which only the main ones are
STOP_WIDTH = 68  # columns that a table of early stopping takes with its intervals
# What the marks of a leaderboard mean, below it.
TIED = "= may be the best too: with 95 % confidence, none that is the best lacks it"
INTERVALS = "95 % of tau: of its mean over all random splits of this table, all rows at once"
COLUMNS = "95 %: with that confidence, all intervals of a column hold at once"


def leaderboard_table(rows: Sequence[Row], width: int) -> Table:
    """The leaderboard as a rich table, with as many columns as the terminal has room for.

    `=` follows the rank of a row that is tied with the best.
    """
    hidden = set() if any(row["epochs"] for row in rows) else {"epochs"}
    table = _ranking(rows, hidden)
    for name in GIVEN_UP:
        if Console(width=1_000).measure(table).maximum <= width:
            break
        hidden.add(name)
        table = _ranking(rows, hidden)
    return table


def _ranking(rows: Sequence[Row], hidden: set[str]) -> Table:
    """The leaderboard without some of its columns."""
    table = Table(box=SIMPLE_HEAD, collapse_padding=True, show_edge=False, pad_edge=False)
    digits = len(str(len(rows)))
    table.add_column(f"{'#':>{digits}}", no_wrap=True)
    shown = {name: cell for name, cell in LEADERBOARD.items() if name not in hidden}
    for name in shown:
        if name == "predictor":
            table.add_column(name, overflow="fold", min_width=9)
        else:
            table.add_column(name, justify="left" if name == "family" else "right", no_wrap=True)
    for rank, row in enumerate(rows, start=1):
        cells = [cell(row) for cell in shown.values()]
        place = f"{rank:>{digits}}{'=' if rank > 1 and row['tied_with_best'] else ''}"
        table.add_row(place, *cells, style="yellow" if row["failed"] else "")
    return table


def surface_table(rows: Sequence[Row], width: int) -> Table:
    """Who wins at which budgets: initialisation across, query down, a decade a step."""
    init, query = budgets(rows)
    init, query = (seconds[::-STEPS_A_DECADE][::-1] for seconds in (init, query))
    init = init[-max(2, (width - 10) // 13) :]
    table = Table(box=SIMPLE_HEAD, collapse_padding=True, show_edge=False, pad_edge=False)
    table.add_column("query", justify="right", no_wrap=True)
    for seconds in init:
        table.add_column(seconds_text(seconds), overflow="fold")
    for seconds, line in zip(query, winners(rows, init, query), strict=True):
        cells = (
            "-" if won is None else f"{won['predictor']} {number(won['kendall_tau'], 2)}"
            for won in line
        )
        table.add_row(seconds_text(seconds), *cells)
    return table


def sizes_table(rows: Sequence[Row], column: Literal["train_size", "epochs"]) -> Table:
    """Tau with its interval by train size or epochs, for predictors that have several."""
    sizes = sorted({row[column] for row in rows if row[column]})
    settings: dict[tuple[str, int], dict[int, Row]] = {}
    other = "epochs" if column == "train_size" else "train_size"
    for row in rows:
        settings.setdefault((row["predictor"], row[other]), {})[row[column]] = row
    table = Table(box=SIMPLE_HEAD, collapse_padding=True, show_edge=False, pad_edge=False)
    table.add_column("predictor", overflow="fold")
    for size in sizes:
        table.add_column(str(size), justify="right", no_wrap=True)
    for (predictor, fixed), found in settings.items():
        if len(found) < 2:
            continue
        unit: Literal["label", "epoch"] = "epoch" if other == "epochs" else "label"
        table.add_row(
            f"{predictor}, {counted(fixed, unit)}" if fixed else predictor,
            *(_short_interval(found[size]) if size in found else "" for size in sizes),
        )
    return table


def _short_interval(row: Row) -> str:
    tau, low, high = (row[f"kendall_tau{bound}"] for bound in ("", "_low", "_high"))
    if None in (tau, low, high):
        return number(tau, 2)
    return f"{tau:.2f} ({low:.2f}-{high:.2f})".replace("0.", ".")


def recommendation(
    rows: Sequence[Row], cheapest: tuple[Row, Row] | None, init: float, query: float
) -> str:
    """What to use within budgets in seconds, in a sentence or two."""
    budget = f"{seconds_text(init)} to initialise and {seconds_text(query)} a query"
    if rows:
        best = rows[0]
        interval = bounds(best, "kendall_tau")
        return (
            f"With {budget}: {_setting(best)}\n"
            f"expected tau {number(best['kendall_tau'], 3)} (95 % {interval}),"
            f" {init_text(best)} to initialise, {seconds_text(best['query_seconds'])} a query"
        )
    if cheapest is None:
        return "Nothing can be said: the benchmark does not tell what training takes."
    to_start, to_query = cheapest
    return (
        f"Nothing fits {budget}. Cheapest to initialise: {_setting(to_start)},"
        f" {init_text(to_start)}; cheapest to query: {_setting(to_query)},"
        f" {seconds_text(to_query['query_seconds'])}."
    )


def _setting(row: Row) -> str:
    parts = [
        f"{row['train_size']} labelled architectures" if row["train_size"] else "",
        f"{row['epochs']} epochs of each curve" if row["epochs"] else "",
    ]
    shown = ", ".join(part for part in parts if part)
    return f"{row['predictor']} ({shown})" if shown else str(row["predictor"])


def ablation_table(rows: Sequence[Row]) -> Table:
    """What each part of a combination adds, as a rich table."""
    table = Table(box=SIMPLE_HEAD, collapse_padding=True, show_edge=False, pad_edge=False)
    table.add_column("variant", overflow="fold")
    for name in ("tau", "95 % of tau", "lead over the best alone", "init", "query"):
        table.add_column(name, justify="right", no_wrap=name != "lead over the best alone")
    for row in rows:
        lead = "-"
        if row["lead"] is not None:
            lead = f"{row['lead']:+.3f} {bounds(row, 'lead')}"
        table.add_row(
            row["variant"],
            number(row["kendall_tau"], 3),
            bounds(row, "kendall_tau"),
            lead,
            init_text(row),
            seconds_text(row["query_seconds"]),
            style="yellow" if row["failed"] else "",
        )
    return table


def stop_table(rows: Sequence[Row], width: int) -> Table:
    """Searches with early stopping as a rich table, with intervals where there is room."""
    table = Table(box=SIMPLE_HEAD, collapse_padding=True, show_edge=False, pad_edge=False)
    table.add_column("method", overflow="fold")
    intervals = width >= STOP_WIDTH
    for name in ("speed-up", "best kept"):
        table.add_column(f"{name} (95 %)" if intervals else name, justify="right", no_wrap=True)
    table.add_column("regret", justify="right", no_wrap=True)
    for row in rows:
        stopped = row["method"] == "early stopping"
        cells = [
            number(row[name], 2) + (f" {bounds(row, name):>12}" if intervals else "")
            for name in ("speed_up", "best_kept")
        ]
        table.add_row(
            f"{row['predictor']}, p < {row['threshold']:g}" if stopped else f"  {row['method']}",
            *cells,
            number(row["regret"], 2),
            style="yellow" if row["failed"] else "",
        )
    return table


def search_table(rows: Sequence[Row], width: int) -> Table:
    """Searches as a rich table, with as many columns as the terminal has room for."""
    hidden = set() if width >= WIDE else {"value", "95 %", "reached"}
    if width < NARROW:
        hidden |= {"to target", "x unguided"}
    table = Table(box=SIMPLE_HEAD, collapse_padding=True, show_edge=False, pad_edge=False)
    columns = search_columns(clock(rows))
    shown = {name: cell for name, cell in columns.items() if name not in hidden}
    for name in shown:
        if name == "search":
            table.add_column(name, overflow="fold")
        else:
            table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        cells = [cell(row) for cell in shown.values()]
        table.add_row(*cells, style="yellow" if row["failed"] else "")
    return table


def agreement_text(found: Row | None) -> str:
    """How well the leaderboard foretells speed-ups of searches, in a line."""
    if found is None:
        return (
            "speed-up and leaderboard tau: fewer than three predictors have both; run `archcast"
            " leaderboard` with these first"
        )
    return (
        f"speed-up and leaderboard tau: rank correlation {found['kendall_tau']:.2f} (Kendall),"
        f" {found['spearman']:.2f} (Spearman) over {found['predictors']} predictors"
    )


def supernet_table(rows: Sequence[Row], width: int) -> Table:
    """How supernets rank, as a rich table with as many columns as the terminal has room for."""
    columns: dict[str, Callable[[Row], str]] = {
        "strategy": lambda row: row["strategy"],
        "epochs": lambda row: str(row["epochs"]),
        "images": lambda row: str(row["valid_images"]),
        "tau": lambda row: number(row["kendall_tau"], 3),
        "sd": lambda row: number(row["kendall_tau_sd"], 3),
        "sparse": lambda row: number(row["sparse_kendall_tau"], 3),
        "top rho": lambda row: number(row["top_decile_spearman"], 2),
        "seeds": lambda row: number(row["seed_agreement"], 2),
        "init": lambda row: seconds_text(row["init_seconds"]),
        "query": lambda row: seconds_text(row["query_seconds"]),
    }
    table = Table(box=SIMPLE_HEAD, collapse_padding=True, show_edge=False, pad_edge=False)
    hidden = {"images", "sd", "sparse", "top rho"} if width < NARROW else set()
    shown = {name: cell for name, cell in columns.items() if name not in hidden}
    for name in shown:
        table.add_column(name, justify="left" if name == "strategy" else "right", no_wrap=True)
    for row in rows:
        cells = [cell(row) for cell in shown.values()]
        table.add_row(*cells, style="yellow" if row["failed"] else "")
    return table


def table_info(table: ResultTable) -> str:
    """What a table of results holds, a line each."""
    runs = np.diff(table.starts)
    objective = table.objective()
    part: Part = "test" if objective.test else "valid"
    values, unit = table.values(objective, part), objective.unit
    low, middle, high = (f"{each:.2f}" for each in np.percentile(values, [0, 50, 100]))
    lines = {
        "space": table.space.name,
        "data set": table.dataset,
        **{key: text for key, text in table.metadata.items() if text},
        "architectures": f"{len(table):,}",
        "runs": f"{len(values):,} ({runs.min()} to {runs.max()} an architecture)",
        "epochs": f"{table.epochs.max()}" if table.epochs.any() else "no curves",
        "columns": ", ".join(table.columns),
        f"{part} {objective.name}": f"{low} to {high} {unit}, median {middle} {unit}",
        "hash": table.hash,
    }
    width = max(map(len, lines))
    return "\n".join(f"{key:{width}}  {text}" for key, text in lines.items())


def to_json(rows: Sequence[Row]) -> str:
    """A JSON array of the rows; what is unknown is null."""
    return json.dumps(list(rows), indent=2, allow_nan=False)


def to_csv(rows: Sequence[Row]) -> str:
    """The rows with a header; what is unknown is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().rstrip("\n")
