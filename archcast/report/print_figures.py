"""Figures for papers, one column wide, as files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import XAxis, YAxis
from matplotlib.figure import Figure

from archcast.benchmarks.table import Table
from archcast.core.errors import InputError
from archcast.core.files import replacing
from archcast.report.views import (
    COSTS,
    OKABE_ITO,
    Comparison,
    Given,
    Line,
    Point,
    Side,
    Surface,
    ceiling,
    comparison,
    cost_points,
    course_lines,
    edges,
    lines,
    log_range,
    number_ticks,
    place_names,
    points_of,
    regret_lines,
    second_ticks,
    surface,
    titles,
    with_unit,
)
from archcast.studies import costs, speed_up
from archcast.studies.costs import LEAST_SECONDS, priced
from archcast.studies.speed_up import (
    AXES,
    Axis,
    agreement,
    clock,
    of_one_objective,
    speed_up_bounds,
    with_taus,
)

WIDTH = 3.4  # inches, a column
HEIGHT = 2.5
LETTER = 3.6  # points, about the width of a letter of 6 points
SHOWN_LINES = 8
MARKERS = "os^Dv*PX"
MOST_TICKS = 6  # across
LONGEST_OF_TWO = 28  # letters of a name in a legend of two columns

_STYLE: dict[Any, Any] = {
    "font.size": 7,
    "axes.labelsize": 7,
    "legend.fontsize": 6,
    "xtick.labelsize": 6,
    "ytick.labelsize": 6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.0,
    "lines.markersize": 3,
    "pdf.fonttype": 42,  # TrueType: publishers refuse the default, Type 3
    "ps.fonttype": 42,
    "svg.hashsalt": "archcast",
    "text.parse_math": False,
}


def write_figures(
    measured: pd.DataFrame,
    table: Table,
    folder: Path,
    formats: Sequence[str],
    searches: pd.DataFrame | None = None,
) -> list[Path]:
    """Write each figure that the frames can fill, in each format; the paths written.

    Args:
        measured: what `measure` makes of records, `comparable`.
        table: the table that they are of.
        folder: where the figures go.
        formats: endings that matplotlib knows, such as `pdf`, `svg` and `png`.
        searches: what `measure_searches` makes of searches, `comparable_searches`.

    Raises:
        InputError: the folder can't be made or written to.
    """
    with mpl.rc_context(_STYLE):
        drawn = _figures(measured, table, searches)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{folder}: can't be written to ({error.strerror}); choose another --figures"
            ) from None
        return [
            _write(figure, folder / f"{name}.{ending}")
            for name, figure in drawn.items()
            for ending in formats
        ]


def _write(figure: Figure, path: Path) -> Path:
    with replacing(path, "choose another --figures") as aside:
        figure.savefig(aside, dpi=300, format=path.suffix[1:])
    return path


def _figures(
    measured: pd.DataFrame, table: Table, searches: pd.DataFrame | None
) -> dict[str, Figure]:
    if searches is None:
        searches = speed_up.measure_searches([])
    board, summary = costs.summarise(measured), speed_up.summarise(searches)
    limit = ceiling(measured, table)
    found, compared = surface(board), comparison(measured, board)
    course, points = course_lines(searches, table.space), points_of(summary)
    figures = {
        "surface": found and _surface(found, board),
        "pareto": found and _pareto(board),
        "tau-by-train-size": _lines(board, "train_size", limit),
        "tau-by-epochs": _lines(board, "epochs", limit),
        "critical-differences": compared and _differences(compared),
        **{
            f"regret-by-{axis}": _regret(regret_lines(searches, summary, axis), axis, points)
            for axis in AXES
        },
        **{
            f"{what}-by-supernet-epoch": _course(course.get(what, []), axis)
            for what, axis in (
                ("regret", with_unit("regret", points)),
                ("skips", "skip connections"),
            )
        },
        "speed-up-by-tau": of_one_objective(searches, measured)
        and agreement(summary, board)
        and _speed_ups(summary, board),
    }
    return {name: figure for name, figure in figures.items() if figure}


def _figure(x: str, y: str, height: float = HEIGHT) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel=x, ylabel=y)
    return figure, axes


def _surface(surface: Surface, board: pd.DataFrame) -> Figure:
    figure, axes = _figure("time to initialise", "time a query")
    taus, predictors = board["kendall_tau"].tolist(), board["predictor"].tolist()
    won = np.array(
        [[np.nan if row is None else taus[row] for row in line] for line in surface.winners]
    )
    mesh = axes.pcolormesh(
        edges(surface.init), edges(surface.query), won, cmap="cividis", rasterized=True
    )
    figure.colorbar(mesh, label="Kendall tau", pad=0.02)
    _log_scales(axes, surface.init, surface.query)
    middle = (np.nanmin(won) + np.nanmax(won)) / 2
    room = 72 * 0.62 * WIDTH / len(surface.init)  # points that a cell is wide, without the axes
    for region in surface.regions():
        name = predictors[region.row]
        axes.text(
            region.init,
            region.query,
            name if len(name) * LETTER <= region.cells * room else str(region.row + 1),
            color="white" if taus[region.row] < middle else "black",
            fontsize=6,
            ha="center",
            va="center",
        )
    return figure


def _pareto(board: pd.DataFrame) -> Figure:
    figure, axes = _figure("time to initialise", "time a query")
    titled = titles(board)
    known = priced(board).sort_values("pareto", kind="stable")  # the last are drawn over the others
    optimal = known["pareto"]
    seconds = known[["init_seconds", "query_seconds"]].clip(lower=LEAST_SECONDS)
    points = axes.scatter(
        seconds["init_seconds"],
        seconds["query_seconds"],
        c=known["kendall_tau"],
        s=np.where(optimal, 30, 10),
        linewidths=np.where(optimal, 1.0, 0.2).tolist(),
        edgecolors=OKABE_ITO[1],
        cmap="cividis",
    )
    figure.colorbar(points, label="Kendall tau", pad=0.02)
    _log_scales(axes, seconds["init_seconds"], seconds["query_seconds"])
    axes.set(
        xlim=_bounds(seconds["init_seconds"].tolist()),
        ylim=_bounds(seconds["query_seconds"].tolist()),
    )
    names = [
        [titled[at], predictor] if chosen else []
        for at, predictor, chosen in zip(known.index, known["predictor"], optimal, strict=True)
    ]
    room = 72 * 0.62 * WIDTH, 72 * 0.75 * HEIGHT
    placed = place_names(cost_points(known, *room), names, *room, LETTER)
    for point, (name, side) in zip(seconds.itertuples(index=False, name=None), placed, strict=True):
        _name(axes, name, point, side)
    return figure


def _name(axes: Axes, name: str, point: Point, side: Side) -> None:
    offset, across, along = _SIDES[side]
    axes.annotate(
        name,
        point,
        offset,
        textcoords="offset points",
        fontsize=6,
        ha=across,
        va=along,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0},
    )


_SIDES: dict[Side, tuple[tuple[float, float], str, str]] = {
    "right": ((5, 0), "left", "center"),
    "left": ((-5, 0), "right", "center"),
    "above": ((0, 5), "center", "bottom"),
    "below": ((0, -5), "center", "top"),
}


def _lines(board: pd.DataFrame, by: Given, limit: float | None) -> Figure | None:
    found = lines(board, by)[:SHOWN_LINES]
    if not found:
        return None
    axis = {"train_size": "labelled architectures", "epochs": "epochs paid for each query"}[by]
    figure, axes = _figure(axis, "Kendall tau", HEIGHT + 0.13 * len(found) / 2)
    for at, line in enumerate(found):
        _add_line(axes, line, at, MARKERS[at])
    if limit is not None:
        axes.axhline(limit, color="grey", linestyle=":", label=f"noise ceiling {limit:.2f}")
    if by == "train_size":
        axes.set_xscale("log")
    xs = sorted({x for line in found for x in line.x})
    axes.set_xticks(xs, [f"{x:,}" for x in xs])
    axes.minorticks_off()
    axes.grid(axis="y", alpha=0.3, linewidth=0.4)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def _add_line(axes: Axes, line: Line, at: int, marker: str) -> None:
    colour = OKABE_ITO[at % len(OKABE_ITO)]
    style = "-" if at < len(OKABE_ITO) else "--"
    axes.plot(line.x, line.y, style, color=colour, marker=marker, label=line.name)
    if line.is_bounded:
        axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.15, linewidth=0)


def _regret(found: Sequence[Line], axis: Axis, points: str) -> Figure | None:
    found = found[: len(OKABE_ITO)]
    if not found:
        return None
    columns = 2 if max(len(line.name) for line in found) <= LONGEST_OF_TWO else 1
    figure, axes = _figure(
        COSTS[axis], with_unit("regret", points), HEIGHT + 0.13 * len(found) / columns
    )
    for at, line in enumerate(found):
        _add_line(axes, line, at, "")
    costs = [cost for line in found for cost in line.x]
    regrets = [regret for line in found for regret in line.y]
    axes.set(xscale="log", yscale="log", xlim=(min(costs), max(costs)), ylim=_bounds(regrets))
    across = second_ticks(costs) if axis == "seconds" else number_ticks(log_range(costs))
    across = {at: text for at, text in across.items() if min(costs) <= at <= max(costs)}
    _tick(axes.xaxis, across)
    _tick(axes.yaxis, number_ticks(log_range(regrets)))
    axes.grid(axis="y", alpha=0.3, linewidth=0.4)
    figure.legend(loc="outside lower center", ncols=columns, frameon=False)
    return figure


def _course(found: Sequence[Line], what: str) -> Figure | None:
    if not found:
        return None
    figure, axes = _figure("epochs of the supernet", what, HEIGHT + 0.26)
    for at, line in enumerate(found[: len(OKABE_ITO)]):
        _add_line(axes, line, at, "")
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def _speed_ups(summary: pd.DataFrame, board: pd.DataFrame) -> Figure:
    column = f"speed_up_{clock(summary)}"
    pairs = with_taus(summary, board)
    figure, axes = _figure("Kendall tau in the leaderboard", "speed-up (x random)", HEIGHT + 0.26)
    for at, (family, shown) in enumerate(pairs.groupby("family")):
        colour = OKABE_ITO[at % len(OKABE_ITO)]
        taus = shown["kendall_tau"]
        axes.vlines(taus, *speed_up_bounds(shown), color=colour, alpha=0.4, linewidth=0.8)
        axes.scatter(
            taus,
            shown[column],
            s=14,
            marker=MARKERS[at],
            facecolors=[colour if sign == "=" else "white" for sign in shown[f"{column}_sign"]],
            edgecolors=colour,
            linewidths=0.8,
            label=family,
        )
    axes.axhline(1, color="grey", linestyle=":")
    ends = [end for side in speed_up_bounds(pairs) for end in side]
    axes.set(yscale="log", ylim=_bounds(ends))
    _tick(axes.yaxis, number_ticks(log_range(ends)))
    points = list(zip(pairs["kendall_tau"], pairs[column], strict=True))
    room = 72 * 0.8 * WIDTH, 72 * 0.7 * HEIGHT
    places = (axes.transScale + axes.transLimits).transform(points) * room
    names = [[predictor] for predictor in pairs["predictor"]]
    placed = place_names(places.tolist(), names, *room, LETTER)
    for point, (name, side) in zip(points, placed, strict=True):
        _name(axes, name, point, side)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def _differences(compared: Comparison) -> Figure | None:
    found = compared.differences
    if found is None:
        return None
    at = {name: place for place, name in enumerate(found.names)}
    figure, axes = _figure("average rank (1 is best)", "", 0.5 + 0.2 * len(at))
    axes.plot(found.ranks, list(at.values()), "o", color=OKABE_ITO[0], markersize=4)
    for rank, place in zip(found.ranks, at.values(), strict=True):
        axes.annotate(
            f"{rank:.1f}",
            (rank, place),
            (5, 0),
            textcoords="offset points",
            fontsize=6,
            va="center",
        )
    for step, group in enumerate(found.groups, start=1):
        x = max(found.ranks) + 0.25 + 0.35 * step
        places = [at[name] for name in group]
        axes.plot([x] * len(group), places, "o-", color=OKABE_ITO[1], linewidth=2)
    axes.set_yticks(list(at.values()), list(at))
    axes.set_xticks(range(1, len(at) + 1))
    axes.set_ylim(len(at) - 0.5, -0.5)
    axes.grid(axis="x", alpha=0.3, linewidth=0.4)
    return figure


def _log_scales(axes: Axes, init: Iterable[float], query: Iterable[float]) -> None:
    axes.set(xscale="log", yscale="log")
    _tick(axes.xaxis, _thinned(second_ticks(init)))
    _tick(axes.yaxis, second_ticks(query))


def _tick(axis: XAxis | YAxis, ticks: Mapping[float, str]) -> None:
    axis.set_ticks(list(ticks), labels=list(ticks.values()))
    axis.set_ticks([], minor=True)


def _thinned(ticks: dict[float, str]) -> dict[float, str]:
    """No more ticks than there is room for across a column."""
    step = -(-len(ticks) // MOST_TICKS)
    return dict(list(ticks.items())[::step])


def _bounds(seconds: Sequence[float]) -> tuple[float, float]:
    low, high = log_range(seconds)
    return 10.0**low, 10.0**high
