"""One HTML file with a leaderboard, figures and where they come from; it loads nothing."""

from __future__ import annotations

import html
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from jinja2 import Environment, PackageLoader, StrictUndefined
from plotly.graph_objects import Figure
from plotly.offline import get_plotlyjs

from archcast.errors import InputError
from archcast.evaluation.costs import floored, pareto, priced
from archcast.evaluation.leaderboard import Row, by_setting, leaderboard, setting_of
from archcast.evaluation.record import Record
from archcast.report.text import LEADERBOARD, init_text, number, seconds_text
from archcast.report.views import (
    OKABE_ITO,
    Comparison,
    Setting,
    Surface,
    ceiling,
    comparison,
    edges,
    lines,
    log_range,
    place_names,
    second_ticks,
    surface,
    titles,
)
from archcast.tables.table import Table

T = TypeVar("T")

GREY = "#808080"  # seen on white and on black
DASHES = ("solid", "dash", "dot", "dashdot")
SHOWN_LINES = 8  # the others wait in the legend
SCATTERS = 20
SCATTER_POINTS = 1_000
WIDTH, HEIGHT = 950, 420  # pixels of a plot on a wide page, without its axes
NARROW = (210, 300)  # and on a telephone
MOST_LETTERS = 14  # of a name on an axis there
LETTER = 7.0

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


def write_page(records: Sequence[Record], table: Table, path: Path, command: str) -> None:
    """Write the page of records of one table; `command` is what made it, as typed.

    Raises:
        InputError: the file can't be written.
    """
    text = page(records, table, command)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
    except OSError as error:
        raise InputError(
            f"{path}: can't be written ({error.strerror}); choose another place"
        ) from None
    finally:
        aside.unlink(missing_ok=True)


