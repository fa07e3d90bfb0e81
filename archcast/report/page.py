"""One HTML file with leaderboard, searches, figures and where they come from; it loads nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from archcast.benchmarks.table import Table
from archcast.core.files import replacing
from archcast.evaluation.metrics import KENDALL_TAU
from archcast.report.page_figures import (
    differences_figure,
    lines_figure,
    pareto_figure,
    scatter_figure,
    surface_figure,
    wins_figure,
)
from archcast.report.search_figures import (
    course_figure,
    front_figure,
    regret_figure,
    speed_up_figure,
)
from archcast.report.text import (
    Column,
    Row,
    have_source,
    heading,
    leaderboard_columns,
    rows_of,
    search_columns,
    shown_metrics,
)
from archcast.report.views import (
    budget_of,
    ceiling,
    ceiling_note,
    comparison,
    course_lines,
    front_lines,
    points_of,
    regret_lines,
    surface,
    titles,
    with_unit,
)
from archcast.studies import leaderboard, speed_up
from archcast.studies.costs import pareto
from archcast.studies.leaderboard import SETTING
from archcast.studies.speed_up import AXES, agreement, clock, of_one_objective

COURSES = (  # of one-shot searches: what, its axis, and how many lines are shown at first
    ("regret", "regret", 20),
    ("skips", "skip connections", 20),
    ("options", "probability", 5),
)
SCATTERS = 20
SCATTER_POINTS = 1_000


def write_page(
    measured: pd.DataFrame,
    table: Table,
    path: Path,
    command: str,
    searches: pd.DataFrame | None = None,
    target: float | None = None,
    by: str = KENDALL_TAU.name,
) -> None:
    """Write the page of what was measured on one table.

    Args:
        measured: what `measure` makes of records, `comparable`; empty if there are searches.
        table: the table that all are of.
        path: the file.
        command: what made it, as typed.
        searches: what `measure_searches` makes of searches, `comparable_searches`.
        target: the regret that these are to reach; the `default_target` without.
        by: the metric that ranks the leaderboard.

    Raises:
        InputError: the file can't be written.
    """
    text = page(measured, table, command, searches, target, by)
    with replacing(path) as aside:
        aside.write_text(text, encoding="utf-8")


def page(
    measured: pd.DataFrame,
    table: Table,
    command: str,
    searches: pd.DataFrame | None = None,
    target: float | None = None,
    by: str = KENDALL_TAU.name,
) -> str:
    """The page as text; see `write_page`."""
    environment = Environment(
        loader=PackageLoader("archcast", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    if searches is None:
        searches = speed_up.measure_searches([])
    board = leaderboard.summarise(measured, by)
    board = board.assign(pareto=pareto(board))
    compared = comparison(measured, board)
    found = surface(board)
    limit = ceiling(measured, table)
    scatters = _scatters(measured, board)
    summary = speed_up.summarise(searches, target)
    agreed = agreement(summary, board) if of_one_objective(searches, measured) else None
    facts = _facts(measured, searches, table, command)
    course, points = course_lines(searches, table.space), points_of(summary)
    figures = {
        "surface": found and surface_figure(found, board),
        "pareto": found and pareto_figure(board),
        "train-size": lines_figure(board, "train_size", limit),
        "epochs": lines_figure(board, "epochs", limit),
        "differences": compared and differences_figure(compared),
        "wins": compared and wins_figure(compared),
        "scatter": scatter_figure(scatters[0]) if scatters else None,
        **{
            f"regret-{axis}": regret_figure(regret_lines(searches, summary, axis), axis, points)
            for axis in AXES
        },
        "fronts": front_figure(*front_lines(searches)),
        "speed-up": agreed and speed_up_figure(summary, board),
        **{
            f"course-{what}": course_figure(
                course.get(what, []), with_unit(axis, points if what == "regret" else ""), shown
            )
            for what, axis, shown in COURSES
        },
    }
    rows = rows_of(board)
    columns = [*leaderboard_columns(by, rows), Column("failed", _failed, "failed")]
    return environment.get_template("page.html.jinja").render(
        title=f"{table.dataset} ({facts['benchmark']})",
        plotly=get_plotlyjs(),
        figures={name: figure.to_plotly_json() for name, figure in figures.items() if figure},
        scatters=scatters,
        columns=columns,
        metrics={heading(metric): metric.help for metric in shown_metrics(by, rows)},
        rows=rows,
        families=sorted(board["family"].unique()),
        tied=board["tied_with_best"][1:].any(),
        sourced=have_source(rows),
        pareto=[
            f"{rank} {title}"
            for rank, title in enumerate(titles(board), start=1)
            if board["pareto"][rank - 1]
        ],
        ceiling_note=ceiling_note(measured, table),
        comparison=compared,
        searches=rows_of(summary),
        points=points,
        budget=budget_of(summary),
        search_columns={**search_columns(summary), "failed": _failed},
        clock=clock(summary),
        agreement=agreed,
        facts=facts,
        failures=_failures(measured, searches),
    )


def _failed(row: Row) -> str:
    return f"{row['failed']} of {row['repeats']}" if row["failed"] else "-"


def _scatters(measured: pd.DataFrame, board: pd.DataFrame) -> list[dict[str, Any]]:
    """The first repeat of each of the best rows."""
    first = measured[measured["error"].isna()].sort_values("repeat").drop_duplicates(SETTING)
    best = board[:SCATTERS].assign(title=titles(board)[:SCATTERS])
    shown = best[[*SETTING, "title", "kendall_tau"]].merge(
        first[[*SETTING, "objective", "unit", "predictions", "truths"]], on=SETTING
    )
    return [
        {
            "title": f"{row['title']} (tau {row['kendall_tau']:.3f})",
            "axis": f"true {row['objective']}" + (f" ({row['unit']})" if row["unit"] else ""),
            "predicted": [float(f"{score:.5g}") for score in row["predictions"]][:SCATTER_POINTS],
            "truth": [float(f"{value:.6g}") for value in row["truths"].tolist()][:SCATTER_POINTS],
        }
        for _, row in shown.iterrows()
    ]


def _facts(
    measured: pd.DataFrame, searches: pd.DataFrame, table: Table, command: str
) -> dict[str, str]:
    """Where the numbers come from."""

    def both(column: str) -> list[str]:
        return sorted({*measured[column], *searches[column]})

    sizes = sorted({f"{size:,}" for size in measured["test_size"]})
    ranked = f", of which {' or '.join(sizes)} are ranked" if sizes else ""
    objective = ", ".join(both("objective"))
    versions = {each for text in both("versions") for each in text.split(", ")}
    counts = {
        kind: f"{len(found):,}, of which {found['error'].notna().sum():,} failed"
        for kind, found in {"records": measured, "searches": searches}.items()
        if len(found)
    }
    return {
        "command": command,
        "benchmark": ", ".join(both("benchmark")),
        "data set": table.dataset,
        "search space": table.space.name,
        "architectures": f"{len(table):,}{ranked}",
        "label": f"{objective}, {' and '.join(both('label'))} values",
        "truth": f"{objective}, {' and '.join(both('truth'))} values",
        "table hash": table.hash,
        **counts,
        "versions": ", ".join(sorted(versions)),
        "machine": ", ".join(both("machine")),
    }


def _failures(measured: pd.DataFrame, searches: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Predictor or search, train size, epochs, the reason, and how many jobs."""
    guides = searches["predictor"].replace("", "no predictor")
    named = searches.assign(predictor=searches["strategy"] + " with " + guides, train_size=0)
    columns = ["predictor", "train_size", "epochs", "error"]
    failed = Counter(
        row
        for frame in (measured, named)
        for row in frame[frame["error"].notna()][columns].itertuples(index=False, name=None)
    )
    return [(*row, count) for row, count in failed.items()]
