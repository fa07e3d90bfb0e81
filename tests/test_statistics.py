from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from itertools import combinations, islice, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from rich.console import Console
from scipy import stats

from archcast.catalog import spaces
from archcast.cli import main
from archcast.evaluation.job import Job
from archcast.evaluation.leaderboard import Row, leaderboard
from archcast.evaluation.metrics import kendall_tau
from archcast.evaluation.noise import noise_ceiling
from archcast.evaluation.record import Record
from archcast.evaluation.statistics import (
    critical_differences,
    holm,
    mean_interval,
    paired_interval,
    win_rates,
)
from archcast.report.terminal import leaderboard_table
from archcast.tables.table import Table
from tests.results import small_table, write_small_table

# Table 6 of Demsar (2006): AUC on 14 data sets. He ranks the second .975 of the last column but
# one third, so that it was a little lower before it was rounded.
DEMSAR = {
    "C4.5": [.763, .599, .954, .628, .882, .936, .661, .583, .775, 1, .940, .619, .972, .957],
    "C4.5+m": [.768, .591, .971, .661, .888, .931, .668, .583, .838, 1, .962, .666, .981, .978],
    "C4.5+cf": [.771, .590, .968, .654, .886, .916, .609, .563, .866, 1, .965, .614, .975, .946],
    "C4.5+m+cf": [.798, .569, .967, .657, .898, .931, .685, .625, .875, 1, .962, .669, .9749, .970],
}  # fmt: skip


