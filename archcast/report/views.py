"""What figures show, drawn by none: the page and the printed figures take it from here."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from archcast.benchmarks.table import Table
from archcast.evaluation.metrics import ranks
from archcast.evaluation.noise import noise_ceiling
from archcast.evaluation.split_means import Bools
from archcast.evaluation.statistics import Matrix, win_rates
from archcast.report.text import counted, rows_of, search_title, seconds_text
from archcast.spaces.space import Space
from archcast.studies.costs import budgets, floored, priced, winners
from archcast.studies.leaderboard import (
    SETTING,
    Setting,
    SplitKey,
    split_means,
    taus_by_setting,
)
from archcast.studies.speed_up import SEARCH, Axis, trajectories

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MOST_COMPARED = 12
COSTS: dict[Axis, str] = {
    "seconds": "time of training and predictor",
    "evaluations": "whole trainings paid",
}
SKIPS = ("skip_connect", "skip")  # options that pass on what they get
LEAST_REGRET = 1e-3  # of the largest, at most 0.01; a log axis has no zero

Given = Literal["train_size", "epochs"]
_UNITS: dict[Given, Literal["label", "epoch"]] = {"train_size": "label", "epochs": "epoch"}
_TICKS = {
    **{1e-3: "1 ms", 1e-2: "10 ms", 0.1: "100 ms", 1.0: "1 s", 10.0: "10 s", 60.0: "1 min"},
    **{600.0: "10 min", 3.6e3: "1 h", 3.6e4: "10 h", 3.6e5: "100 h", 3.6e6: "1,000 h"},
}
_FINE_TICKS = _TICKS | {
    **{3e-3: "3 ms", 0.03: "30 ms", 0.3: "300 ms", 3.0: "3 s", 30.0: "30 s", 180.0: "3 min"},
    **{1.8e3: "30 min", 1.08e4: "3 h", 1.08e5: "30 h", 1.08e6: "300 h"},
}
LEAST_TICKS = 4  # fewer say little


def titles(board: pd.DataFrame) -> list[str]:
    """Each row's predictor, with what tells the row from the predictor's others."""
    varied = board.groupby("predictor")[list(_UNITS)].transform("nunique") > 1
    return [
        ", ".join(
            [row["predictor"]]
            + [counted(row[unit], _UNITS[unit]) for unit in _UNITS if several[unit]]
        )
        for row, several in zip(rows_of(board), rows_of(varied), strict=True)
    ]


def second_ticks(seconds: Iterable[float]) -> dict[float, str]:
    """Ticks of a log axis of seconds that spans `seconds`, with their texts."""
    low, high = _span(seconds)
    found = {at: text for at, text in _TICKS.items() if low <= at <= high}
    if len(found) >= LEAST_TICKS:
        return found
    return {at: text for at, text in sorted(_FINE_TICKS.items()) if low <= at <= high}


def number_ticks(bounds: tuple[float, float]) -> dict[float, str]:
    """Ticks of a log axis of numbers between `bounds`, which are logarithms, with their texts."""
    low, high = (10.0**bound for bound in bounds)
    powers = range(math.floor(bounds[0]), math.ceil(bounds[1]) + 1)
    tenths = [step / 10 for step in range(10, 100)]
    for steps in ([1, 2, 5], [1, 1.5, 2, 3, 5, 7], tenths):
        ticks = [step * 10.0**power for power in powers for step in steps]
        found = {at: f"{at:,.6g}" for at in ticks if low <= at <= high}
        if len(found) >= LEAST_TICKS:
            break
    return found


def _span(seconds: Iterable[float]) -> tuple[float, float]:
    values = list(seconds)
    return min(values, default=1.0) / 2, max(values, default=1.0) * 2


@dataclass(frozen=True, slots=True)
class Region:
    """Cells of the surface that join and have one winner; where its name has most room."""

    row: int
    init: float  # seconds, the middle of its widest run of cells
    query: float
    cells: int  # in that run


@dataclass(frozen=True, slots=True)
class Surface:
    """Who wins at which budgets, in seconds.

    `winners` are rows of the leaderboard, indexed [query][init], None where nothing can be paid.
    """

    init: list[float]
    query: list[float]
    winners: list[list[int | None]]

    def regions(self) -> list[Region]:
        """The regions of the surface, each winner's where it has them."""
        from scipy import ndimage

        cells = np.array([[-1 if row is None else row for row in line] for line in self.winners])
        return [
            self._region(row, joined == part)
            for row in dict.fromkeys(cells[cells >= 0].tolist())
            for joined, parts in [ndimage.label(cells == row)]
            for part in range(1, parts + 1)
        ]

    def _region(self, row: int, inside: Matrix) -> Region:
        runs = _runs(inside)
        middle_line = float(np.mean([line for *_, line in runs]))
        first, last, line = max(runs, key=lambda run: (run[1] - run[0], -abs(run[2] - middle_line)))
        middle = float(np.sqrt(self.init[first] * self.init[last]))
        return Region(row, middle, self.query[line], last - first + 1)


