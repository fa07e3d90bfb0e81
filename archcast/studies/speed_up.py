"""What a search finds at what cost, and how much sooner than another one.

A search returns its incumbent: of what it has trained the longest, the architecture with the best
validation value. Its regret is by how much the incumbent is worse than the best of the table, by
the test values of runs that the search has not seen. The cost of reaching a target regret is the
expected running time (Hansen et al., 2010): what all runs spent until they got there, or to their
end, over the number that got there. A run that never does counts with all that it spent. It is
there once it stays there: validation values are noisy, and a search that later takes a worse
incumbent for a better one would not have known to stop.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from archcast.evaluation.measure import provenance
from archcast.evaluation.record import largest_group
from archcast.evaluation.statistics import (
    ALPHA,
    Interval,
    mean,
    mean_interval,
    median_interval,
    share_interval,
)
from archcast.predictors.predictor import Vector
from archcast.search.goal import limits_text
from archcast.search.search_job import SearchRecord
from archcast.studies.costs import floored
from archcast.studies.regrets import ending, incumbent_regrets, with_finds
from archcast.studies.searches import BASELINE

Axis = Literal["seconds", "evaluations"]
AXES: tuple[Axis, ...] = ("seconds", "evaluations")
POINTS = 100  # of a trajectory

SearchKey = tuple[str, str, int, str]  # strategy and predictor, epochs of curves, what stops
SEARCH = ["strategy", "predictor", "epochs", "stop"]  # what tells one row from another
MAYBE = ("distance", "broken", "kept")  # which some searches have


def measure_searches(records: Iterable[SearchRecord]) -> pd.DataFrame:
    """A row a search, by repeat.

    `predictor` is empty where there is none, and `unguided` is the strategy that it is compared
    with then. `stop` says what stops trainings, empty where nothing does, and `kept` whether it
    left alone the best of what was begun, by its truth: 1, 0, or NaN where unknown. Columns of
    arrays, one value a trial: the incumbent's `regrets` in points, and what the search had cost by
    then in `evaluations` and, None where the table does not say, in `seconds`. By epoch of the
    supernet of a one-shot search: the choices that it `liked` most, their `liked_regrets`, NaN
    where these are not known, and `probabilities` of all options. Where live searches find better
    than the table has, regrets are from the best that any of these searches returned, and
    hypervolumes from the worst. Of several objectives, or within limits, there is what `ending`
    tells. `total_` is what it had cost at its end, NaN where the table does not say, and `error` is
    None where it did not fail.
    """
    ordered = sorted(with_finds(records), key=lambda record: record.job.repeat)
    return pd.DataFrame([_measured(record) for record in ordered], columns=_COLUMNS)


_COLUMNS = [
    *("table", "benchmark", "dataset", "judged_on", *SEARCH, "kept", "family", "unguided"),
    *("objective", "limits", "points", "sign", "label", "truth"),
    *("budget", "budget_seconds", "budget_wall"),
    *("seed", "repeat", "error", "fallbacks", "best", "regrets", "evaluations", "seconds"),
    *("axes", "returned", "front", "distance", "broken"),
    *("total_evaluations", "total_seconds", "predictor_seconds", "source_seconds"),
    *("liked", "liked_regrets", "probabilities", "versions", "machine"),
]


def _measured(record: SearchRecord) -> dict[str, Any]:
    job, goal = record.job, record.job.goal
    several = len(goal.objectives) > 1
    timed = bool(record.training_seconds)
    spent = record.total_training_seconds + record.total_predictor_seconds
    return {
        "table": record.table,
        "benchmark": job.benchmark,
        "dataset": job.dataset,
        "judged_on": record.judged_on or job.dataset,
        "strategy": job.strategy,
        "predictor": job.predictor,
        "epochs": job.epochs,
        "stop": job.stops,
        "kept": _kept(record),
        "family": job.family or None,
        "unguided": job.unguided,
        "objective": goal.name,
        "limits": limits_text(goal.limits),
        "points": goal.points,
        "sign": 1.0 if several else float(job.objective.signed(1.0)),
        "budget": job.budget,
        "budget_seconds": job.seconds,
        "budget_wall": job.wall,
        "label": job.label,
        "truth": job.truth,
        "seed": job.seed,
        "repeat": job.repeat,
        "error": record.error,
        "fallbacks": record.fallbacks,
        "best": _best(record),
        "regrets": incumbent_regrets(record),
        **ending(record),
        "evaluations": np.array(record.evaluations),
        # Those of training are simulated, those of the predictor measured.
        "seconds": np.add(record.training_seconds, record.predictor_seconds) if timed else None,
        "total_evaluations": record.total_evaluations,
        "total_seconds": spent if timed else np.nan,
        "predictor_seconds": record.total_predictor_seconds,
        "source_seconds": np.nan if record.source_seconds is None else record.source_seconds,
        "liked": record.liked,
        "liked_regrets": job.objective.signed(record.best)
        - job.objective.signed(np.array(record.liked_truth, dtype=float)),
        "probabilities": record.probabilities,
        **provenance(record),
    }


def _best(record: SearchRecord) -> float:
    """The most that a search can find; NaN where nothing keeps the limits."""
    if record.job.goal.is_single:
        return record.best
    if len(record.job.goal.objectives) > 1:
        return 100.0
    return record.front[0][0] if record.front else np.nan


def _kept(record: SearchRecord) -> float:
    job = record.job
    if not job.stop or job.live or not record.truth:
        return np.nan
    best = int(np.argmax(job.objective.signed(np.array(record.truth))))
    return float(record.architectures[best] not in record.stopped)


def comparable_searches(records: Iterable[SearchRecord]) -> list[SearchRecord]:
    """The most records that are of one budget, objective, label and seed, in their order."""
    return largest_group(records, _setting)


def _setting(record: SearchRecord) -> tuple[Hashable, ...]:
    job = record.job
    paid = job.budget, job.seconds, job.wall
    return *paid, job.goal, job.label, job.truth, job.seed, job.live, job.at_once


@dataclass(frozen=True, slots=True, eq=False)
class Effort:
    """What each run spent until it reached the target, or to its end."""

    spent: Vector
    reached: Vector  # 1 where it did, else 0

    def expected(self) -> float:
        """The expected cost of reaching the target; if no run did, as if one had just then."""
        return float(self.spent.sum() / max(self.reached.sum(), 1.0))

    def error(self, of: int) -> tuple[float, float]:
        """By how much the logarithm of the expected cost may be too high, and too low.

        It is that of the mean spent less that of the share that reached the target. Runs that do
        not reach it spend most, so that both errors go together and are added.
        """
        runs, found = len(self.spent), int(self.reached.sum())
        if runs < 2:
            return np.inf, np.inf
        deviation = self.spent.std(ddof=1) / self.spent.mean() / np.sqrt(runs)
        of_mean = float(-stdtrit(runs - 1, ALPHA / of / 2) * deviation)
        low, high = share_interval(found, runs, of)
        share = max(found, 1) / runs
        return of_mean + np.log(high / share), of_mean + (np.log(share / low) if low else np.inf)


def effort(searches: pd.DataFrame, target: float, axis: Axis) -> Effort | None:
    """The effort of searches to bring the incumbent's regret to `target` points or less for good.

    None without searches, and where the table does not say what they cost.
    """
    if searches.empty or searches[axis].isna().any():
        return None
    first = [
        max(np.flatnonzero(regrets > target + 1e-9), default=-1) + 1
        for regrets in searches["regrets"]
    ]
    ends = searches[f"total_{axis}"]
    spent = [
        cost[at] if at < len(cost) else end
        for at, cost, end in zip(first, searches[axis], ends, strict=True)
    ]
    reached = [float(at < len(cost)) for at, cost in zip(first, searches[axis], strict=True)]
    return Effort(np.array(spent), np.array(reached))


Efforts = Mapping[Axis, Mapping[SearchKey, Effort]]


def speed_up(baseline: Effort, this: Effort, of: int = 1) -> dict[str, Any]:
    """How many times cheaper this search gets to the target than the baseline.

    `value` is the ratio of expected costs, `low` and `high` bound it, one of `of` such with 95 %
    confidence in all: errors of the two searches' logarithms are independent, so that their squares
    add up (Zou & Donner, 2008). A bound that the runs don't give is NaN. `sign` says how to read
    the value: `=`; `>` or `<` where no run of the baseline or of this search got there, so that the
    value is a bound; `?` where none of either did.
    """
    (below, above), (this_below, this_above) = baseline.error(of), this.error(of)
    value = baseline.expected() / this.expected()
    low = value * np.exp(-np.hypot(below, this_above))
    high = value * np.exp(np.hypot(above, this_below))
    signs = {(True, True): "=", (False, True): ">", (True, False): "<", (False, False): "?"}
    return {
        "value": value,
        "low": float(low) if low > 0 else np.nan,
        "high": float(high) if np.isfinite(high) else np.nan,
        "sign": signs[bool(baseline.reached.any()), bool(this.reached.any())],
    }


def default_target(searches: pd.DataFrame) -> float | None:
    """The regret that the median random search ends with; None without one."""
    groups = _by_search(_good(searches))
    random = groups.get(_plain(BASELINE, groups))
    return None if random is None else float(np.median(_ends(random)))


def summarise(searches: pd.DataFrame, target: float | None = None) -> pd.DataFrame:
    """One row for each strategy, predictor and number of epochs: random search, then by speed-up.

    The searches, as `measure_searches` gives them, are comparable and of one table; without a
    target it is the `default_target`. Accuracy, regret and distance are medians, over the runs that
    did not fail, of what they end with, `broken` and `kept` means; `_low` and `_high` bound a value
    with 95 % confidence that they do so in every row. `speed_up_*` is against random search,
    `over_unguided_*` against the same strategy without its predictor (or what it improves on);
    `_sign` is as in `speed_up`. What is unknown is NaN or None.
    """
    if searches.empty:
        return pd.DataFrame(columns=[*SEARCH, "seconds", *MAYBE])
    if target is None:
        target = default_target(searches) or 0.0
    groups = _by_search(searches)
    good = {key: _good(found) for key, found in groups.items()}
    efforts = {
        axis: {key: each for key, runs in good.items() if (each := effort(runs, target, axis))}
        for axis in AXES
    }
    rows = pd.DataFrame(
        [
            _outcome(found, good[key], target, len(groups))
            | _to_target(key, efforts)
            | _speed_ups("speed_up", key, _plain(BASELINE, groups), efforts, len(groups))
            | _speed_ups(
                "over_unguided", key, _plain(_unguided(found), groups), efforts, len(groups)
            )
            for key, found in groups.items()
        ]
    )
    column = f"speed_up_{clock(rows)}"
    place = rows[f"{column}_sign"].map(_TELLING).fillna(4).where(rows["strategy"] != BASELINE, 0)
    order = pd.DataFrame({"place": place, "slowness": -rows[column].fillna(0.0)})
    return rows.loc[order.sort_values(["place", "slowness"]).index].reset_index(drop=True)


# What a sign says of a speed-up: a bound from above tells less than a value.
_TELLING = {"=": 1, ">": 1, "<": 2, "?": 3}


def clock(rows: pd.DataFrame) -> Axis:
    """What speed-ups are counted in: seconds where they are known, else evaluations."""
    return "evaluations" if rows["seconds"].isna().all() else "seconds"


def _by_search(searches: pd.DataFrame) -> dict[SearchKey, pd.DataFrame]:
    groups = [group for _, group in searches.groupby(SEARCH, sort=False)]
    return {next(group[SEARCH].itertuples(index=False, name=None)): group for group in groups}


def _plain(strategy: str, groups: Collection[SearchKey]) -> SearchKey:
    """A strategy alone; where trainings of all searches are stopped, stopped as the first are."""
    stops = [stop for *_, stop in groups]
    return strategy, "", 0, "" if "" in stops or not stops else stops[0]


def _good(searches: pd.DataFrame) -> pd.DataFrame:
    return searches[searches["error"].isna()]


def _ends(searches: pd.DataFrame) -> list[float]:
    return [float(regrets[-1]) for regrets in searches["regrets"]]


def _unguided(searches: pd.DataFrame) -> str:
    return str(searches["unguided"].iloc[0])


def _outcome(searches: pd.DataFrame, good: pd.DataFrame, target: float, of: int) -> dict[str, Any]:
    asked = searches.iloc[0]
    ends = _ends(good)
    found = (good["best"] - good["sign"] * ends).tolist()
    row: dict[str, Any] = {
        "strategy": asked["strategy"],
        "predictor": asked["predictor"] or None,
        "stop": asked["stop"] or None,
        **{name: asked[name] for name in ("family", "benchmark", "dataset", "judged_on", "epochs")},
        **{name: asked[name] for name in ("budget", "budget_seconds", "budget_wall")},
        **{name: asked[name] for name in ("objective", "points")},
        "repeats": len(searches),
        "failed": len(searches) - len(good),
        "fallbacks": int(good["fallbacks"].sum()),
        "value_mean": mean(found),
        "evaluations": mean(good["total_evaluations"]),
        "seconds": mean(good["total_seconds"]),
        "predictor_seconds": mean(good["predictor_seconds"]),
        "source_seconds": mean(good["source_seconds"]),
        **{name: mean(good[name].dropna()) for name in ("broken", "kept")},
        "limits": asked["limits"],
        "target": target,
    }
    distances = good["distance"].dropna().tolist()
    for name, values in (("value", found), ("regret", ends), ("distance", distances)):
        low, high = median_interval(values, of)
        median = float(np.median(values)) if values else np.nan
        row |= {name: median, f"{name}_low": low, f"{name}_high": high}
    for name in ("broken", "kept"):
        low, high = _bounds_of_share(good[name].dropna().tolist(), of)
        row |= {f"{name}_low": low, f"{name}_high": high}
    return row


def _bounds_of_share(values: list[float], of: int) -> Interval:
    """Of the mean of shares: exact where each is all or nothing."""
    if {*values} <= {0.0, 1.0}:
        return share_interval(int(sum(values)), len(values), of)
    low, high = mean_interval(values, of)
    return max(low, 0.0), min(high, 1.0)


def _to_target(key: SearchKey, efforts: Efforts) -> dict[str, float]:
    row = {"reached": np.nan}
    for axis in AXES:
        found = efforts[axis].get(key)
        row[f"{axis}_to_target"] = found.expected() if found else np.nan
        if found:
            row["reached"] = float(found.reached.mean())
    return row


def _speed_ups(
    name: str, key: SearchKey, other: SearchKey, efforts: Efforts, of: int
) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for axis in AXES:
        this, baseline = efforts[axis].get(key), efforts[axis].get(other)
        found = speed_up(baseline, this, of) if this and baseline and key != other else {}
        column = f"{name}_{axis}"
        row[column] = found.get("value", np.nan)
        row |= {f"{column}_{end}": found.get(end, np.nan) for end in ("low", "high")}
        row[f"{column}_sign"] = found.get("sign")
    return row


def trajectories(searches: pd.DataFrame, axis: Axis) -> pd.DataFrame:
    """The median `regret` of searches by `cost`, with bounds; none where costs are unknown.

    There are many rows a search: the one with the lowest last regret comes first. At each cost,
    the bounds of all searches hold at once with 95 % confidence, and are NaN where unknown.
    It begins where every run has an incumbent, and goes to the end of the median run in steps that
    are even on a log axis: there, equal distances between two searches are equal speed-ups.
    """
    groups = _by_search(_good(searches)).values()
    known = [group for group in groups if not group[axis].isna().any()]
    found = [_trajectory(group, axis, len(groups)) for group in known]
    found.sort(key=lambda each: float(each["regret"].iloc[-1]))
    columns = [*SEARCH, "cost", "regret", "low", "high"]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=columns)


def _trajectory(searches: pd.DataFrame, axis: Axis, of: int) -> pd.DataFrame:
    costs = searches[axis]
    start = floored(max(float(cost[0]) for cost in costs))
    end = max(start, float(np.median([cost[-1] for cost in costs])))
    grid = np.unique(np.geomspace(start, end, POINTS))
    trials = [np.searchsorted(cost, grid * (1 + 1e-12), side="right") - 1 for cost in costs]
    regrets = np.stack(
        [regrets[at] for regrets, at in zip(searches["regrets"], trials, strict=True)]
    )
    bounds = np.array([median_interval(column, of) for column in regrets.T.tolist()])
    asked = searches.iloc[0]
    return pd.DataFrame(
        {
            **{name: asked[name] for name in SEARCH},
            "cost": grid,
            "regret": np.median(regrets, axis=0),
            "low": bounds[:, 0],
            "high": bounds[:, 1],
        }
    )


def with_taus(rows: pd.DataFrame, board: pd.DataFrame) -> pd.DataFrame:
    """Searches whose speed-up is known, with the leaderboard's `kendall_tau` of their predictor.

    They are of one strategy, the one with the most such predictors. Of a predictor's leaderboard
    rows it is the one with the same epochs, and the number of labels that is nearest to the
    trainings that a search may pay, or in a budget of seconds does.
    """
    if rows.empty or board.empty:
        return rows[:0]
    known = rows[~rows[f"speed_up_{clock(rows)}_sign"].isin([None, "?"])]
    pairs = known.reset_index(names="at").merge(
        board.dropna(subset="kendall_tau")[["predictor", "epochs", "train_size", "kendall_tau"]],
        on=["predictor", "epochs"],
    )
    trainings = pairs["budget"].fillna(pairs["evaluations"])
    pairs["apart"] = (pairs["train_size"] - trainings).abs()
    ordered = pairs.sort_values("apart", ascending=False, kind="stable")
    nearest = ordered.drop_duplicates("at", keep="last").sort_values("at")
    if nearest.empty:
        return nearest
    most = nearest.groupby("strategy", sort=False).size().idxmax()
    return nearest[nearest["strategy"] == most].reset_index(drop=True)


def speed_up_bounds(rows: pd.DataFrame) -> tuple[list[float], list[float]]:
    """Bounds of the speed-ups of `with_taus`, the value itself where a side has none."""
    column = f"speed_up_{clock(rows)}"
    low, high = (rows[f"{column}_{end}"].fillna(rows[column]).tolist() for end in ("low", "high"))
    return low, high


def of_one_objective(searches: pd.DataFrame, measured: pd.DataFrame) -> bool:
    """Whether searches are after what a leaderboard ranks by, so that these may be compared."""
    return {*searches["objective"]} == {*measured["objective"]}


def agreement(rows: pd.DataFrame, board: pd.DataFrame) -> dict[str, Any] | None:
    """How well the leaderboard's tau foretells the speed-up of a search, over predictors.

    None with fewer than three predictors that are in both, or if they are all alike.
    """
    from scipy.stats import kendalltau, spearmanr

    pairs = with_taus(rows, board)
    if len(pairs) < 3:
        return None
    speed_ups, taus = pairs[f"speed_up_{clock(rows)}"], pairs["kendall_tau"]
    if min(speed_ups.nunique(), taus.nunique()) < 2:
        return None
    return {
        "strategy": pairs["strategy"].iloc[0],
        "predictors": len(pairs),
        "kendall_tau": float(kendalltau(taus, speed_ups).statistic),
        "spearman": float(spearmanr(taus, speed_ups).statistic),
    }
