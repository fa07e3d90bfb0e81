"""Leaderboard rows in a terminal, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from archcast.benchmarks.objective import Objective
from archcast.benchmarks.table import Table as ResultTable
from archcast.evaluation import registry as metrics
from archcast.evaluation.metrics import KENDALL_TAU, SPEARMAN
from archcast.report.text import (
    INTERVAL,
    Column,
    Row,
    bounds,
    counted,
    have_source,
    heading,
    init_text,
    leaderboard_columns,
    number,
    rows_of,
    search_columns,
    search_title,
    seconds_text,
    shown_metrics,
    source_text,
)
from archcast.studies.costs import STEPS_A_DECADE, budgets, winners
from archcast.studies.finds import SEEN

WIDE = 100  # columns of a terminal from which all of a search is shown
WIDEST = 145  # from which all of supernets are
NARROW = 80  # columns below which only the main ones are
NORMS = {"0": "running", "batch": "batch"}  # what batch norm's statistics are of
NARROWEST = 60  # columns of a terminal from which a table is shown as it fills
BESIDE = 6  # lines that it leaves: heading, caption and bar
STOP_WIDTH = 68  # columns that a table of early stopping takes with its intervals
# What the marks of a leaderboard mean, below it.
TIED = "= may be the best too: with 95 % confidence, none that is the best lacks it"
INTERVALS = f"{INTERVAL}: of its mean over all random splits of this table, all rows at once"
_BETWEEN = 2  # blanks between two columns
COLUMNS = "95 %: with that confidence, all intervals of a column hold at once"


def leaderboard_table(board: pd.DataFrame, width: int, by: str = KENDALL_TAU.name) -> Table:
    """The leaderboard as a rich table, with as many columns as the terminal has room for.

    `=` follows the rank of a row that is tied with the best.
    """
    rows = rows_of(board)
    columns = leaderboard_columns(by, rows)
    hidden = set() if any(row["epochs"] for row in rows) else {"epochs"}
    table = _ranking(rows, columns, hidden)
    wide = Console(width=1_000, markup=False, emoji=False).measure(table).maximum
    cells = {str(each.header): [str(each.header), *map(str, each.cells)] for each in table.columns}
    for name in _given_up(by, rows):
        if wide <= width:
            break
        hidden.add(name)
        wide -= max(map(cell_len, cells[name])) + _BETWEEN
    return _ranking(rows, columns, hidden)


def filling_table(
    board: pd.DataFrame, width: int, height: int, by: str = KENDALL_TAU.name
) -> Table | None:
    """The first rows of a leaderboard that fills, as many as a terminal has room for above a bar.

    None where that is too small to show any.
    """
    rows = height - BESIDE
    if width < NARROWEST or rows < 1:
        return None
    table = leaderboard_table(board[:rows], width, by)
    if len(board) > rows:
        table.caption = f"the first {rows} of {len(board)} rows so far"
    return table


def _given_up(by: str, rows: Sequence[Row]) -> list[str]:
    """Columns that a narrow terminal lacks, the first first."""
    of_scores = [each for each in shown_metrics(by, rows) if not each.of_values]
    others = [each for each in of_scores if each not in (KENDALL_TAU, SPEARMAN)]
    metrics = [heading(each) for each in (*others, SPEARMAN) if each.name != by]
    return ["family", *metrics, INTERVAL, "init", "query", "train"]


def _ranking(rows: Sequence[Row], columns: Sequence[Column], hidden: set[str]) -> Table:
    """The leaderboard without some of its columns."""
    table = _new_table()
    digits = len(str(len(rows)))
    table.add_column(f"{'#':>{digits}}", no_wrap=True)
    shown = [column for column in columns if column.heading not in hidden]
    for column in shown:
        if column.heading == "predictor":
            table.add_column(column.heading, overflow="fold", min_width=9)
        else:
            justify: Literal["left", "right"] = "right" if column.number else "left"
            table.add_column(column.heading, justify=justify, no_wrap=True)
    for rank, row in enumerate(rows, start=1):
        cells = [column.cell(row) for column in shown]
        place = f"{rank:>{digits}}{'=' if rank > 1 and row['tied_with_best'] else ''}"
        table.add_row(place, *cells, style=_style(row))
    return table


def _new_table() -> Table:
    return Table(box=SIMPLE_HEAD, collapse_padding=True, show_edge=False, pad_edge=False)


def _style(row: Row) -> str:
    return "yellow" if row["failed"] else ""


def surface_table(board: pd.DataFrame, width: int) -> Table:
    """Who wins at which budgets: initialisation across, query down, a decade a step."""
    init, query = budgets(board)
    init, query = (seconds[::-STEPS_A_DECADE][::-1] for seconds in (init, query))
    init = init[-max(2, (width - 10) // 13) :]
    table = _new_table()
    table.add_column("query", justify="right", no_wrap=True)
    for seconds in init:
        table.add_column(seconds_text(seconds), overflow="fold")
    rows = rows_of(board)
    for query_seconds, line in zip(query, winners(board, init, query).to_numpy(), strict=True):
        won = (None if pd.isna(at) else rows[at] for at in line)
        cells = (
            "-" if row is None else f"{row['predictor']} {number(row['kendall_tau'], 2)}"
            for row in won
        )
        table.add_row(seconds_text(query_seconds), *cells)
    return table


def winners_table(boards: Mapping[str, pd.DataFrame], won: pd.DataFrame) -> Table:
    """Who wins on each benchmark at budgets in trainings, of `winners_over_benchmarks`."""
    table = _new_table()
    for name in ("to start with", "a query"):
        table.add_column(name, justify="right")
    for name in won.columns:
        table.add_column(name, overflow="fold")
    rows = {name: rows_of(board) for name, board in boards.items()}
    for (trainings, share), line in zip(won.index, won.to_numpy(), strict=True):
        found = (
            None if pd.isna(at) else rows[name][at]
            for name, at in zip(won.columns, line, strict=True)
        )  # fmt: skip
        cells = (
            "-" if row is None else f"{row['predictor']} {number(row['kendall_tau'], 2)}"
            for row in found
        )
        table.add_row(counted(trainings, "training"), f"{share:.0%} of one", *cells)
    return table


def unbeaten_table(taus: pd.DataFrame) -> Table:
    """The best tau of each predictor that no other beats on all counts, by benchmark."""
    table = _new_table()
    table.add_column("predictor", overflow="fold", min_width=9)
    for name in taus.columns:
        table.add_column(name, justify="right", overflow="fold")
    for predictor, line in zip(taus.index, taus.to_numpy(), strict=True):
        table.add_row(predictor, *("-" if np.isnan(tau) else number(tau, 2) for tau in line))
    return table


def sizes_table(board: pd.DataFrame, column: Literal["train_size", "epochs"]) -> Table | None:
    """Tau with its interval by train size or epochs, of predictors that have several, if any do."""
    rows = rows_of(board)
    settings: dict[tuple[str, int], dict[int, Row]] = {}
    other = "epochs" if column == "train_size" else "train_size"
    for row in rows:
        settings.setdefault((row["predictor"], row[other]), {})[row[column]] = row
    several = {setting: found for setting, found in settings.items() if len(found) > 1}
    if not several:
        return None
    sizes = sorted({size for found in several.values() for size in found})
    table = _new_table()
    table.add_column("predictor", overflow="fold")
    for size in sizes:
        table.add_column(str(size), justify="right", no_wrap=True)
    for (predictor, fixed), found in several.items():
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


def recommendation_text(
    payable: pd.DataFrame, cheapest: pd.DataFrame, init: float, query: float
) -> str:
    """What to use within budgets in seconds, in a sentence or two."""
    budget = f"{seconds_text(init)} to initialise and {seconds_text(query)} a query"
    if len(payable):
        (best,) = rows_of(payable[:1])
        interval = bounds(best, "kendall_tau")
        source = f", and {source_text(best)} for its source" if have_source([best]) else ""
        return (
            f"With {budget}: {_setting(best)}\n"
            f"expected tau {number(best['kendall_tau'], 3)} (95 % {interval}),"
            f" {init_text(best)} to initialise, {seconds_text(best['query_seconds'])} a query"
            f"{source}"
        )
    if cheapest.empty:
        return "Nothing can be said: no costs are known."
    to_start, to_query = rows_of(cheapest)
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


def ablation_table(variants: pd.DataFrame) -> Table:
    """What each part of a combination adds, as a rich table."""
    table = _new_table()
    table.add_column("variant", overflow="fold")
    for name in ("tau", INTERVAL, "lead over the best alone", "init", "query"):
        table.add_column(name, justify="right", no_wrap=name != "lead over the best alone")
    for row in rows_of(variants):
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
            style=_style(row),
        )
    return table


def stop_table(summary: pd.DataFrame, width: int) -> Table:
    """Searches with early stopping as a rich table, with intervals where there is room."""
    table = _new_table()
    table.add_column("method", overflow="fold")
    intervals = width >= STOP_WIDTH
    for name in ("speed-up", "best kept"):
        table.add_column(f"{name} (95 %)" if intervals else name, justify="right", no_wrap=True)
    table.add_column("regret", justify="right", no_wrap=True)
    for row in rows_of(summary):
        stopped = row["method"] == "early stopping"
        cells = [
            number(row[name], 2) + (f" {bounds(row, name):>12}" if intervals else "")
            for name in ("speed_up", "best_kept")
        ]
        table.add_row(
            f"{row['predictor']}, p < {row['threshold']:g}" if stopped else f"  {row['method']}",
            *cells,
            number(row["regret"], 2),
            style=_style(row),
        )
    return table


def search_table(summary: pd.DataFrame, width: int) -> Table:
    """Searches as a rich table, with as many columns as the terminal has room for."""
    hidden = set() if width >= WIDE else {"value", "95 %", "reached"}
    if width < NARROW:
        hidden |= {"to target", "x unguided"}
    if width < NARROWEST:
        hidden |= {"x random", "distance", "broken", "kept"}
    table = _new_table()
    columns = search_columns(summary)
    shown = {name: cell for name, cell in columns.items() if name not in hidden}
    for name in shown:
        if name == "search":
            table.add_column(name, overflow="fold", min_width=12)
        else:
            table.add_column(name, justify="right", no_wrap=True)
    for row in rows_of(summary):
        cells = [cell(row) for cell in shown.values()]
        table.add_row(*cells, style=_style(row))
    return table


def finds_text(found: pd.DataFrame) -> str:
    """What searches found, a line each: by the truth, with what they saw of it in brackets."""
    quantities = [name for name in map(str, found) if f"{name}{SEEN}" in found]
    lines, last = ["Found, with what the search saw of it in brackets:"], ""
    for row in rows_of(found):
        title = search_title(row["strategy"], row["predictor"] or None, row["epochs"], row["stop"])
        if title != last:
            lines.append(f"  {title}")
            last = title
        values = (f"{name} {row[name]:.5g} ({row[f'{name}{SEEN}']:.5g})" for name in quantities)
        lines.append(f"    {row['architecture']}  {', '.join(values)}")
    return "\n".join(lines)


def pareto_table(summary: pd.DataFrame, objectives: Sequence[str]) -> Table:
    """Predicted Pareto fronts as a rich table."""
    table = _new_table()
    for name in objectives:
        table.add_column(name, overflow="fold")
    rows = rows_of(summary)
    source = ["source"] if have_source(rows) else []
    for name in ("regret", "95 %", "recall", "chosen", "init", "query", *source):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            *(row[name] for name in objectives),
            number(row["hypervolume_regret"], 3),
            bounds(row, "hypervolume_regret"),
            number(row["recall"], 2),
            number(row["chosen"], 1),
            seconds_text(row["init_seconds"]),
            seconds_text(row["query_seconds"]),
            *([source_text(row)] if source else []),
            style=_style(row),
        )
    return table


def over_benchmarks_table(
    board: pd.DataFrame, benchmarks: Sequence[str], width: int, by: str
) -> Table:
    """Mean ranks over benchmarks as a rich table; a narrow terminal lacks what each one says.

    `=` follows the rank of a row that is near the best.
    """
    metric = metrics.get(by)
    wide = 44 + sum(max(len(name), 6) + _BETWEEN for name in benchmarks)
    shown = benchmarks if wide <= width else []
    table = _new_table()
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("predictor", overflow="fold")
    for name in ("train", "mean rank", "won", "first", *shown):
        table.add_column(name, justify="right", no_wrap=True)
    for place, row in enumerate(rows_of(board), start=1):
        table.add_row(
            f"{place}{'=' if place > 1 and row['near_best'] else ' '}",
            row["predictor"],
            str(row["train_size"] or "-"),
            number(row["mean_rank"], 1),
            number(100 * row["won"], 0) + " %",
            str(row["first"]),
            *(format(row[name], metric.format) for name in shown),
        )
    return table


def agreement_text(found: Row | None) -> str:
    """How well the leaderboard foretells speed-ups of searches, in a line."""
    if found is None:
        return (
            "speed-up and leaderboard tau: fewer than three predictors that differ have both; run"
            " `archcast leaderboard` with these first"
        )
    return (
        f"speed-up and leaderboard tau: rank correlation {found['kendall_tau']:.2f} (Kendall),"
        f" {found['spearman']:.2f} (Spearman) over {found['predictors']} predictors"
    )


def supernet_table(summary: pd.DataFrame, width: int) -> Table:
    """How supernets rank, as a rich table with as many columns as the terminal has room for."""
    columns: dict[str, Callable[[Row], str]] = {
        "strategy": lambda row: row["strategy"],
        "epochs": lambda row: str(row["epochs"]),
        **_OF_SUPERNETS,
        "tau": lambda row: number(row["kendall_tau"], 3),
        "sd": lambda row: number(row["kendall_tau_sd"], 3),
        "sparse": lambda row: number(row["sparse_kendall_tau"], 3),
        "rho": lambda row: number(row["spearman"], 2),
        "tau | size": lambda row: number(row["partial_tau"], 2),
        "top rho": lambda row: number(row["top_decile_spearman"], 2),
        "best 10": lambda row: number(row["precision_at_10"], 2),
        "worst 10": lambda row: number(row["worst_at_10"], 2),
        "first 10 %": lambda row: _beside(row, "kept"),
        "first 1 %": lambda row: _beside(row, "kept_hundredth"),
        "seeds": lambda row: number(row["seed_agreement"], 2),
        "init": lambda row: seconds_text(row["init_seconds"]),
        "query": lambda row: seconds_text(row["query_seconds"]),
    }
    always = {"strategy", "epochs", "tau", "seeds", "init", "query", *_varied(summary)}
    narrow = always | {"sd", "tau | size", "top rho"}
    kept = always if width < NARROW else narrow if width < WIDEST else columns.keys()
    shown = {name: cell for name, cell in columns.items() if name in kept}
    table = _new_table()
    for name in shown:
        table.add_column(name, justify="left" if name == "strategy" else "right", no_wrap=True)
    for row in rows_of(summary):
        cells = [cell(row) for cell in shown.values()]
        table.add_row(*cells, style=_style(row))
    return table


def _beside(row: Row, name: str) -> str:
    """A regret, and what chance gives."""
    return f"{number(row[name], 2)} / {number(row[f'{name}_by_chance'], 2)}"


def bias_table(found: pd.DataFrame, most: int) -> Table:
    """The options that supernets err most about, the worst first."""
    columns: dict[str, Callable[[Row], str]] = {
        "strategy": lambda row: row["strategy"],
        "epochs": lambda row: str(row["epochs"]),
        **_OF_SUPERNETS,
        "decision": lambda row: row["decision"],
        "option": lambda row: row["option"],
        "networks": lambda row: str(row["architectures"]),
        "rank error": lambda row: f"{100 * row['rank_error']:+.0f} %",
    }
    hidden = _OF_SUPERNETS.keys() - _varied(found)
    shown = {name: cell for name, cell in columns.items() if name not in hidden}
    table = _new_table()
    for name in shown:
        left = name in ("strategy", "decision", "option")
        table.add_column(name, justify="left" if left else "right", no_wrap=not left)
    for row in rows_of(found.iloc[(-found["rank_error"].abs()).argsort(kind="stable")[:most]]):
        table.add_row(*(cell(row) for cell in shown.values()))
    return table


_OF_SUPERNETS: dict[str, Callable[[Row], str]] = {  # settings that are shown where they vary
    "images": lambda row: str(row["valid_images"]),
    "norm": lambda row: NORMS.get(row["recalibrate"], f"anew, {row['recalibrate']}"),
}


def _varied(rows: pd.DataFrame) -> set[str]:
    """Those of which rows have several."""
    listed = rows_of(rows)
    return {name for name, cell in _OF_SUPERNETS.items() if len({*map(cell, listed)}) > 1}


def table_info(table: ResultTable) -> str:
    """What a table of results holds, a line each."""
    runs = np.diff(table.starts)
    each_has = " to ".join(map(str, dict.fromkeys((runs.min(), runs.max()))))
    lines = {
        "space": table.space.name,
        "data set": table.dataset,
        **{key: text for key, text in table.metadata.items() if text},
        "architectures": f"{len(table):,}",
        "runs": f"{runs.sum():,} ({each_has} an architecture)",
        "epochs": f"{table.epochs.max()}" if table.epochs.any() else "no curves",
        "columns": ", ".join(table.columns),
        **{each.name: _spread(table, each) for each in table.objectives},
        "hash": table.hash,
    }
    width = max(map(len, lines))
    return "\n".join(f"{key:{width}}  {text}" for key, text in lines.items())


def _spread(table: ResultTable, objective: Objective) -> str:
    """Which values an objective has."""
    values = table.values(objective, objective.truth)
    low, median, high = np.nanquantile(values, [0.0, 0.5, 1.0])
    unit = f" {objective.unit}" if objective.unit else ""
    return (
        f"{low:.4g} to {high:.4g}{unit}, median {median:.4g}{unit}; {objective.direction} is best"
    )


def to_json(frame: pd.DataFrame) -> str:
    """A JSON array of the rows; what is unknown is null."""
    return json.dumps(rows_of(frame), indent=2, allow_nan=False)


def to_csv(frame: pd.DataFrame) -> str:
    """The rows with a header; what is unknown is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(frame.columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows_of(frame))
    return text.getvalue().rstrip("\n")