def _runs(inside: Matrix) -> list[tuple[int, int, int]]:
    """Horizontal runs of true cells as (first, last, line)."""
    runs = []
    for line, cells in enumerate(inside.astype(np.int8)):
        steps = np.diff(cells, prepend=0, append=0)
        starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
        runs += [(int(a), int(b) - 1, line) for a, b in zip(starts, ends, strict=True)]
    return runs


def surface(board: pd.DataFrame) -> Surface | None:
    """The surface of a leaderboard, None where no row's costs are known."""
    if priced(board).empty:
        return None
    init, query = budgets(board)
    won = winners(board, init, query).to_numpy(dtype=object).tolist()
    return Surface(init, query, [[None if pd.isna(row) else row for row in line] for line in won])


def edges(grid: Sequence[float]) -> list[float]:
    """Bounds of cells whose middles on a log axis are `grid`, one more than these."""
    logs = np.log10(grid)
    half = np.diff(logs)[0] / 2 if len(logs) > 1 else 0.25
    bounds: list[float] = (10.0 ** np.append(logs - half, logs[-1] + half)).tolist()
    return bounds


@dataclass(frozen=True, slots=True)
class Line:
    """What one predictor or search comes to by what it is given, with 95 % bounds, NaN if none."""

    name: str
    x: list[float]
    y: list[float]
    low: list[float]
    high: list[float]

    @property
    def is_bounded(self) -> bool:
        return not np.isnan(self.low).any()


def lines(board: pd.DataFrame, by: Given) -> list[Line]:
    """Kendall tau by `by` of each predictor with several of these, best last tau first.

    Where a predictor varies in the other setting too, its line is of the one that has the most
    points, the largest of several.
    """
    other: Given = "epochs" if by == "train_size" else "train_size"
    known = board.dropna(subset="kendall_tau")
    known = known[known[by] > 0]  # a log axis has no zero
    several = known.groupby("predictor")[by].transform("nunique") > 1
    groups = known[several].groupby("predictor", sort=False)
    found = [_line(str(name), group, by, other) for name, group in groups]
    return sorted((line for line in found if len(line.x) > 1), key=lambda line: -line.y[-1])


def _line(name: str, rows: pd.DataFrame, by: Given, other: Given) -> Line:
    counts = Counter(rows[other])
    fixed = max(counts, key=lambda value: (counts[value], value))
    if len(counts) > 1:
        name = f"{name}, {counted(fixed, _UNITS[other])}"
    shown = rows[rows[other] == fixed].sort_values(by)
    taus = (shown[f"kendall_tau{bound}"].tolist() for bound in ("", "_low", "_high"))
    return Line(name, shown[by].tolist(), *taus)


def regret_lines(searches: pd.DataFrame, summary: pd.DataFrame, axis: Axis) -> list[Line]:
    """Median regret by cost in the order of the rows, but a strategy without a predictor first."""
    order = [
        key
        for strategy, predictor, epochs, stop in summary[SEARCH].itertuples(index=False, name=None)
        for key in ((strategy, "", 0, ""), (strategy, predictor or "", epochs, stop or ""))
    ]
    groups = dict(list(trajectories(searches, axis).groupby(SEARCH, sort=False)))
    least = least_regret(groups.values())
    return [
        Line(
            search_title(*key),
            group["cost"].tolist(),
            *(group[name].clip(lower=least).tolist() for name in ("regret", "low", "high")),
        )
        for key in dict.fromkeys(order)
        if (group := groups.get(key)) is not None
    ]


def least_regret(groups: Iterable[pd.DataFrame]) -> float:
    """Where lesser regrets are drawn."""
    most = max((float(group["regret"].max()) for group in groups), default=0.0)
    return min(0.01, LEAST_REGRET * most) or 0.01


def with_unit(what: str, unit: str) -> str:
    """What an axis shows.

    >>> with_unit("regret", "points"), with_unit("regret", "")
    ('regret (points)', 'regret')
    """
    return f"{what} ({unit})" if unit else what