def page(records: Sequence[Record], table: Table, command: str) -> str:
    """The page as text."""
    rows = leaderboard(records)
    environment = Environment(
        loader=PackageLoader("archcast", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    compared = comparison(records, rows)
    found = surface(rows)
    limit = ceiling(records, table)
    best = pareto(rows)
    figures = {
        "surface": found and surface_figure(found, rows),
        "pareto": found and pareto_figure(rows, best),
        "train-size": lines_figure(rows, "train_size", limit),
        "epochs": lines_figure(rows, "epochs", limit),
        "differences": compared and differences_figure(compared),
        "wins": compared and wins_figure(compared),
    }
    scatters = _scatters(records, rows)
    if scatters:
        figures["scatter"] = scatter_figure(scatters[0])
    return environment.get_template("page.html.jinja").render(
        title=f"{table.dataset} ({rows[0]['benchmark']})",
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
        facts=_facts(records, table, command),
        failures=_failures(records),
    )


def _headers() -> list[tuple[str, str]]:
    names = ["#", *LEADERBOARD, "failed"]
    return [(name, "descending" if name in _HIGHER_FIRST else "ascending") for name in names]


def _cells(rank: int, row: Row) -> dict[str, Any]:
    texts = {name: cell(row) for name, cell in LEADERBOARD.items()}
    texts["failed"] = f"{row['failed']} of {row['repeats']}" if row["failed"] else "-"
    cells = [
        {"text": text, "value": _VALUES[name](row), "number": name not in ("predictor", "family")}
        for name, text in texts.items()
    ]
    tied = rank > 1 and bool(row["tied_with_best"])
    return {"rank": rank, "tied": tied, "cells": cells, "failed": bool(row["failed"])}


def surface_figure(surface: Surface, rows: Sequence[Row]) -> Figure:
    """A heat map of the best Kendall tau that budgets can pay, with the winners' names."""
    titled = _by_row(rows, titles(rows))
    ranks = _by_row(rows, range(1, len(rows) + 1))
    figure = _figure("seconds to initialise", "seconds to score one more architecture")
    figure.add_heatmap(
        x=edges(surface.init),
        y=edges(surface.query),
        z=[[row and row["kendall_tau"] for row in line] for line in surface.winners],
        text=[
            [
                row
                and f"{_plain(titled[id(row)])}<br>tau {number(row['kendall_tau'], 3)}"
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
    taus = [row["kendall_tau"] for line in surface.winners for row in line if row is not None]
    middle = (min(taus) + max(taus)) / 2
    cell = WIDTH / len(surface.init)
    short = [str(ranks[id(region.row)]) for region in regions]
    long = [
        next(
            _plain(text)
            for text in (titled[id(region.row)], region.row["predictor"], rank, "")
            if len(text) * LETTER <= region.cells * cell
        )
        for rank, region in zip(short, regions, strict=True)
    ]
    figure.add_scatter(
        x=[region.init for region in regions],
        y=[region.query for region in regions],
        mode="text",
        textfont={
            "color": [
                "white" if region.row["kendall_tau"] < middle else "black" for region in regions
            ]
        },
        meta={"wide": {"text": long}, "narrow": {"text": short}},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.update_xaxes(_ticks(surface.init), showgrid=False)
    figure.update_yaxes(_ticks(surface.query), showgrid=False)
    return figure


def pareto_figure(rows: Sequence[Row], best: Sequence[bool]) -> Figure:
    """Initialisation against query seconds; the Pareto-optimal rows are marked and named."""
    known = priced(rows)
    titled = _by_row(rows, titles(rows))
    optimal = {id(row) for row, chosen in zip(rows, best, strict=True) if chosen}
    ranks = _by_row(rows, range(1, len(rows) + 1))
    figure = _figure("seconds to initialise", "seconds to score one more architecture")
    colours = {
        "cmin": min(row["kendall_tau"] for row in known),
        "cmax": max(row["kendall_tau"] for row in known),
        "colorscale": "Cividis",
    }
    groups = {
        "Pareto-optimal": [row for row in known if id(row) in optimal],
        "beaten by another": [row for row in known if id(row) not in optimal],
    }
    names = [
        [titled[id(row)], row["predictor"], str(ranks[id(row)])] if id(row) in optimal else []
        for row in known
    ]
    views = {
        "wide": _named(known, names, WIDTH, HEIGHT),
        "narrow": _named(known, [choices[2:] for choices in names], *NARROW),
    }
    for name, group in reversed(groups.items()):
        first = name == "Pareto-optimal"
        figure.add_scatter(
            x=[floored(row["init_seconds"]) for row in group],
            y=[floored(row["query_seconds"]) for row in group],
            name=name,
            mode="markers+text" if first else "markers",
            meta=views if first else None,
            customdata=[
                f"{_plain(titled[id(row)])}<br>tau {number(row['kendall_tau'], 3)}"
                f"<br>init {init_text(row)}, a query {seconds_text(row['query_seconds'])}"
                for row in group
            ],
            hovertemplate="%{customdata}<extra></extra>",
            marker={
                **colours,
                "color": [row["kendall_tau"] for row in group],
                "symbol": "diamond" if first else "circle",
                "size": 13 if first else 8,
                "line": {"color": GREY, "width": 1.5 if first else 0.5},
                **({"colorbar": _colour_bar()} if first else {}),
            },
        )
    figure.update_xaxes(_log_axis([row["init_seconds"] for row in known]))
    figure.update_yaxes(_log_axis([row["query_seconds"] for row in known]))
    return figure


def _named(
    rows: Sequence[Row], choices: Sequence[Sequence[str]], width: float, height: float
) -> dict[str, list[str]]:
    """Texts of the rows that have a name, and where these stand."""
    placed = place_names(rows, choices, width, height, LETTER)
    named = [found for found, names in zip(placed, choices, strict=True) if names]
    return {
        "text": [_plain(name) for name, _ in named],
        "textposition": [_SIDES[side] for _, side in named],
    }


_SIDES = {
    "right": "middle right",
    "left": "middle left",
    "above": "top center",
    "below": "bottom center",
}


def lines_figure(rows: Sequence[Row], by: Setting, limit: float | None) -> Figure | None:
    """Kendall tau by train size or epochs with 95 % bands, None without two settings."""
    found = lines(rows, by)
    if not found:
        return None
    axis = {"train_size": "labelled architectures", "epochs": "epochs paid for each query"}[by]
    figure = _figure(axis, "Kendall tau")
    for at, line in enumerate(found):
        colour = OKABE_ITO[at % len(OKABE_ITO)]
        visible = True if at < SHOWN_LINES else "legendonly"
        name = _plain(line.name)
        if None not in line.low:
            figure.add_scatter(
                x=[*line.x, *reversed(line.x)],
                y=[*line.high, *reversed(line.low)],
                fill="toself",
                fillcolor=_faint(colour),
                line_width=0,
                mode="lines",
                hoverinfo="skip",
                legendgroup=name,
                showlegend=False,
                visible=visible,
            )
        figure.add_scatter(
            x=line.x,
            y=line.tau,
            name=name,
            line={"color": colour, "dash": DASHES[at // len(OKABE_ITO) % len(DASHES)]},
            mode="lines+markers",
            marker_symbol=at % len(OKABE_ITO),
            legendgroup=name,
            visible=visible,
            hovertemplate="%{x}: tau %{y:.3f}",
        )
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
    figure = _figure("average rank (1 is best)", "")
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
            text=["not told apart: " + ", ".join(map(_plain, group))] * len(group),
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
    figure = _figure("", "")
    figure.add_heatmap(
        x=places,
        y=places,
        z=rates,
        text=[["" if rate is None else f"{100 * rate:.0f}" for rate in line] for line in rates],
        texttemplate="%{text}",
        customdata=[
            [f"{_plain(one)} beats {_plain(other)}" for other in compared.names]
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
    """Predicted scores against true accuracies; the page puts others in its place."""
    figure = _figure("prediction", "true accuracy (%)")
    figure.add_scatter(
        x=scatter["predicted"],
        y=scatter["truth"],
        mode="markers",
        marker={"color": OKABE_ITO[0], "opacity": 0.6, "size": 7},
        hovertemplate="predicted %{x}, true %{y:.2f} %<extra></extra>",
    )
    return figure


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


def _facts(records: Sequence[Record], table: Table, command: str) -> dict[str, str]:
    """Where the numbers come from."""
    versions = {f"{name} {text}" for record in records for name, text in record.versions.items()}
    sizes = {f"{record.job.test_size:,}" for record in records}
    failed = sum(record.failed for record in records)
    return {
        "command": command,
        "benchmark": ", ".join(sorted({record.job.benchmark for record in records})),
        "data set": table.dataset,
        "search space": table.space.name,
        "architectures": f"{len(table):,}, of which {' or '.join(sorted(sizes))} are ranked",
        "label": ", ".join(sorted({record.job.label for record in records})) + " accuracy",
        "truth": ", ".join(sorted({record.job.truth for record in records})) + " accuracy",
        "table hash": table.hash,
        "records": f"{len(records):,}, of which {failed:,} failed",
        "versions": ", ".join(sorted(versions)),
        "machine": ", ".join(sorted({record.machine for record in records})),
    }


def _failures(records: Sequence[Record]) -> list[tuple[str, int, int, int, str]]:
    """Predictor, train size, epochs, how many jobs, and the reason."""
    counts = Counter(
        (job.spec, job.train_size, job.epochs, record.error)
        for record in records
        for job in [record.job]
        if record.error is not None
    )
    return [
        (spec, size, epochs, count, reason or "")
        for (spec, size, epochs, reason), count in counts.items()
    ]


def _figure(x: str, y: str) -> Figure:
    figure = Figure()
    figure.update_layout(
        template=None,
        xaxis={"title": {"text": x}, "automargin": True, "zeroline": False},
        yaxis={"title": {"text": y}, "automargin": True, "zeroline": False},
        margin={"l": 10, "r": 10, "t": 34, "b": 10},
        legend={"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0},
        hovermode="closest",
    )
    return figure


def _log_axis(seconds: Sequence[float]) -> dict[str, Any]:
    return {**_ticks(map(floored, seconds)), "range": log_range(seconds)}


def _ticks(seconds: Iterable[float]) -> dict[str, Any]:
    ticks = second_ticks(seconds)
    return {"type": "log", "tickvals": list(ticks), "ticktext": list(ticks.values())}


def _names_axis(names: Sequence[str]) -> dict[str, Any]:
    return {"tickvals": list(range(len(names))), "ticktext": [_plain(name) for name in names]}


def _colour_bar() -> dict[str, Any]:
    return {"title": {"text": "tau"}, "thickness": 12, "outlinewidth": 0}


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.15)"


def _by_row(rows: Sequence[Row], values: Iterable[T]) -> dict[int, T]:
    """A value of each row, by the row's identity."""
    return {id(row): value for row, value in zip(rows, values, strict=True)}


def _plain(text: str) -> str:
    """Text that plotly shows as it is, without taking it for markup."""
    return html.escape(text, quote=False)
