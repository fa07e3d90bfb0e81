"""Rows of a frame, and their numbers as people read them; shared by terminal and page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import pandas as pd

from archcast.evaluation import registry as metrics
from archcast.evaluation.metrics import KENDALL_TAU, Metric
from archcast.studies.speed_up import MAYBE, SEARCH, Axis, clock

Row = dict[str, Any]


def rows_of(frame: pd.DataFrame) -> list[Row]:
    """The rows of a frame; what is unknown is None."""
    found = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return cast("list[Row]", found)


PERCENT = ("points", "% of the hypervolume")  # regrets


def number(value: float | None, digits: int) -> str:
    """A number, `-` where there is none.

    >>> number(0.12345, 3)
    '0.123'
    """
    return "-" if value is None else f"{value:.{digits}f}"


def amount(value: float | None, points: str) -> str:
    """A value or a regret: with two digits behind the point of percent, else the first four.

    >>> amount(1.234567, "points"), amount(0.001234567, "ms")
    ('1.23', '0.001235')
    """
    if value is None:
        return "-"
    return f"{value:.2f}" if points in PERCENT else f"{value:.4g}"


def bounds(row: Row, name: str) -> str:
    """The interval of a column, `-` where there is none."""
    low, high = (row[f"{name}_{end}"] for end in ("low", "high"))
    points = row.get("points", "points")
    return "-" if low is None else f"{amount(low, points)}..{amount(high, points)}"


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


UNBOUNDED = 1_000  # times


def speed_up_text(row: Row, column: str) -> str:
    """A speed-up with its interval, of which one side may be unknown; `>` and `<` mark bounds.

    A side beyond a thousand times, as few searches have it, is as good as unknown.

    >>> times = {"x": 2.5, "x_low": 2.0, "x_high": 12.0, "x_sign": "="}
    >>> speed_up_text(times, "x")
    '2.5 (2.0-12)'
    >>> speed_up_text(times | {"x_high": None, "x_sign": ">"}, "x")
    '> 2.5 (> 2.0)'
    >>> speed_up_text(times | {"x_high": 4e17}, "x")
    '2.5 (> 2.0)'
    """
    value, sign = row[column], row[f"{column}_sign"]
    if value is None or sign == "?":
        return "-"
    low, high = row[f"{column}_low"], row[f"{column}_high"]
    high = None if high is None or high > UNBOUNDED else high
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


def source_text(row: Row) -> str:
    """Seconds that what was learned elsewhere took, `-` where nothing was."""
    seconds = row["source_seconds"]
    return "-" if seconds == 0 or row["failed"] == row["repeats"] else seconds_text(seconds)


def have_source(rows: Sequence[Row]) -> bool:
    """Whether any row learned elsewhere."""
    return any(source_text(row) != "-" for row in rows)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a leaderboard: what stands in it, and how a page sorts by it."""

    heading: str
    cell: Callable[[Row], str]
    value: str  # the row's field by which it is sorted
    first: Literal["ascending", "descending"] = "ascending"
    number: bool = True


def leaderboard_columns(by: str, rows: Sequence[Row]) -> list[Column]:
    """The columns of a leaderboard with these rows that is ranked by a metric."""
    return [
        Column("predictor", lambda row: row["predictor"], "predictor", number=False),
        Column("family", lambda row: row["family"], "family", number=False),
        Column("train", lambda row: str(row["train_size"] or "-"), "train_size"),
        Column("epochs", lambda row: str(row["epochs"] or "-"), "epochs"),
        *_metric_columns(by, rows),
        Column("init", init_text, "init_seconds"),
        Column("query", lambda row: seconds_text(row["query_seconds"]), "query_seconds"),
        *([Column("source", source_text, "source_seconds")] if have_source(rows) else []),
    ]


def shown_metrics(by: str, rows: Sequence[Row]) -> list[Metric]:
    """The metrics that a leaderboard with these rows shows, ranked by one of them."""
    return [
        metric
        for metric in metrics.all()
        if metric.name == by
        or (metric.heading and not (metric.of_values and _unknown(metric, rows)))
    ]


def _unknown(metric: Metric, rows: Sequence[Row]) -> bool:
    return all(row[metric.column] is None for row in rows)


def heading(metric: Metric) -> str:
    """What stands above a metric's column."""
    return metric.heading or metric.name


def _metric_columns(by: str, rows: Sequence[Row]) -> Iterator[Column]:
    for metric in shown_metrics(by, rows):
        first: Literal["ascending", "descending"] = (
            "descending" if metric.direction == "max" else "ascending"
        )
        yield Column(heading(metric), _cell(metric), metric.column, first)
        if metric is KENDALL_TAU:
            yield Column(INTERVAL, lambda row: bounds(row, "kendall_tau"), "kendall_tau_low")


def _cell(metric: Metric) -> Callable[[Row], str]:
    def cell(row: Row) -> str:
        value = row[metric.column]
        return "-" if value is None else format(value, metric.format)

    return cell


INTERVAL = f"95 % of {KENDALL_TAU.heading}"


def counted(value: int, unit: Literal["label", "epoch", "training", "split"]) -> str:
    """A number of labels, epochs, trainings or splits.

    >>> counted(2, "epoch")
    '2 epochs'
    """
    return f"{value} {unit}{'' if value == 1 else 's'}"


def search_title(strategy: str, predictor: str | None, epochs: int, stop: str | None) -> str:
    """What tells one search from another.

    >>> search_title("evolution", "sotl-e", 4, "lcsvr < 0.05")
    'evolution with sotl-e, 4 epochs, stop lcsvr < 0.05'
    """
    guide = f" with {predictor}" if predictor else ""
    seen = f", {counted(epochs, 'epoch')}" if epochs else ""
    return strategy + guide + seen + (f", stop {stop}" if stop else "")


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def search_columns(summary: pd.DataFrame) -> dict[str, Callable[[Row], str]]:
    """The columns of a table of searches; those of fronts where there are any."""
    by = clock(summary)
    columns: dict[str, Callable[[Row], str]] = {
        "search": lambda row: search_title(*(row[name] for name in SEARCH)),
        "value": lambda row: amount(row["value"], row["points"]),
        "regret": lambda row: amount(row["regret"], row["points"]),
        "95 %": lambda row: bounds(row, "regret"),
        "distance": lambda row: number(row["distance"], 3),
        "broken": lambda row: number(row["broken"], 2),
        "kept": lambda row: _share(row["kept"]),
        "reached": lambda row: _share(row["reached"]),
        "to target": lambda row: cost_text(row[f"{by}_to_target"], by),
        "x random": lambda row: speed_up_text(row, f"speed_up_{by}"),
        "x unguided": lambda row: speed_up_text(row, f"over_unguided_{by}"),
        **({"source": source_text} if have_source(rows_of(summary)) else {}),
    }
    unknown = {name for name in MAYBE if summary[name].isna().all()}
    return {name: cell for name, cell in columns.items() if name not in unknown}
