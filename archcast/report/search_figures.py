"""Figures of searches on the page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from plotly.graph_objects import Figure

from archcast.report.page_figures import (
    GREY,
    add_lines,
    faint,
    log_axis,
    new_figure,
    plain,
    second_axis,
)
from archcast.report.text import rows_of, search_title, speed_up_text
from archcast.report.views import COSTS, OKABE_ITO, Line, log_range, number_ticks, with_unit
from archcast.studies.speed_up import SEARCH, Axis, clock, speed_up_bounds, with_taus


def regret_figure(found: Sequence[Line], axis: Axis, points: str) -> Figure | None:
    """Median regret by cost with 95 % bands, None where costs are unknown."""
    if not found:
        return None
    figure = new_figure(COSTS[axis], with_unit("regret", points))
    unit = {"seconds": "s", "evaluations": "evaluations"}[axis]
    shown = len(OKABE_ITO)
    add_lines(figure, found, shown, "lines", f"%{{x:,.1f}} {unit}: %{{y:.4g}} {plain(points)}")
    costs = [cost for line in found[:shown] for cost in line.x]
    ticks = number_ticks(log_range(costs))
    figure.update_xaxes(second_axis(costs) if axis == "seconds" else log_axis(ticks))
    bounds = log_range(regret for line in found for regret in line.y)
    figure.update_yaxes(log_axis(number_ticks(bounds)), range=bounds)
    return figure


def front_figure(found: Sequence[Line], axes: Sequence[str]) -> Figure | None:
    """Fronts of the first two objectives, None where there are none; lines are of two alone."""
    if not found:
        return None
    figure = new_figure(axes[1], axes[0])
    style = "lines+markers" if len(axes) == 2 else "markers"
    add_lines(figure, found, len(OKABE_ITO), style, "%{x:.4g}: %{y:.4g}")
    return figure


def course_figure(found: Sequence[Line], what: str, shown: int) -> Figure | None:
    """Something by epoch of a supernet, None where there is nothing; `shown` lines at first."""
    if not found:
        return None
    figure = new_figure("epochs of the supernet", what)
    add_lines(figure, found, shown, "lines", "epoch %{x}: %{y:.3g}")
    return figure


def speed_up_figure(summary: pd.DataFrame, board: pd.DataFrame) -> Figure:
    """Speed-ups by the leaderboard's tau of the predictor; a hollow point is a bound."""
    column = f"speed_up_{clock(summary)}"
    pairs = with_taus(summary, board)
    figure = new_figure("Kendall tau in the leaderboard", "speed-up (x random)")
    for at, (family, shown) in enumerate(pairs.groupby("family")):
        colour = OKABE_ITO[at % len(OKABE_ITO)]
        values = shown[column]
        low, high = speed_up_bounds(shown)
        figure.add_scatter(
            x=shown["kendall_tau"].tolist(),
            y=values.tolist(),
            error_y={
                "array": np.subtract(high, values).tolist(),
                "arrayminus": np.subtract(values, low).tolist(),
                "color": faint(colour, 0.4),
                "width": 0,
            },
            name=family,
            mode="markers",
            marker={
                "color": colour,
                "symbol": [at if sign == "=" else at + 100 for sign in shown[f"{column}_sign"]],
                "size": 11,
            },
            customdata=[
                f"{plain(search_title(*(row[name] for name in SEARCH)))}"
                f"<br>tau {row['kendall_tau']:.3f}"
                f"<br>x random {plain(speed_up_text(row, column))}"
                for row in rows_of(shown)
            ],
            hovertemplate="%{customdata}<extra></extra>",
        )
    figure.add_hline(1, line={"color": GREY, "dash": "dash"})
    low, high = speed_up_bounds(pairs)
    figure.update_yaxes(log_axis(number_ticks(log_range([*low, *high]))))
    return figure
