"""What a search finds at what cost, and how much sooner than another one.

A search returns its incumbent: of what it has trained the longest, the architecture with the best
validation accuracy. Its regret is the best mean test accuracy of the table less the incumbent's, in
points. The cost of reaching a target regret is the expected running time (Hansen et al., 2010):
what all runs spent until they got there, or to their end, over the number that got there. A run
that never does counts with all that it spent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

import numpy as np
from scipy.stats import kendalltau, spearmanr, t

from archcast.evaluation.record import largest_group
from archcast.evaluation.statistics import (
    ALPHA,
    mean_if_known,
    median_interval,
    share_interval,
)
from archcast.predictors.predictor import Vector
from archcast.search.search_job import SearchRecord
from archcast.studies.costs import floored
from archcast.studies.leaderboard import Row
from archcast.studies.searches import BASELINE

Axis = Literal["seconds", "evaluations"]
AXES: tuple[Axis, ...] = ("seconds", "evaluations")
POINTS = 100  # of a trajectory

SearchKey = tuple[str, str, int]  # strategy and predictor as written, epochs of curves
RANDOM: SearchKey = (BASELINE, "", 0)


def by_search(records: Iterable[SearchRecord]) -> dict[SearchKey, list[SearchRecord]]:
    """The records of each row, by repeat."""
    groups: dict[SearchKey, list[SearchRecord]] = {}
    for record in sorted(records, key=lambda record: record.job.repeat):
        job = record.job
        groups.setdefault((job.strategy, job.predictor, job.epochs), []).append(record)
    return groups


def comparable_searches(records: Iterable[SearchRecord]) -> list[SearchRecord]:
    """The most records that are of one objective, budget, label and seed, in their order."""
    return largest_group(
        records, lambda r: (r.job.objective, r.job.budget, r.job.label, r.job.seed)
    )


def incumbent_regrets(record: SearchRecord) -> Vector:
    """The regret of the incumbent after each trial, in points."""
    best, regret = (0, -np.inf), np.inf
    regrets = []
    signed = record.job.objective.signed
    for epochs, told, truth in zip(record.epochs, record.values, record.truth, strict=True):
        if (epochs, signed(told)) > best:
            best, regret = (epochs, signed(told)), signed(record.best) - signed(truth)
        regrets.append(regret)
    return np.array(regrets)


def costs(record: SearchRecord, axis: Axis) -> Vector | None:
    """What the search had cost after each trial; None where the table does not say.

    Evaluations are trainings paid, in whole ones. Seconds are those of training, simulated, and of
    the predictor, measured.
    """
    if axis == "evaluations":
        return np.array(record.evaluations)
    if not record.training_seconds:
        return None
    return np.add(record.training_seconds, record.predictor_seconds)


def total_cost(record: SearchRecord, axis: Axis) -> float | None:
    """What the search had cost at its end; None where the table does not say."""
    if axis == "evaluations":
        return record.total_evaluations
    known = bool(record.training_seconds)
    return record.total_training_seconds + record.total_predictor_seconds if known else None


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
        of_mean = float(t.isf(ALPHA / of / 2, runs - 1) * deviation)
        low, high = share_interval(found, runs, of)
        assert low is not None
        assert high is not None
        share = max(found, 1) / runs
        return of_mean + np.log(high / share), of_mean + (np.log(share / low) if low else np.inf)


def effort(records: Sequence[SearchRecord], target: float, axis: Axis) -> Effort | None:
    """The effort of searches to bring the incumbent's regret to `target` points or less."""
    spent: list[float] = []
    reached: list[float] = []
    if not records:
        return None
    for record in records:
        cost, total = costs(record, axis), total_cost(record, axis)
        if cost is None or total is None:
            return None
        there = np.flatnonzero(incumbent_regrets(record) <= target + 1e-9)
        spent.append(cost[there[0]] if len(there) else total)
        reached.append(float(len(there) > 0))
    return Effort(np.array(spent), np.array(reached))


Efforts = Mapping[Axis, Mapping[SearchKey, Effort]]


