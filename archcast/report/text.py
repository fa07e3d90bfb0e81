"""Numbers of a row as people read them; shared by terminal and page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from archcast.studies.leaderboard import Row
from archcast.studies.speed_up import Axis


def number(value: float | None, digits: int) -> str:
    """A number, `-` where there is none.

    >>> number(0.12345, 3)
    '0.123'
    """
    return "-" if value is None else f"{value:.{digits}f}"


def bounds(row: Row, name: str) -> str:
    """The interval of a column, `-` where there is none."""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return "-" if low is None else f"{low:.2f}..{high:.2f}"


def seconds_text(value: float | None) -> str:
    """Seconds in the largest unit that they fill, `?` where they are unknown.

    >>> seconds_text(90.0)
    '1.5 min'
    """
    if value is None:
        return "?"
    for factor, unit in ((3_600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if value >= 0.9995 * factor:  # what would be rounded to it
            digits = 0 if value >= 99.95 * factor else 1
            return f"{value / factor:.{digits}f} {unit}"
    return "0"


def speed_up_text(row: Row, column: str) -> str:
    """A speed-up with its interval, of which one side may be unknown; `>` and `<` mark bounds.

    >>> times = {"x": 2.5, "x_low": 2.0, "x_high": 12.0, "x_sign": "="}
    >>> speed_up_text(times, "x")
    '2.5 (2.0-12)'
    >>> speed_up_text(times | {"x_high": None, "x_sign": ">"}, "x")
    '> 2.5 (> 2.0)'
    """
    value, sign = row[column], row[f"{column}_sign"]
    if value is None or sign == "?":
        return "-"
    low, high = row[f"{column}_low"], row[f"{column}_high"]
    if low is not None and high is not None:
        interval = f" ({_times(low)}-{_times(high)})"
    elif low is not None:
        interval = f" (> {_times(low)})"
    else:
        interval = "" if high is None else f" (< {_times(high)})"
    return f"{'' if sign == '=' else sign + ' '}{_times(value)}{interval}"


def cost_text(value: float | None, axis: Axis) -> str:
    """What a search costs, `-` where that is unknown."""
    if value is None:
        return "-"
    return seconds_text(value) if axis == "seconds" else f"{value:,.0f}"


def _times(value: float) -> str:
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"


def init_text(row: Row) -> str:
    """Seconds of initialisation; `>` where those of the labels are unknown."""
    if row["init_seconds"] is None and row["fit_seconds"] is not None:
        return f"> {seconds_text(row['fit_seconds'])}"
    return seconds_text(row["init_seconds"])


LEADERBOARD: dict[str, Callable[[Row], str]] = {
    "predictor": lambda row: row["predictor"],
    "family": lambda row: row["family"],
    "train": lambda row: str(row["train_size"] or "-"),
    "epochs": lambda row: str(row["epochs"] or "-"),
    "tau": lambda row: number(row["kendall_tau"], 3),
    "95 % of tau": lambda row: bounds(row, "kendall_tau"),
    "rho": lambda row: number(row["spearman"], 3),
    "top rho": lambda row: number(row["top_decile_spearman"], 3),
    "p@10": lambda row: number(row["precision_at_10"], 2),
    "regret": lambda row: number(row["regret_at_10"], 2),
    "init": init_text,
    "query": lambda row: seconds_text(row["query_seconds"]),
}


def counted(value: int, unit: Literal["label", "epoch"]) -> str:
    """A number of labels or epochs.

    >>> counted(2, "epoch")
    '2 epochs'
    """
    return f"{value} {unit}{'' if value == 1 else 's'}"


def search_title(strategy: str, predictor: str | None, epochs: int) -> str:
    """What tells one search from another.

    >>> search_title("evolution", "sotl-e", 4)
    'evolution with sotl-e, 4 epochs'
    """
    guide = f" with {predictor}" if predictor else ""
    return strategy + guide + (f", {counted(epochs, 'epoch')}" if epochs else "")


def search_columns(by: Axis) -> dict[str, Callable[[Row], str]]:
    """The columns of a table of searches, with speed-ups by this clock."""
    return {
        "search": lambda row: search_title(row["strategy"], row["predictor"], row["epochs"]),
        "value": lambda row: number(row["value"], 2),
        "regret": lambda row: number(row["regret"], 2),
        "95 %": lambda row: bounds(row, "regret"),
        "reached": lambda row: "-" if row["reached"] is None else f"{row['reached']:.0%}",
        "to target": lambda row: cost_text(row[f"{by}_to_target"], by),
        "x random": lambda row: speed_up_text(row, f"speed_up_{by}"),
        "x unguided": lambda row: speed_up_text(row, f"over_unguided_{by}"),
    }