def front_lines(searches: pd.DataFrame) -> tuple[list[Line], Sequence[str]]:
    """What searches of several objectives return, and their axes: the second by the first.

    Of each kind it is the front of the run whose regret is the median; the best there is of the
    first comes last. Empty where there are no such searches.
    """
    good = searches[searches["error"].isna() & searches["returned"].notna()]
    good = good[good["axes"].map(lambda axes: axes is not None and len(axes) > 1)]
    if good.empty:
        return [], ()
    found = []
    for _, runs in good.groupby(SEARCH, sort=False):
        ends = runs["regrets"].map(lambda regrets: regrets[-1])
        middle = ends.sort_values(kind="stable").index[(len(ends) - 1) // 2]
        found.append((search_title(*runs.iloc[0][SEARCH]), runs.loc[middle, "returned"]))
    found.append(("the best there is", good["front"].iloc[0]))
    drawn = [
        Line(name, *points[np.argsort(points[:, 1])][:, [1, 0]].T.tolist(), *[[np.nan]] * 2)
        for name, points in found
        if len(points)
    ]
    return drawn, good["axes"].iloc[0]


def course_lines(searches: pd.DataFrame, space: Space) -> dict[str, list[Line]]:
    """By epoch of a supernet, means over one-shot searches of a kind; empty without any.

    Of what they liked most the `regret`, and how many of its decisions are `skips`; of `options`,
    by their names, the probability.
    """
    found: dict[str, list[Line]] = {}
    names = [tuple(map(str, decision.options)) for decision in space.decisions]
    skips = [[name in SKIPS for name in options] for options in names]
    for strategy, runs in searches.groupby("strategy", sort=False):
        told = runs[runs["error"].isna() & runs["liked"].map(bool)]
        if told.empty:
            continue

        def add(what: str, values: Matrix, name: str = str(strategy)) -> None:
            if np.isfinite(values).all():
                means, none = values.mean(axis=0).tolist(), [np.nan] * values.shape[1]
                epochs = [float(at) for at in range(1, len(means) + 1)]
                found.setdefault(what, []).append(Line(name, epochs, means, none, none))

        add("regret", np.stack(told["liked_regrets"].to_list()))
        if any(map(any, skips)):
            add("skips", np.array([[_count(path, skips) for path in run] for run in told["liked"]]))
        for option in dict.fromkeys(name for options in names for name in options):
            at = [
                (d, options.index(option)) for d, options in enumerate(names) if option in options
            ]
            shares = [
                [np.mean([epoch[d][o] for d, o in at]) if epoch else np.nan for epoch in run]
                for run in told["probabilities"]
            ]
            add("options", np.array(shares), f"{strategy}: {option}")
    return found


def _count(path: Sequence[int], kinds: Sequence[Sequence[bool]]) -> float:
    return float(sum(of[choice] for choice, of in zip(path, kinds, strict=True)))


@dataclass(frozen=True, slots=True)
class CriticalDifferences:
    """What a critical-difference diagram shows (Demsar, 2006), best average rank first."""

    names: tuple[str, ...]
    ranks: tuple[float, ...]  # average over splits, 1 is best
    groups: tuple[tuple[str, ...], ...]  # largest sets of two or more that are not told apart


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Predictors, each at its best setting, on the splits that all of them share."""

    names: tuple[str, ...]
    blocks: int
    win_rates: Matrix
    differences: CriticalDifferences | None  # None of a single split


def comparison(measured: pd.DataFrame, board: pd.DataFrame) -> Comparison | None:
    """The best 12 predictors without failures that share splits, None of fewer than two.

    Predictors that lack some of the splits that many others share are left out. Which differ is
    asked of all rows at once, so that it does not matter how these few were chosen.
    """
    board = board.sort_values("kendall_tau", ascending=False, kind="stable")
    settings = [Setting(*row) for row in board[SETTING].itertuples(index=False, name=None)]
    found = taus_by_setting(measured)
    apart = split_means(found, settings).told_apart()
    places = np.flatnonzero(~board["predictor"].duplicated() & (board["failed"] == 0))
    taus = {
        at: {split: each.tau for split, each in found[settings[at]].items()}
        for at in places.tolist()
    }
    blocks = _blocks([set(each) for each in taus.values()])
    chosen = [at for at, each in taus.items() if each.keys() >= set(blocks)][:MOST_COMPARED]
    if not blocks or len(chosen) < 2:
        return None
    titled = titles(board)
    scores = {titled[at]: [taus[at][split] for split in blocks] for at in chosen}
    several = len(blocks) > 1
    differences = _differences(scores, apart[np.ix_(chosen, chosen)]) if several else None
    return Comparison(tuple(scores), len(blocks), win_rates(scores), differences)


def _blocks(found: Sequence[set[SplitKey]]) -> list[SplitKey]:
    """Splits to compare on: the most scores, of no more predictors than are shown."""

    counts = Counter(map(frozenset, found))  # most predictors have the same ones

    def scores(blocks: frozenset[SplitKey]) -> int:
        having = sum(count for splits, count in counts.items() if splits >= blocks)
        return len(blocks) * min(MOST_COMPARED, having)

    return sorted(max(counts, key=scores, default=[]), key=str)


def _differences(scores: Mapping[str, Sequence[float]], apart: Bools) -> CriticalDifferences:
    import networkx

    average = ranks(-np.array(list(scores.values())).T).T.mean(axis=1)
    order = np.argsort(average, kind="stable")
    names = [list(scores)[i] for i in order]
    together = networkx.from_numpy_array(~apart[np.ix_(order, order)])
    together.remove_edges_from(list(networkx.selfloop_edges(together)))
    groups = sorted(sorted(group) for group in networkx.find_cliques(together) if len(group) > 1)
    return CriticalDifferences(
        tuple(names),
        tuple(average[order].tolist()),
        tuple(tuple(names[i] for i in group) for group in groups),
    )


def points_of(summary: pd.DataFrame) -> str:
    """The unit of the regrets of searches."""
    return str(summary["points"].iloc[0]) if len(summary) else ""


def budget_of(summary: pd.DataFrame) -> str:
    """What each search might pay."""
    if summary.empty:
        return ""
    said: dict[str, Callable[[float], str]] = {
        "budget": lambda value: f"{value:,.0f} evaluations",
        "budget_seconds": lambda value: f"{seconds_text(value)} of training",
        "budget_wall": lambda value: f"{seconds_text(value)} by the clock",
    }
    asked = summary.iloc[0]
    return " and ".join(say(asked[name]) for name, say in said.items() if not pd.isna(asked[name]))


def ceiling(measured: pd.DataFrame, table: Table) -> float | None:
    """The noise ceiling for the truth that predictions are held against."""
    if measured.empty:
        return None
    asked = measured.iloc[0]
    return noise_ceiling(table, table.objective(asked["objective"]), asked["truth"])


Point = tuple[float, float]
Box = tuple[float, float, float, float]  # left, lower, right, upper
Side = Literal["right", "left", "above", "below"]


def cost_points(board: pd.DataFrame, width: float, height: float) -> list[Point]:
    """Where the Pareto figure has its points, from its lower left corner."""
    xs = _positions(board["init_seconds"].tolist(), width)
    ys = _positions(board["query_seconds"].tolist(), height)
    return list(zip(xs, ys, strict=True))


def place_names(
    points: Sequence[Point],
    choices: Sequence[Sequence[str]],
    width: float,
    height: float,
    letter: float,
) -> list[tuple[str, Side]]:
    """Names of points in a figure that have room, and on which side of the point.

    Of a point's choices the first that has room is taken, and none where it has none. Points are
    counted from the lower left corner. Lengths are in one unit, such as pixels; `letter` is the
    width of one, half of its height. A name covers no point and no other name, and stays within the
    figure.
    """
    taken: list[Box] = [(x - letter, y - letter, x + letter, y + letter) for x, y in points]
    placed: list[tuple[str, Side]] = []
    for (x, y), names in zip(points, choices, strict=True):
        free: list[tuple[str, Side, Box]] = [
            (name, side, box)
            for name in names
            for side, box in _boxes(x, y, len(name) * letter, 2 * letter, 1.3 * letter).items()
            if _is_free(box, taken, width, height)
        ]
        name, side, box = free[0] if free else ("", "right", (x, y, x, y))
        placed.append((name, side))
        taken.append(box)
    return placed


def log_range(seconds: Iterable[float]) -> tuple[float, float]:
    """The decades that a log axis shows of these seconds, with some room on both sides."""
    logs = np.log10([floored(value) for value in seconds])
    room = 0.06 * max(float(np.ptp(logs)), 1.0)
    return float(logs.min()) - room, float(logs.max()) + room


def _positions(seconds: Sequence[float], length: float) -> list[float]:
    low, high = log_range(seconds)
    return [float((np.log10(floored(s)) - low) / (high - low) * length) for s in seconds]


def _boxes(x: float, y: float, w: float, h: float, gap: float) -> dict[Side, Box]:
    return {
        "right": (x + gap, y - h / 2, x + gap + w, y + h / 2),
        "left": (x - gap - w, y - h / 2, x - gap, y + h / 2),
        "above": (x - w / 2, y + gap, x + w / 2, y + gap + h),
        "below": (x - w / 2, y - gap - h, x + w / 2, y - gap),
    }


def _is_free(box: Box, taken: Sequence[Box], width: float, height: float) -> bool:
    x0, y0, x1, y1 = box
    within = x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height
    return within and all(x1 <= a or c <= x0 or y1 <= b or d <= y0 for a, b, c, d in taken)


def ceiling_note(measured: pd.DataFrame, table: Table) -> str | None:
    """What limits every tau, in words.

    A curve of an architecture's only run leads to the truth itself, noise and all.
    """
    limit = ceiling(measured, table)
    if limit is None:
        return None
    but = ", except for learning curves" if (np.diff(table.starts) == 1).any() else ""
    if not table.objective(str(measured["objective"].iat[0])).needs_training:
        return f"noise of measuring limits tau to about {limit:.2f}"
    return f"noise of training limits tau to about {limit:.2f}{but}"