def normal_scores(names: str, blocks: int, seed: int, step: float) -> dict[str, list[float]]:
    """Each name's scores are better by `step` than those of the name before."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(i * step, 1.0, blocks).tolist() for i, name in enumerate(names)}


def test_bootstrap_interval_has_its_coverage() -> None:
    rng = np.random.default_rng(3)
    intervals = [mean_interval(rng.normal(5.0, 2.0, 30).tolist()) for _ in range(200)]
    covered = np.mean([low < 5.0 < high for low, high in intervals if low and high])
    assert 0.88 < covered < 0.99
    assert mean_interval([0.5]) == (None, None)
    assert mean_interval([0.5, 0.5]) == (0.5, 0.5)


def test_bootstrap_interval_does_not_depend_on_the_order() -> None:
    values = np.random.default_rng(0).normal(size=7)
    assert mean_interval(values.tolist()) == mean_interval(values[::-1].tolist())


def test_paired_interval_agrees_with_scipy_and_ignores_what_is_shared() -> None:
    rng = np.random.default_rng(0)
    shared = rng.normal(0.0, 10.0, 40)
    a, b = shared + rng.normal(1.0, 0.5, 40), shared + rng.normal(0.5, 0.5, 40)
    low, high = paired_interval(a.tolist(), b.tolist())
    expected = stats.bootstrap(
        (a, b), lambda x, y: np.mean(x - y), paired=True, vectorized=False, method="percentile",
        n_resamples=2_000, rng=1,
    ).confidence_interval  # fmt: skip
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=0.03)
    assert paired_interval(a.tolist(), b.tolist()) == (low, high)


def test_paired_interval_of_too_little() -> None:
    assert paired_interval([], []) == paired_interval([0.5], [0.4]) == (None, None)
    with pytest.raises(ValueError, match="shorter"):
        paired_interval([0.5, 0.6], [0.4])


@pytest.mark.parametrize(("pairs", "missed"), [(3, 0.23), (10, 0.09)])
def test_paired_interval_of_few_pairs_is_too_narrow(pairs: int, missed: float) -> None:
    draws = np.random.default_rng(2).normal(size=(1_500, pairs))
    intervals = [paired_interval(draw.tolist(), [0.0] * pairs) for draw in draws]
    assert np.mean([not low <= 0 <= high for low, high in intervals]) == pytest.approx(
        missed, abs=0.03
    )


def records(predictor: str, swaps: Sequence[int | None], **changes: Any) -> list[Record]:
    """A record for each repeat, whose ranking of ten has so many discordant pairs; None failed."""
    found = []
    for repeat, swapped in enumerate(swaps):
        values: dict[str, Any] = {
            "benchmark": "toy", "dataset": "toy", "train_size": 0, "test_size": 10, "epochs": 0,
            "label": "valid", "truth": "test", "repeat": repeat,
        }  # fmt: skip
        job = Job(predictor=predictor, **{**values, **changes})
        truth = [float(i) for i in range(10)]
        if swapped is None:
            found.append(Record(table="t", job=job, truth=truth, error="no luck"))
            continue
        moved = truth.copy()
        moved.insert(swapped, moved.pop(0))
        assert kendall_tau(truth, moved) == pytest.approx(1.0 - 2.0 * swapped / 45.0)
        found.append(Record(table="t", job=job, truth=truth, predictions=moved))
    return found


def ties(*groups: list[Record]) -> list[bool | None]:
    return [row["tied_with_best"] for row in leaderboard(r for group in groups for r in group)]


def test_rows_that_splits_do_not_tell_from_the_best() -> None:
    best = records("xgb", [0, 4, 0, 4, 0])
    assert ties(best) == [True]
    assert ties(best, records("rf", [1, 3, 1, 3, 1])) == [True, True]
    # Always one more discordant pair: its own interval overlaps, and yet it is always worse.
    assert ties(best, records("rf", [1, 5, 1, 5, 1])) == [True, False]
    assert ties(best, records("rf", [1, 3, 1, 3, 1]), records("gp", [9, 9, 9, 9, 9])) == [
        True, True, False,
    ]  # fmt: skip


def test_best_that_is_not_ahead_on_shared_splits() -> None:
    best = records("xgb", [0, 0, 0, 4, 4])
    assert ties(best, records("rf", [None, None, None, 3, 3])) == [True, True]


@pytest.mark.parametrize(
    "changes",
    [
        {"benchmark": "other"},
        {"dataset": "other"},
        {"test_size": 11},
        {"truth": "valid"},
        {"seed": 1},
    ],
)
def test_only_equal_splits_pair(changes: dict[str, Any]) -> None:
    best = records("xgb", [0, 0, 0])
    assert ties(best, records("rf", [5, 5, 5])) == [True, False]
    assert ties(best, records("rf", [5, 5, 5], **changes)) == [True, None]


def test_failed_and_single_repeats_do_not_pair() -> None:
    best = records("xgb", [0, 0, 0])
    assert ties(best, records("rf", [5, 5, None])) == [True, False]
    assert ties(best, records("rf", [5, None, None])) == [True, None]
    assert ties(best[:1], records("rf", [5, 5])) == [None, None]
    assert ties(records("xgb", [None, None]), records("rf", [None])) == [None, None]


def shown(rows: Sequence[Row]) -> list[str]:
    text = io.StringIO()
    Console(file=text, width=80).print(leaderboard_table(rows, 80))
    return [line[:4].rstrip() for line in text.getvalue().splitlines()]


def test_ranks_that_are_tied_are_marked() -> None:
    rows = leaderboard(
        [
            *records("xgb", [0, 4, 0, 4, 0]),
            *records("rf", [1, 3, 1, 3, 1]),
            *records("gp", [9, 9, 9, 9, 9]),
        ]
    )
    assert shown(rows)[2:] == ["1", "2=", "3"]
    many = shown([rows[0], *[rows[1]] * 9, rows[2]])
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
    *_, tied, noise = output["table"].splitlines()
    assert tied.startswith("= tau is not told apart from the best")
    assert noise.startswith(
        f"noise of training limits tau to about {noise_ceiling(small_table()):.2f}"
    )
    assert "noise" not in output["json"] + output["csv"]
    assert "tied_with_best" in output["json"]


def test_critical_differences_of_the_paper() -> None:
    found = critical_differences(DEMSAR)
    assert found.names == ("C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5")
    assert found.ranks == pytest.approx((1.964, 2.000, 2.893, 3.143), abs=5e-4)
    # The paper's 9.28 does not allow for ties, of which one, one, four and one share ranks.
    ties_ = 3 * (2**3 - 2) + (4**3 - 4)
    statistic = 9.28 / (1 - ties_ / (14 * 4 * (4**2 - 1)))
    assert found.friedman_p == pytest.approx(stats.chi2.sf(statistic, 3), rel=0.01)


def test_wilcoxon_with_zeros_as_in_the_paper() -> None:
    # C4.5 against C4.5+m: R+ = 93 and R- = 12, the difference of 0 on two data sets split evenly.
    differences = np.subtract(DEMSAR["C4.5+m"], DEMSAR["C4.5"])
    ranks = stats.rankdata(np.abs(differences).round(6))
    zeros = ranks[differences == 0].sum() / 2
    assert ranks[differences > 0].sum() + zeros == pytest.approx(93)
    deviation = np.sqrt(14 * 15 * 29 / 24)
    expected = 2 * stats.norm.sf((93 - 52.5) / deviation)
    found = critical_differences(DEMSAR)
    p = found.p_values[found.names.index("C4.5"), found.names.index("C4.5+m")]
    assert p == pytest.approx(6 * expected, rel=0.02), "the least of six by Holm"


def signed_rank_p(a: Sequence[float], b: Sequence[float]) -> float:
    """Of all ways to give signs to the ranks, the share that is as extreme."""
    differences = np.subtract(a, b)
    ranks = stats.rankdata(np.abs(differences))
    sums = np.array([np.dot(signs, ranks) for signs in product((-1, 1), repeat=len(ranks))])
    return float(np.mean(np.abs(sums) >= abs(np.dot(np.sign(differences), ranks))))


def test_p_values_by_brute_force() -> None:
    scores = normal_scores("abcd", blocks=9, seed=4, step=0.8)
    found = critical_differences(scores)
    pairs = list(combinations(found.names, 2))
    corrected = holm([signed_rank_p(scores[a], scores[b]) for a, b in pairs])
    at = [(found.names.index(a), found.names.index(b)) for a, b in pairs]
    assert [found.p_values[i, j] for i, j in at] == pytest.approx(corrected)
    np.testing.assert_array_equal(found.p_values, found.p_values.T)
    np.testing.assert_array_equal(np.diag(found.p_values), 1.0)


def test_equal_differences_are_ties_in_spite_of_rounding() -> None:
    tenths, others = [0.1, 0.3, 0.5, 0.7, 0.4], [0.2, 0.2, 0.6, 0.8, 0.5]
    assert len({abs(a - b) for a, b in zip(tenths, others, strict=True)}) > 1
    whole = {"a": [1, 3, 5, 7, 4], "b": [2, 2, 6, 8, 5], "c": [9, 9, 9, 1, 1]}
    found = critical_differences({"a": tenths, "b": others, "c": [0.9, 0.9, 0.9, 0.1, 0.1]})
    np.testing.assert_array_equal(found.p_values, critical_differences(whole).p_values)


def test_friedman_by_hand() -> None:
    # Ranks by block: (1, 2, 3), (1, 2, 3), (2, 1, 3), (1.5, 1.5, 3); sums 5.5, 6.5, 12.
    found = critical_differences({"c": [1, 2, 3, 4], "b": [2, 3, 5, 6], "a": [3, 4, 4, 6]})
    assert found.names == ("a", "b", "c")
    assert found.ranks == (1.375, 1.625, 3.0)
    statistic = 12 / (4 * 3 * 4) * (5.5**2 + 6.5**2 + 12**2) - 3 * 4 * 4
    statistic /= 1 - (2**3 - 2) / (4 * 3 * (3**2 - 1))
    assert found.friedman_p == pytest.approx(np.exp(-statistic / 2)), "chi2 with two degrees"


@pytest.mark.parametrize("seed", range(4))
def test_groups_are_the_largest_that_are_not_told_apart(seed: int) -> None:
    found = critical_differences(normal_scores("abcdef", blocks=16, seed=seed, step=0.7))
    assert found.friedman_p < 0.05
    together = [
        set(names)
        for size in range(2, 7)
        for names in combinations(found.names, size)
        if all(
            found.p_values[found.names.index(a), found.names.index(b)] >= 0.05
            for a, b in combinations(names, 2)
        )
    ]
    largest = [names for names in together if not any(names < others for others in together)]
    assert sorted(map(sorted, found.groups)) == sorted(map(sorted, largest))
    starts = [found.names.index(group[0]) for group in found.groups]
    assert starts == sorted(starts)


def test_one_group_where_friedman_finds_nothing() -> None:
    alike = critical_differences({name: [0.5, 0.6] for name in "abc"})
    assert (alike.friedman_p, alike.ranks) == (1.0, (2.0, 2.0, 2.0))
    np.testing.assert_array_equal(alike.p_values, 1.0)
    assert alike.groups == (("a", "b", "c"),)
    noise = critical_differences(normal_scores("abcd", blocks=10, seed=0, step=0.0))
    assert noise.friedman_p > 0.05
    assert noise.groups == (noise.names,)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ({}, "scores of 0 predictors; give 3 or more"),
        ({"a": [1, 2], "b": [1, 2]}, "scores of 2 predictors; give 3 or more"),
        ({"a": [1], "b": [2], "c": [3]}, "scores of 1 blocks; give 2 or more"),
        ({"a": [1, 2], "b": [1], "c": [1, 2]}, "b has scores of 1 blocks, a of 2"),
        ({"a": [1, 2], "b": [1, np.nan], "c": [1, 2]}, "b has no score in block 1"),
    ],
)
def test_too_few_scores(scores: dict[str, list[float]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        critical_differences(scores)


def test_holm_by_hand() -> None:
    # 4 x .005, 3 x .01, 2 x .03, and .04 raised to the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=7))
def test_holm_is_the_closure_of_bonferroni(p_values: list[float]) -> None:
    n = len(p_values)
    subsets = [s for size in range(1, n + 1) for s in combinations(range(n), size)]
    expected = [
        max(min(1.0, len(s) * min(p_values[i] for i in s)) for s in subsets if test in s)
        for test in range(n)
    ]
    assert holm(p_values) == pytest.approx(expected)


def test_win_rates_by_counting() -> None:
    rates = win_rates({"a": [3, 1, 2, 5], "b": [2, 1, 4, 1]})
    np.testing.assert_array_equal(rates, [[0.5, 0.625], [0.375, 0.5]])
    scores = normal_scores("abc", blocks=7, seed=1, step=0.3)
    rates = win_rates(scores)
    for (i, a), (j, b) in combinations(enumerate(scores), 2):
        wins = sum(x > y for x, y in zip(scores[a], scores[b], strict=True))
        assert rates[i, j] == pytest.approx(wins / 7) == pytest.approx(1 - rates[j, i])
    with pytest.raises(ValueError, match="scores of 0 blocks"):
        win_rates({"a": [], "b": []})


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
    reached = kendall_tau(table.mean_over_runs(table.final_accuracy("test")), expected)
    assert 0.6 < reached < 0.85
    assert noise_ceiling(table) == pytest.approx(reached, abs=0.025)


def test_noise_ceiling_by_spearman_brown() -> None:
    expected = np.random.default_rng(0).normal(60.0, 6.0, 300)
    table = noisy_table(expected, 4.0, [3] * 300)
    accuracy = table.final_accuracy("test").reshape(-1, 3)
    r = np.sin(np.pi / 2 * stats.kendalltau(accuracy[:, 0], accuracy[:, 1]).statistic)
    correlation = np.sqrt(3 * r / (1 + 2 * r))
    assert noise_ceiling(table) == pytest.approx(2 / np.pi * np.arcsin(correlation))


def test_noise_ceiling_of_none_and_of_nothing_but_noise() -> None:
    expected = np.linspace(50.0, 90.0, 60)
    assert noise_ceiling(noisy_table(expected, 0.0, [2] * 60)) == pytest.approx(1.0)
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
    table.columns["test_accuracy"] = np.repeat(np.arange(60.0, dtype=np.float32), 2)
    assert noise_ceiling(table) == pytest.approx(1.0)
    valid = noise_ceiling(table, "valid")
    assert valid is not None
    assert 0.5 < valid < 1.0