def speed_up(baseline: Effort, this: Effort, of: int = 1) -> Row:
    """How many times cheaper this search gets to the target than the baseline.

    `value` is the ratio of expected costs, `low` and `high` bound it, one of `of` such with 95 %
    confidence in all: errors of the two searches' logarithms are independent, so that their squares
    add up (Zou & Donner, 2008). A bound that the runs don't give is None. `sign` says how to read
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
        "low": float(low) if low > 0 else None,
        "high": float(high) if np.isfinite(high) else None,
        "sign": signs[bool(baseline.reached.any()), bool(this.reached.any())],
    }


def default_target(records: Iterable[SearchRecord]) -> float | None:
    """The regret that the median random search ends with; None without one."""
    random = [record for record in by_search(records).get(RANDOM, []) if not record.failed]
    ends = [float(incumbent_regrets(record)[-1]) for record in random]
    return float(np.median(ends)) if ends else None


def search_rows(records: Sequence[SearchRecord], target: float | None = None) -> list[Row]:
    """One row for each strategy, predictor and number of epochs: random search, then by speed-up.

    The records are comparable and of one table; without a target it is the `default_target`.
    Accuracy and regret are medians, over the runs that did not fail, of what they end with; `_low`
    and `_high` bound a value with 95 % confidence that they do so in every row.
    `speed_up_*` is against random search, `over_unguided_*` against the same strategy without its
    predictor (or what it improves on); `_sign` is as in `speed_up`. What is unknown is None.
    """
    if target is None:
        target = default_target(records) or 0.0
    groups = by_search(records)
    good = {key: [r for r in found if not r.failed] for key, found in groups.items()}
    efforts = {
        axis: {key: each for key, runs in good.items() if (each := effort(runs, target, axis))}
        for axis in AXES
    }
    rows = [
        _outcome(found, good[key], target, len(groups))
        | _to_target(key, efforts)
        | _speed_ups("speed_up", key, RANDOM, efforts, len(groups))
        | _speed_ups("over_unguided", key, _unguided(found[0]), efforts, len(groups))
        for key, found in groups.items()
    ]
    column = f"speed_up_{clock(rows)}"
    fastest = sorted(rows, key=lambda row: -(row[column] or 0.0))
    ranks = {"=": 1, ">": 1, "<": 2, "?": 3}  # a bound from above tells less than a value
    return sorted(
        fastest,
        key=lambda row: 0 if row["strategy"] == BASELINE else ranks.get(row[f"{column}_sign"], 4),
    )


def clock(rows: Sequence[Row]) -> Axis:
    """What speed-ups are counted in: seconds where they are known, else evaluations."""
    return "evaluations" if all(row["seconds"] is None for row in rows) else "seconds"


def _unguided(record: SearchRecord) -> SearchKey:
    return record.job.unguided, "", 0


def _outcome(
    records: Sequence[SearchRecord], good: Sequence[SearchRecord], target: float, of: int
) -> Row:
    job = records[0].job
    ends = [float(incumbent_regrets(record)[-1]) for record in good]
    signed = job.objective.signed
    finals = [signed(signed(record.best) - end) for record, end in zip(good, ends, strict=True)]
    row: Row = {
        "strategy": job.strategy,
        "predictor": job.predictor or None,
        "family": job.family or None,
        "benchmark": job.benchmark,
        "dataset": job.dataset,
        "epochs": job.epochs,
        "budget": job.budget,
        "repeats": len(records),
        "failed": len(records) - len(good),
        "fallbacks": sum(record.fallbacks for record in good),
        "value_mean": fmean(finals) if finals else None,
        "seconds": mean_if_known(total_cost(record, "seconds") for record in good),
        "predictor_seconds": mean_if_known(record.total_predictor_seconds for record in good),
        "target": target,
    }
    for name, values in (("value", finals), ("regret", ends)):
        low, high = median_interval(values, of)
        median = float(np.median(values)) if values else None
        row |= {name: median, f"{name}_low": low, f"{name}_high": high}
    return row


def _to_target(key: SearchKey, efforts: Efforts) -> Row:
    row: Row = {"reached": None}
    for axis in AXES:
        found = efforts[axis].get(key)
        row[f"{axis}_to_target"] = found.expected() if found else None
        if found:
            row["reached"] = float(found.reached.mean())
    return row


def _speed_ups(name: str, key: SearchKey, other: SearchKey, efforts: Efforts, of: int) -> Row:
    row: Row = {}
    for axis in AXES:
        this, baseline = efforts[axis].get(key), efforts[axis].get(other)
        found = speed_up(baseline, this, of) if this and baseline and key != other else {}
        column = f"{name}_{axis}"
        row[column] = found.get("value")
        row |= {f"{column}_{part}": found.get(part) for part in ("low", "high", "sign")}
    return row


@dataclass(frozen=True, slots=True)
class Trajectory:
    """The median regret of searches by cost; its bounds are None where these are unknown."""

    strategy: str
    predictor: str | None
    epochs: int
    cost: list[float]
    regret: list[float]
    low: list[float | None]
    high: list[float | None]


def trajectories(records: Iterable[SearchRecord], axis: Axis) -> list[Trajectory]:
    """A trajectory for each search, lowest last regret first; none where costs are unknown.

    At each cost, the bounds of all hold at once with 95 % confidence.
    It begins where every run has an incumbent, and goes to the end of the median run in steps that
    are even on a log axis: there, equal distances between two searches are equal speed-ups.
    """
    groups = by_search(record for record in records if not record.failed).values()
    found = [each for runs in groups if (each := _trajectory(runs, axis, len(groups)))]
    return sorted(found, key=lambda each: each.regret[-1])


def _trajectory(records: Sequence[SearchRecord], axis: Axis, of: int) -> Trajectory | None:
    known = [cost for record in records if (cost := costs(record, axis)) is not None]
    if len(known) < len(records):
        return None
    start = floored(max(float(cost[0]) for cost in known))
    end = max(start, float(np.median([cost[-1] for cost in known])))
    grid = np.unique(np.geomspace(start, end, POINTS))
    trials = [np.searchsorted(cost, grid * (1 + 1e-12), side="right") - 1 for cost in known]
    regrets = np.stack(
        [incumbent_regrets(record)[at] for record, at in zip(records, trials, strict=True)]
    )
    bounds = [median_interval(column, of) for column in regrets.T.tolist()]
    job = records[0].job
    return Trajectory(
        strategy=job.strategy,
        predictor=job.predictor or None,
        epochs=job.epochs,
        cost=grid.tolist(),
        regret=np.median(regrets, axis=0).tolist(),
        low=[low for low, _ in bounds],
        high=[high for _, high in bounds],
    )


def with_taus(rows: Sequence[Row], leaderboard: Sequence[Row]) -> list[tuple[Row, float]]:
    """Searches whose speed-up is known, with the leaderboard's tau of their predictor.

    They are of one strategy, the one with the most such predictors. Of a predictor's leaderboard
    rows it is the one with the same epochs, and the number of labels that is nearest to the budget.
    """
    column = f"speed_up_{clock(rows)}"
    pairs: dict[str, list[tuple[Row, float]]] = {}
    for row in rows:
        taus = {
            abs(ranked["train_size"] - row["budget"]): ranked["kendall_tau"]
            for ranked in leaderboard
            if (ranked["predictor"], ranked["epochs"]) == (row["predictor"], row["epochs"])
            and ranked["kendall_tau"] is not None
        }
        if taus and row[f"{column}_sign"] not in (None, "?"):
            pairs.setdefault(row["strategy"], []).append((row, taus[min(taus)]))
    return max(pairs.values(), key=len, default=[])


def speed_up_bounds(rows: Sequence[Row]) -> tuple[list[float], list[float]]:
    """Bounds of the speed-ups of `with_taus`, the value itself where a side has none."""
    column = f"speed_up_{clock(rows)}"
    low, high = (
        [row[column] if row[name] is None else row[name] for row in rows]
        for name in (f"{column}_low", f"{column}_high")
    )
    return low, high


def agreement(rows: Sequence[Row], leaderboard: Sequence[Row]) -> Row | None:
    """How well the leaderboard's tau foretells the speed-up of a search, over predictors.

    None with fewer than three predictors that are in both, or if they are all alike.
    """
    pairs = with_taus(rows, leaderboard)
    speed_ups = [row[f"speed_up_{clock(rows)}"] for row, _ in pairs]
    taus = [tau for _, tau in pairs]
    if len(pairs) < 3 or min(len(set(speed_ups)), len(set(taus))) < 2:
        return None
    return {
        "strategy": pairs[0][0]["strategy"],
        "predictors": len(pairs),
        "kendall_tau": float(kendalltau(taus, speed_ups).statistic),
        "spearman": float(spearmanr(taus, speed_ups).statistic),
    }
