from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Sequence
from itertools import combinations, islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from rich.console import Console
from scipy import stats

from archcast.benchmarks.objective import ACCURACY
from archcast.benchmarks.table import Table
from archcast.cli import main
from archcast.evaluation.job import Job
from archcast.evaluation.measure import measure
from archcast.evaluation.metrics import kendall_tau
from archcast.evaluation.noise import noise_ceiling
from archcast.evaluation.record import Record
from archcast.evaluation.split_means import largest_quantile, range_quantile
from archcast.evaluation.statistics import (
    mean_interval,
    median_interval,
    share_interval,
    win_rates,
)
from archcast.report.terminal import leaderboard_table
from archcast.report.text import Row, rows_of
from archcast.report.views import ceiling_note
from archcast.spaces import registry as spaces
from archcast.studies.leaderboard import summarise
from tests.results import said, small_table, write_small_table


def normal_scores(names: str, blocks: int, seed: int, step: float) -> dict[str, list[float]]:
    """Each name's scores are better by `step` than those of the name before."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(i * step, 1.0, blocks).tolist() for i, name in enumerate(names)}


@pytest.mark.parametrize("n", [2, 3, 10])
def test_mean_interval_has_its_coverage_and_agrees_with_scipy(n: int) -> None:
    draws = np.random.default_rng(n).normal(5.0, 2.0, (2_000, n))
    intervals = np.array([mean_interval(draw.tolist()) for draw in draws], dtype=float)
    covered = (intervals[:, 0] <= 5.0) & (intervals[:, 1] >= 5.0)
    assert covered.mean() == pytest.approx(0.95, abs=0.015)
    expected = stats.ttest_1samp(draws[0], 0.0).confidence_interval(0.95)
    assert mean_interval(draws[0].tolist()) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("k", [2, 10, 63])
@pytest.mark.parametrize("df", [30, 109])
def test_quantiles_of_a_range_and_of_the_largest(k: int, df: int) -> None:
    assert range_quantile(k, df) == pytest.approx(stats.studentized_range.ppf(0.95, k, df), 1e-3)
    assert largest_quantile(1, df) == pytest.approx(stats.t.ppf(0.975, df), rel=1e-3)
    values = np.random.default_rng(0).normal(size=(200_000, k))
    deviations = np.sqrt(np.random.default_rng(1).chisquare(df, 200_000) / df)
    within = np.abs(values).max(axis=1) < largest_quantile(k, df) * deviations
    assert within.mean() == pytest.approx(0.95, abs=0.002)


def test_intervals_of_a_column_hold_at_once() -> None:
    rng = np.random.default_rng(0)
    held = [
        all(
            low <= 0.0 <= high
            for low, high in (mean_interval(row, of=8) for row in rng.normal(size=(8, 4)).tolist())
        )
        for _ in range(600)
    ]
    assert np.mean(held) == pytest.approx(0.95, abs=0.025)
    assert share_interval(3, 9, of=5) == pytest.approx(
        (stats.beta.ppf(0.005, 3, 7), stats.beta.ppf(0.995, 4, 6))
    )
    assert median_interval(list(range(12)), of=1) == (2.0, 9.0)
    assert median_interval(list(range(12)), of=5) == (1.0, 10.0)


def test_mean_interval_of_too_little_and_in_any_order() -> None:
    assert np.isnan([*mean_interval([]), *mean_interval([0.5])]).all()
    assert mean_interval([0.5, 0.5]) == (0.5, 0.5)
    values = np.random.default_rng(0).normal(size=7)
    assert mean_interval(values.tolist()) == mean_interval(values[::-1].tolist())


@pytest.mark.parametrize("share", [0.02, 0.3, 1.0])
@pytest.mark.parametrize("trials", [3, 50])
def test_share_interval_has_its_coverage(share: float, trials: int) -> None:
    found = [share_interval(each, trials) for each in range(trials + 1)]
    chances = stats.binom.pmf(range(trials + 1), trials, share)
    covered = [low <= share <= high for low, high in found]
    assert np.dot(chances, covered) >= 0.95
    assert np.isnan(share_interval(0, 0)).all()


def records(predictor: str, noises: Sequence[float | None], **changes: Any) -> list[Record]:
    """A record for each repeat, its scores the truth with so much noise; None failed.

    Half of the noise is what all predictors share.
    """
    found = []
    for repeat, noise in enumerate(noises):
        values: dict[str, Any] = {
            **said(predictor), "train_size": 0, "test_size": 60, "epochs": 0,
            "label": "valid", "truth": "test", "repeat": repeat,
        }  # fmt: skip
        job = Job(**{**values, **changes})
        truth, shared = np.random.default_rng(repeat).normal(size=(2, 60))
        own = np.random.default_rng([repeat, *predictor.encode()]).normal(size=60)
        if noise is None:
            found.append(Record(table="t", job=job, truth=truth.tolist(), error="no luck"))
            continue
        predictions = (truth + noise * (shared + own) / 2**0.5).tolist()
        found.append(Record(table="t", job=job, truth=truth.tolist(), predictions=predictions))
    return found


def leaderboard(records: Iterable[Record]) -> list[Row]:
    return rows_of(summarise(measure(records)))


def ties(*groups: list[Record]) -> list[bool | None]:
    return [row["tied_with_best"] for row in leaderboard(r for group in groups for r in group)]


def test_rows_that_splits_do_not_tell_from_the_best() -> None:
    best = records("xgb", [0.3] * 5)
    assert ties(best) == [True]
    assert ties(best, records("rf", [0.32] * 5)) == [True, True]
    # Always a little worse on the same architectures: its own interval overlaps, and yet it is not
    # tied.
    worse = records("rf", [0.36] * 5)
    first, second = leaderboard([*best, *worse])
    assert second["kendall_tau_high"] > first["kendall_tau_low"]
    assert ties(best, worse) == [True, False]
    assert ties(best, records("rf", [0.32] * 5), records("gp", [3.0] * 5)) == [True, True, False]


def test_best_that_is_not_ahead_on_shared_splits() -> None:
    best = records("xgb", [0.1, 0.1, 0.1, 1.0, 1.0])
    assert ties(best, records("rf", [None, None, None, 0.98, 0.98])) == [True, True]


def test_rows_do_not_depend_on_the_order_of_records() -> None:
    made = [
        *records("xgb", [0.3] * 4),
        *records("rf", [0.3] * 4),
        *records("gp", [1.0, None, 1.0, 1.0]),
    ]
    columns = ("predictor", "tied_with_best", "kendall_tau_low", "kendall_tau_high")
    boards = leaderboard(made), leaderboard(made[::-1])
    one, other = ([[row[name] for name in columns] for row in rows] for rows in boards)
    for row, again in zip(one, other, strict=True):
        assert row[:2] == again[:2]
        assert row[2:] == pytest.approx(again[2:])


def test_a_tie_and_an_interval_need_two_splits() -> None:
    (row,) = leaderboard(records("xgb", [0.3]))
    assert row["kendall_tau"] is not None
    assert [row[f"kendall_tau_{end}"] for end in ("low", "high")] == [None, None]
    assert row["tied_with_best"] is None


@pytest.mark.parametrize(
    "changes",
    [
        {"benchmark": "other"},
        {"dataset": "other"},
        {"test_size": 61},
        {"truth": "valid"},
        {"seed": 1},
    ],
)
def test_only_equal_splits_pair(changes: dict[str, Any]) -> None:
    best = records("xgb", [0.3] * 3)
    assert ties(best, records("rf", [3.0] * 3)) == [True, False]
    assert ties(best, records("rf", [3.0] * 3, **changes)) == [True, None]


def test_failed_and_single_repeats_do_not_pair() -> None:
    best = records("xgb", [0.3] * 3)
    assert ties(best, records("rf", [3.0, 3.0, None])) == [True, False]
    assert ties(best, records("rf", [3.0, None, None])) == [True, None]
    assert ties(best[:1], records("rf", [3.0, 3.0])) == [None, None]
    assert ties(records("xgb", [None, None]), records("rf", [None])) == [None, None]


def shown(board: pd.DataFrame) -> list[str]:
    text = io.StringIO()
    Console(file=text, width=80).print(leaderboard_table(board, 80))
    return [line[:4].rstrip() for line in text.getvalue().splitlines()]


def test_ranks_that_are_tied_are_marked() -> None:
    board = summarise(
        measure(
            [
                *records("xgb", [0.3] * 5),
                *records("rf", [0.32] * 5),
                *records("gp", [3.0] * 5),
            ]
        )
    )
    assert shown(board)[2:] == ["1", "2=", "3"]
    many = shown(board.iloc[[0, *[1] * 9, 2]])
    assert (many[0], many[2], many[3], many[11], many[12]) == (" #", " 1", " 2=", "10=", "11")


def test_notes_stand_below_the_table_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_small_table(tmp_path)
    monkeypatch.chdir(tmp_path)
    command = ["leaderboard", "--benchmark", str(path), "--test-size", "20", "--repeats", "3"]
    command += ["--train-sizes", "10", "--predictors", "params,params(),random"]
    output = {}
    for format_ in ("table", "json", "csv"):
        monkeypatch.setattr(sys, "argv", ["archcast", *command, "--format", format_])
        with pytest.raises(SystemExit):
            main()
        output[format_] = capsys.readouterr().out
    *_, tied, interval, noise = output["table"].splitlines()
    assert tied.startswith("= may be the best too")
    assert interval.startswith("95 % of tau: of its mean over all random splits")
    assert max(map(len, (tied, interval))) <= 80
    limit = noise_ceiling(small_table())
    assert noise == f"noise of training limits tau to about {limit:.2f}", "each has two runs"
    assert "noise" not in output["json"] + output["csv"]
    assert "tied_with_best" in output["json"]


def test_curves_of_single_runs_are_told_beside_the_ceiling() -> None:
    table = noisy_table(np.linspace(50.0, 90.0, 60), 1.0, [2] * 40 + [1] * 20)
    measured = pd.DataFrame({"objective": ["accuracy"], "truth": ["test"]})
    note = ceiling_note(measured, table)
    assert note is not None
    assert note.endswith(", except for learning curves")
    assert ceiling_note(measured, noisy_table(np.linspace(50.0, 90.0, 60), 1.0, [1] * 60)) is None


def test_win_rates_by_counting() -> None:
    rates = win_rates({"a": [3, 1, 2, 5], "b": [2, 1, 4, 1]})
    np.testing.assert_array_equal(rates, [[0.5, 0.625], [0.375, 0.5]])
    scores = normal_scores("abc", blocks=7, seed=1, step=0.3)
    rates = win_rates(scores)
    for (i, a), (j, b) in combinations(enumerate(scores), 2):
        wins = sum(x > y for x, y in zip(scores[a], scores[b], strict=True))
        assert rates[i, j] == pytest.approx(wins / 7) == pytest.approx(1 - rates[j, i])


def noisy_table(
    expected: NDArray[np.float64], noise: float, runs: Sequence[int], seed: int = 0
) -> Table:
    """Accuracies with normal noise; `runs[i]` of architecture i."""
    space = spaces.get("nasbench201")
    cells = [str(cell) for cell in islice(space.enumerate(), len(expected))]
    owners = np.repeat(np.arange(len(expected)), runs)
    draws = np.random.default_rng(seed).normal(0.0, noise, len(owners))
    return Table(
        space,
        "toy",
        [cells[i] for i in owners],
        {
            "seed": np.concatenate([np.arange(k) for k in runs]),
            "test_accuracy": np.clip(expected[owners] + draws, 0.0, 100.0),
        },
    )


@pytest.mark.parametrize("runs", [(1, 2), (2,), (1, 1, 1, 2, 5), (3,)])
@pytest.mark.parametrize("skewed", [False, True])
def test_noise_ceiling_is_what_a_perfect_predictor_reaches(
    runs: tuple[int, ...], skewed: bool
) -> None:
    rng = np.random.default_rng(1)
    n = 2_000
    expected = 80 - rng.exponential(6.0, n).clip(max=70) if skewed else rng.normal(60.0, 6.0, n)
    table = noisy_table(expected, 3.0, rng.choice(runs, n).tolist())
    drawn = rng.integers(table.starts[:-1], table.starts[1:])
    reached = kendall_tau(table.mean_of_others(table.values(ACCURACY, "test"), drawn), expected)
    assert 0.55 < reached < 0.85
    assert noise_ceiling(table) == pytest.approx(reached, abs=0.025)


def test_noise_ceiling_by_spearman_brown() -> None:
    expected = np.random.default_rng(0).normal(60.0, 6.0, 300)
    table = noisy_table(expected, 4.0, [3] * 300)
    accuracy = table.values(ACCURACY, "test").reshape(-1, 3)
    r = np.sin(np.pi / 2 * stats.kendalltau(accuracy[:, 0], accuracy[:, 1]).statistic)
    correlation = np.sqrt(2 * r / (1 + r))  # of the two runs that are not drawn
    assert noise_ceiling(table) == pytest.approx(2 / np.pi * np.arcsin(correlation))


def test_noise_ceiling_of_little_and_of_nothing_but_noise() -> None:
    expected = np.linspace(50.0, 90.0, 60)
    assert noise_ceiling(noisy_table(expected, 1e-3, [2] * 60)) == pytest.approx(1.0)
    assert noise_ceiling(noisy_table(expected, 0.0, [2] * 60)) is None, "measured once"
    reverse = small_table()
    reverse.columns["test_accuracy"] = np.array([[50.0 + i, 50.0 - i] for i in range(60)]).ravel()
    assert noise_ceiling(reverse) == 0.0


def test_noise_ceiling_needs_second_runs() -> None:
    expected = np.linspace(50.0, 90.0, 60)
    assert noise_ceiling(noisy_table(expected, 1.0, [1] * 60)) is None
    assert noise_ceiling(noisy_table(expected, 1.0, [2] * 29 + [1] * 31)) is None
    assert noise_ceiling(noisy_table(expected, 1.0, [2] * 30 + [1] * 30)) is not None


def test_noise_ceiling_of_the_accuracy_that_is_the_truth() -> None:
    table = small_table()
    runs = np.repeat(np.arange(60.0, dtype=np.float32), 2)
    table.columns["test_accuracy"] = runs + np.tile([0.0, 0.1], 60)
    assert noise_ceiling(table) == pytest.approx(1.0)
    valid = noise_ceiling(table, part="valid")
    assert valid is not None
    assert 0.5 < valid < 1.0
