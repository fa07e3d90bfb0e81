"""Figures of the page."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from plotly.graph_objects import Figure

from archcast.report.text import init_text, number, rows_of, seconds_text
from archcast.report.views import (
    OKABE_ITO,
    Comparison,
    Given,
    Line,
    Surface,
    cost_points,
    edges,
    lines,
    log_range,
    place_names,
    second_ticks,
    titles,
)
from archcast.studies.costs import LEAST_SECONDS, floored, priced

GREY = "#808080"  # seen on white and on black
DASHES = ("solid", "dash", "dot", "dashdot")
SHOWN_LINES = 8  # the others wait in the legend
WIDTH, HEIGHT = 950, 420  # pixels of a plot on a wide page, without its axes
NARROW = (210, 300)  # and on a telephone
MOST_LETTERS = 14  # of a name on an axis there
LETTER = 7.0


def surface_figure(surface: Surface, board: pd.DataFrame) -> Figure:
    """A heat map of the best Kendall tau that budgets can pay, with the winners' names."""
    titled, predictors = titles(board), board["predictor"].tolist()
    taus = board["kendall_tau"].tolist()
    figure = new_figure("seconds to initialise", "seconds to score one more architecture")
    figure.add_heatmap(
        x=edges(surface.init),
        y=edges(surface.query),
        z=[[None if row is None else taus[row] for row in line] for line in surface.winners],
        text=[
            [
                None
                if row is None
                else f"{plain(titled[row])}<br>tau {number(taus[row], 3)}"
                f"<br>budget {seconds_text(init)}, a query {seconds_text(query)}"
                for init, row in zip(surface.init, line, strict=True)
            ]
            for query, line in zip(surface.query, surface.winners, strict=True)
        ],
        hovertemplate="%{text}<extra></extra>",
        hoverongaps=False,
        colorscale="Cividis",
        colorbar=_colour_bar(),
    )
    regions = surface.regions()
    middle = (min(taus[region.row] for region in regions) + max(taus[r.row] for r in regions)) / 2
    cell = WIDTH / len(surface.init)
    short = [str(region.row + 1) for region in regions]
    long = [
        next(
            plain(text)
            for text in (titled[region.row], predictors[region.row], rank, "")
            if len(text) * LETTER <= region.cells * cell
        )
        for rank, region in zip(short, regions, strict=True)
    ]
    figure.add_scatter(
        x=[region.init for region in regions],
        y=[region.query for region in regions],
        mode="text",
        textfont={
            "color": ["white" if taus[region.row] < middle else "black" for region in regions]
        },
        meta={"wide": {"text": long}, "narrow": {"text": short}},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.update_xaxes(second_axis(surface.init), showgrid=False)
    figure.update_yaxes(second_axis(surface.query), showgrid=False)
    return figure


def pareto_figure(board: pd.DataFrame) -> Figure:
    """Initialisation against query seconds; the Pareto-optimal rows are marked and named.

    The board has a column `pareto`.
    """
    titled = titles(board)
    known = priced(board)
    figure = new_figure("seconds to initialise", "seconds to score one more architecture")
    colours = {
        "cmin": known["kendall_tau"].min(),
        "cmax": known["kendall_tau"].max(),
        "colorscale": "Cividis",
    }
    names = [
        [titled[at], predictor, str(at + 1)] if optimal else []
        for at, predictor, optimal in zip(
            known.index, known["predictor"], known["pareto"], strict=True
        )
    ]
    views = {
        "wide": _named(known, names, WIDTH, HEIGHT),
        "narrow": _named(known, [choices[2:] for choices in names], *NARROW),
    }
    for name, first in (("beaten by another", False), ("Pareto-optimal", True)):
        group = known[known["pareto"] == first]
        seconds = group[["init_seconds", "query_seconds"]].clip(lower=LEAST_SECONDS)
        figure.add_scatter(
            x=seconds["init_seconds"].tolist(),
            y=seconds["query_seconds"].tolist(),
            name=name,
            mode="markers+text" if first else "markers",
            meta=views if first else None,
            customdata=[
                f"{plain(titled[at])}<br>tau {number(row['kendall_tau'], 3)}"
                f"<br>init {init_text(row)}, a query {seconds_text(row['query_seconds'])}"
                for at, row in zip(group.index, rows_of(group), strict=True)
            ],
            hovertemplate="%{customdata}<extra></extra>",
            marker={
                **colours,
                "color": group["kendall_tau"].tolist(),
                "symbol": "diamond" if first else "circle",
                "size": 13 if first else 8,
                "line": {"color": GREY, "width": 1.5 if first else 0.5},
                **({"colorbar": _colour_bar()} if first else {}),
            },
        )
    figure.update_xaxes(_cost_axis(known["init_seconds"].tolist()))
    figure.update_yaxes(_cost_axis(known["query_seconds"].tolist()))
    return figure


def _named(
    known: pd.DataFrame, choices: Sequence[Sequence[str]], width: float, height: float
) -> dict[str, list[str]]:
    """Texts of the rows that have a name, and where these stand."""
    placed = place_names(cost_points(known, width, height), choices, width, height, LETTER)
    named = [found for found, names in zip(placed, choices, strict=True) if names]
    return {
        "text": [plain(name) for name, _ in named],
        "textposition": [_SIDES[side] for _, side in named],
    }


_SIDES = {
    "right": "middle right",
    "left": "middle left",
    "above": "top center",
    "below": "bottom center",
}


def lines_figure(board: pd.DataFrame, by: Given, limit: float | None) -> Figure | None:
    """Kendall tau by train size or epochs with 95 % bands, None without two settings."""
    found = lines(board, by)
    if not found:
        return None
    axis = {"train_size": "labelled architectures", "epochs": "epochs paid for each query"}[by]
    figure = new_figure(axis, "Kendall tau")
    add_lines(figure, found, SHOWN_LINES, "lines+markers", "%{x}: tau %{y:.3f}")
    xs = sorted({x for line in found for x in line.x})
    if limit is not None:
        figure.add_scatter(
            x=[xs[0], xs[-1]],
            y=[limit, limit],
            mode="lines",
            name=f"noise ceiling {limit:.2f}",
            line={"color": GREY, "dash": "dash"},
            hoverinfo="skip",
        )
    kind = "log" if by == "train_size" else "linear"
    figure.update_xaxes(type=kind, tickvals=xs, ticktext=[f"{x:,}" for x in xs])
    return figure


def differences_figure(compared: Comparison) -> Figure | None:
    """Average ranks; bars join the predictors that the splits do not tell apart."""
    found = compared.differences
    if found is None:
        return None
    at = {name: place for place, name in enumerate(found.names)}
    figure = new_figure("average rank (1 is best)", "")
    figure.add_scatter(
        x=found.ranks,
        y=list(at.values()),
        mode="markers+text",
        text=[f"{rank:.1f}" for rank in found.ranks],
        textposition="top center",
        marker={"color": OKABE_ITO[0], "size": 11},
        hoverinfo="skip",
    )
    for place, group in enumerate(found.groups, start=1):
        figure.add_scatter(
            x=[max(found.ranks) + 0.4 * place] * len(group),
            y=[at[name] for name in group],
            mode="lines+markers",
            line={"color": OKABE_ITO[1], "width": 4},
            marker={"size": 9},
            text=["not told apart: " + ", ".join(map(plain, group))] * len(group),
            hovertemplate="%{text}<extra></extra>",
        )
    figure.update_xaxes(range=[0.6, max(found.ranks) + 0.4 * len(found.groups) + 0.4])
    figure.update_yaxes(_names_axis(found.names), range=[len(at) - 0.5, -0.7])
    figure.update_layout(showlegend=False)
    return figure


def wins_figure(compared: Comparison) -> Figure:
    """In what share of splits the row's predictor beats the column's."""
    places = list(range(len(compared.names)))
    rates = [
        [None if i == j else round(rate, 3) for j, rate in enumerate(line)]
        for i, line in enumerate(compared.win_rates.tolist())
    ]
    figure = new_figure("", "")
    figure.add_heatmap(
        x=places,
        y=places,
        z=rates,
        text=[["" if rate is None else f"{100 * rate:.0f}" for rate in line] for line in rates],
        texttemplate="%{text}",
        customdata=[
            [f"{plain(one)} beats {plain(other)}" for other in compared.names]
            for one in compared.names
        ],
        hovertemplate="%{customdata} in %{text} % of splits<extra></extra>",
        hoverongaps=False,
        colorscale="Cividis",
        zmin=0,
        zmax=1,
        showscale=False,
        xgap=1,
        ygap=1,
    )
    numbers = [str(place + 1) for place in places]
    figure.update_xaxes(_names_axis(numbers), showgrid=False)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_layout(
        meta={
            "wide": {"yaxis": _names_axis(_numbered(compared.names))},
            "narrow": {"yaxis": _names_axis(_numbered(map(_short, compared.names)))},
        }
    )
    return figure


def _numbered(names: Iterable[str]) -> list[str]:
    return [f"{name}  {number}" for number, name in enumerate(names, start=1)]


def _short(name: str) -> str:
    return (
        name if len(name) <= MOST_LETTERS else name[: MOST_LETTERS - 1] + "\N{HORIZONTAL ELLIPSIS}"
    )


def scatter_figure(scatter: dict[str, Any]) -> Figure:
    """Predicted scores against the truth; the page puts others in its place."""
    figure = new_figure("prediction", scatter["axis"])
    figure.add_scatter(
        x=scatter["predicted"],
        y=scatter["truth"],
        mode="markers",
        marker={"color": OKABE_ITO[0], "opacity": 0.6, "size": 7},
        hovertemplate="predicted %{x}, true %{y:.4g}<extra></extra>",
    )
    return figure


def new_figure(x: str, y: str) -> Figure:
    """An empty figure with the titles of its axes; the page adds what is to be seen on it."""
    figure = Figure()
    figure.update_layout(
        template=None,
        xaxis={"title": {"text": plain(x)}, "automargin": True, "zeroline": False},
        yaxis={"title": {"text": plain(y)}, "automargin": True, "zeroline": False},
        margin={"l": 10, "r": 10, "t": 34, "b": 10},
        legend={"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0},
        hovermode="closest",
    )
    return figure


def add_lines(figure: Figure, found: Sequence[Line], shown: int, mode: str, hover: str) -> None:
    """Add lines with their bands, which a name in the legend hides or, after `shown`, shows."""
    for at, line in enumerate(found):
        colour = OKABE_ITO[at % len(OKABE_ITO)]
        visible = True if at < shown else "legendonly"
        name = plain(line.name)
        x, y, low, high = (_short_numbers(part) for part in (line.x, line.y, line.low, line.high))
        if line.is_bounded:
            figure.add_scatter(
                x=[*x, *reversed(x)],
                y=[*high, *reversed(low)],
                fill="toself",
                fillcolor=faint(colour),
                line_width=0,
                mode="lines",
                hoverinfo="skip",
                legendgroup=name,
                showlegend=False,
                visible=visible,
            )
        figure.add_scatter(
            x=x,
            y=y,
            name=name,
            line={"color": colour, "dash": DASHES[at // len(OKABE_ITO) % len(DASHES)]},
            mode=mode,
            marker_symbol=at % len(OKABE_ITO),
            legendgroup=name,
            visible=visible,
            hovertemplate=hover,
        )


def _short_numbers(values: Sequence[float]) -> list[float]:
    """What the eye can tell apart, in fewer bytes."""
    return [float(f"{value:.4g}") for value in values]


def _cost_axis(seconds: Sequence[float]) -> dict[str, Any]:
    return {**second_axis(map(floored, seconds)), "range": log_range(seconds)}


def second_axis(seconds: Iterable[float]) -> dict[str, Any]:
    """A log axis that names seconds, minutes and hours."""
    return log_axis(second_ticks(seconds))


def log_axis(ticks: Mapping[float, str]) -> dict[str, Any]:
    """A log axis with these ticks."""
    return {"type": "log", "tickvals": list(ticks), "ticktext": list(ticks.values())}


def _names_axis(names: Sequence[str]) -> dict[str, Any]:
    return {"tickvals": list(range(len(names))), "ticktext": [plain(name) for name in names]}


def _colour_bar() -> dict[str, Any]:
    return {"title": {"text": "tau"}, "thickness": 12, "outlinewidth": 0}


def faint(colour: str, alpha: float = 0.15) -> str:
    """A colour that others show through."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def plain(text: str) -> str:
    """Text that plotly shows as it is, without taking it for markup."""
    return html.escape(text, quote=False)
