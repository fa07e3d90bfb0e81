"""Leaderboard rows in a terminal, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from archcast.evaluation.leaderboard import Row
from archcast.tables.table import Table as ResultTable

WIDE = 100  # columns of a terminal from which the further metrics fit
NARROW = 80  # columns below which the bare ranking is shown


def leaderboard_table(rows: Sequence[Row], width: int) -> Table:
    """The leaderboard as a rich table, with as many columns as the terminal has room for.

    `=` follows the rank of a row that is tied with the best.
    """
    columns: dict[str, Callable[[Row], str]] = {
        "predictor": lambda row: row["predictor"],
        "family": lambda row: row["family"],
        "train": lambda row: str(row["train_size"] or "-"),
        "epochs": lambda row: str(row["epochs"] or "-"),
        "tau": lambda row: _number(row["kendall_tau"], 3),
        "95 % of tau": lambda row: _bounds(row, "kendall_tau"),
        "rho": lambda row: _number(row["spearman"], 3),
        "top rho": lambda row: _number(row["top_decile_spearman"], 3),
        "p@10": lambda row: _number(row["precision_at_10"], 2),
        "regret": lambda row: _number(row["regret_at_10"], 2),
        "init": _init,
        "query": lambda row: _seconds(row["query_seconds"]),
    }
    hidden = set() if width >= WIDE else {"family", "top rho", "p@10"}
    if width < NARROW:
        hidden |= {"95 % of tau", "regret"}
    if not any(row["epochs"] for row in rows):
        hidden.add("epochs")
    elif width < WIDE:
        hidden.add("regret")
    table = Table(box=SIMPLE_HEAD, collapse_padding=True, show_edge=False, pad_edge=False)
    digits = len(str(len(rows)))
    table.add_column(f"{'#':>{digits}}", no_wrap=True)
    shown = {name: cell for name, cell in columns.items() if name not in hidden}
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


def stop_table(rows: Sequence[Row]) -> Table:
    """Searches with early stopping as a rich table."""
    table = Table(box=SIMPLE_HEAD, collapse_padding=True, show_edge=False, pad_edge=False)
    table.add_column("method", overflow="fold")
    for name in ("speed-up (95 %)", "best kept (95 %)", "regret (95 %)"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        stopped = row["method"] == "early stopping"
        table.add_row(
            f"{row['predictor']}, p < {row['threshold']:g}" if stopped else f"  {row['method']}",
            *(
                f"{_number(row[name], 2)} {_bounds(row, name):>12}"
                for name in ("speed_up", "best_kept", "regret")
            ),
            style="yellow" if row["failed"] else "",
        )
    return table


def supernet_table(rows: Sequence[Row]) -> Table:
    """How supernets rank, as a rich table."""
    columns: dict[str, Callable[[Row], str]] = {
        "strategy": lambda row: row["strategy"],
        "epochs": lambda row: str(row["epochs"]),
        "images": lambda row: str(row["valid_images"]),
        "tau": lambda row: _number(row["kendall_tau"], 3),
        "+-": lambda row: _number(row["kendall_tau_sd"], 3),
        "sparse": lambda row: _number(row["sparse_kendall_tau"], 3),
        "top rho": lambda row: _number(row["top_decile_spearman"], 2),
        "seeds": lambda row: _number(row["seed_agreement"], 2),
        "init": lambda row: _seconds(row["init_seconds"]),
        "query": lambda row: _seconds(row["query_seconds"]),
    }
    table = Table(box=SIMPLE_HEAD, collapse_padding=True, show_edge=False, pad_edge=False)
    for name in columns:
        table.add_column(name, justify="left" if name == "strategy" else "right", no_wrap=True)
    for row in rows:
        cells = [cell(row) for cell in columns.values()]
        table.add_row(*cells, style="yellow" if row["failed"] else "")
    return table


def table_info(table: ResultTable) -> str:
    """What a table of results holds, a line each."""
    runs = np.diff(table.starts)
    test = table.columns["test_accuracy"]
    lines = {
        "space": table.space.name,
        "data set": table.dataset,
        **{key: text for key, text in table.metadata.items() if text},
        "architectures": f"{len(table):,}",
        "runs": f"{len(test):,} ({runs.min()} to {runs.max()} an architecture)",
        "epochs": f"{table.epochs.max()}" if table.epochs.any() else "no curves",
        "columns": ", ".join(table.columns),
        "test accuracy": f"{test.min():.2f} to {test.max():.2f} %, median {np.median(test):.2f} %",
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


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _bounds(row: Row, name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return "-" if low is None else f"{low:.2f}..{high:.2f}"


def _init(row: Row) -> str:
    if row["init_seconds"] is None and row["fit_seconds"] is not None:
        return f"> {_seconds(row['fit_seconds'])}"
    return _seconds(row["init_seconds"])


def _seconds(value: float | None) -> str:
    if value is None:
        return "?"
    for factor, unit in ((3_600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if value >= factor:
            digits = 0 if value >= 100 * factor else 1
            return f"{value / factor:.{digits}f} {unit}"
    return "0"
