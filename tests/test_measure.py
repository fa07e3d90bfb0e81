"""Records as a frame, and metrics as values."""

from __future__ import annotations

import io
from importlib.metadata import PackageNotFoundError
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from archcast.core.errors import InputError
from archcast.core.registry import Entry
from archcast.evaluation import metrics as functions
from archcast.evaluation import record as records
from archcast.evaluation import registry as metrics
from archcast.evaluation.job import Job
from archcast.evaluation.measure import measure
from archcast.evaluation.metrics import Matrix, Metric, Values, Vector
from archcast.evaluation.record import Cost, Record
from archcast.evaluation.split_means import split_taus
from archcast.report.page import page
from archcast.report.terminal import BESIDE, NARROWEST, filling_table, leaderboard_table
from archcast.report.text import rows_of
from archcast.studies.leaderboard import summarise
from tests.results import said, small_table

TRUTH = np.linspace(60.0, 90.0, 40)


def record(predictor: str, noise: float, repeat: int = 0, **outcome: Any) -> Record:
    job = Job(
        **said(predictor), train_size=20, epochs=0, test_size=40, label="valid", truth="test",
        repeat=repeat,
    )  # fmt: skip
    predictions = TRUTH + np.random.default_rng(repeat).normal(0.0, noise, 40)
    values = {"truth": TRUTH.tolist(), "predictions": predictions.tolist(), **outcome}
    return Record(table="t", job=job, **values)


def worst_first(truth: Values, predicted: Values) -> float:
    """How far the one that is predicted to be the best lies below the best."""
    return float(np.max(truth) - np.asarray(truth)[np.argmax(predicted)])


WORST_FIRST = Metric("worst-first", worst_first, "min", ".1f", "points lost", "lost")
BARE = worst_first


@pytest.fixture
def third_party(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Register a metric under a name, as an entry point would."""

    def register(name: str, target: str) -> None:
        entries = {**metrics.entries, name: Entry(f"{__name__}:{target}", "", "third-party")}
        monkeypatch.setitem(metrics.__dict__, "entries", entries)

    return register


def test_a_row_says_what_a_record_says() -> None:
    cost = Cost(labels=100.0, fit=0.5, evidence=2.0, query=0.25)
    good = record("rf", 3.0, cost=cost)
    failed = record("rf", 3.0, 1, predictions=[], error="no luck")
    timeless = record("gp", 3.0, cost=cost.model_copy(update={"labels": None, "evidence": None}))
    rows = rows_of(measure([good, failed, timeless]))
    assert [row["predictor"] for row in rows] == ["rf", "rf", "gp"]
    assert [row["family"] for row in rows] == ["model-based"] * 3
    assert [row["repeat"] for row in rows] == [0, 1, 0]
    assert [row["error"] for row in rows] == [None, "no luck", None]
    for metric in metrics.all():
        value = None if metric.of_values else metric(good.truth, good.predictions)
        assert rows[0][metric.column] == value, "there are no values"
        assert rows[1][metric.column] is None
    (tau,) = split_taus(np.array(good.truth), np.array([good.predictions]))
    np.testing.assert_array_equal(rows[0]["split_tau"].influence, tau.influence)
    assert rows[0]["predictions"].tolist() == good.predictions
    assert rows[0]["truths"].tolist() == good.truth
    seconds = {name: value for name, value in rows[0].items() if name.endswith("_seconds")}
    assert seconds == {
        "init_seconds": 100.5, "query_seconds": 2.25, "label_seconds": 100.0,
        "fit_seconds": 0.5, "evidence_seconds": 2.0, "source_seconds": 0.0,
    }  # fmt: skip
    assert rows[2]["init_seconds"] is rows[2]["query_seconds"] is None
    assert rows[2]["fit_seconds"] == 0.5
    assert rows[1]["split_tau"] is rows[1]["predictions"] is rows[1]["fit_seconds"] is None


def test_no_records_are_an_empty_frame() -> None:
    empty = measure([])
    assert list(empty) == list(measure([record("rf", 1.0)]))
    board = summarise(empty)
    assert board.empty
    assert {"kendall_tau", "tied_with_best"} <= set(board)


def test_a_page_counts_pairs_once_a_truth_and_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    pairs = functions.pairs

    def counted(truth: Vector, predicted: Matrix) -> Any:
        calls.append(len(predicted))
        return pairs(truth, predicted)

    monkeypatch.setattr("archcast.evaluation.metrics.pairs", counted)
    monkeypatch.setattr("archcast.evaluation.split_means.pairs", counted)
    made = [record(name, noise, r) for name, noise in (("rf", 1.0), ("gp", 3.0)) for r in range(3)]
    page(measure(made), small_table(runs=1), "archcast report")
    assert calls == [len(made)] * 2, "tau and sparse tau of all"


@pytest.mark.parametrize("by", [each.name for each in metrics.all() if not each.of_values])
def test_rows_are_ranked_by_any_metric(by: str) -> None:
    metric = metrics.get(by)
    noises = {"gp": 30.0, "rf": 2.0, "xgb": 9.0, "mlp": 0.1}
    made = [record(name, noise, r) for name, noise in noises.items() for r in range(3)]
    measured = measure([*made, record("ngb", 1.0, predictions=[], error="no luck")])
    board = summarise(measured, by)
    means = {name: group[metric.column].mean() for name, group in measured.groupby("predictor")}
    sign = -1 if metric.direction == "max" else 1
    values = [means[name] for name in board["predictor"]]
    assert values[:-1] == sorted(values[:-1], key=lambda value: sign * value)
    assert board["predictor"].iat[-1] == "ngb", "what failed is last"
    assert board["tied_with_best"].isna().all() == (by != "kendall-tau")
    bounds = board.set_index("predictor")[["kendall_tau_low", "kendall_tau_high"]].dropna()
    by_tau = summarise(measured).set_index("predictor").loc[bounds.index, list(bounds)]
    np.testing.assert_allclose(bounds, by_tau, err_msg="they are of tau, whatever ranks")


def shown(board: pd.DataFrame, width: int, by: str) -> str:
    text = io.StringIO()
    Console(file=text, width=width).print(leaderboard_table(board, width, by))
    return text.getvalue()


@pytest.mark.parametrize("by", ["kendall-tau", "pearson"])
def test_a_narrow_terminal_gets_as_many_columns_as_fit(by: str) -> None:
    board = summarise(measure([record(n, 1.0, r) for n in ("rf", "gp") for r in range(3)]), by)
    most = max(map(len, shown(board, 200, by).splitlines()))
    columns = []
    for width in range(40, most + 5):
        lines = shown(board, width, by).splitlines()
        columns.append(len(lines[0].split()))
        given_up = leaderboard_table(board, width, by).columns
        assert max(map(len, lines)) <= width or len(given_up) == 7
    assert columns == sorted(columns)
    assert max(map(len, shown(board, most, by).splitlines())) == most


def test_a_table_that_fills_leaves_room_for_the_bar() -> None:
    board = summarise(measure([record(name, 1.0) for name in ("rf", "gp", "xgb")]))
    for rows in (1, 2, 3, 9):
        height = rows + BESIDE
        table = filling_table(board, 80, height)
        assert table is not None
        text = io.StringIO()
        console = Console(file=text, width=80)
        console.print(table)
        lines = text.getvalue().splitlines()
        assert len(lines) < height
        assert [line.split()[0] for line in lines[2:][:rows]] == [*"123"][:rows]
        assert (f"the first {rows} of 3 rows so far" in text.getvalue()) == (rows < 3)
    assert filling_table(board, NARROWEST - 1, 40) is None
    assert filling_table(board, 80, BESIDE) is None


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(InputError, match="did you mean kendall-tau"):
        summarise(measure([record("rf", 1.0)]), "kendal-tau")


def test_a_metric_of_ones_own_is_shown_everywhere(third_party: Any) -> None:
    third_party("worst-first", "WORST_FIRST")
    measured = measure([record("gp", 1.0), record("rf", 60.0)])
    board = summarise(measured, "worst-first")
    assert board["worst_first"].tolist() == sorted(board["worst_first"])
    assert "lost" in shown(board, 200, "worst-first")
    text = page(measured, small_table(), "archcast report", by="worst-first")
    assert "lost: points lost;" in text
    assert (
        '<th scope="col" data-first="ascending" class="number"><button type="button">lost<' in text
    )


@pytest.mark.parametrize(("name", "target"), [("bare", "BARE"), ("other-name", "WORST_FIRST")])
def test_an_entry_point_that_is_no_such_metric_is_refused(
    third_party: Any, name: str, target: str, caplog: pytest.LogCaptureFixture
) -> None:
    """By name; of all it is left out."""
    third_party(name, target)
    with pytest.raises(InputError, match=rf"{target} .*is no Metric called '{name}'; make it one"):
        metrics.get(name)
    assert name.replace("-", "_") not in measure([])
    assert f"is no Metric called '{name}'" in caplog.text


def test_a_narrow_table_keeps_what_ranks_it() -> None:
    board = summarise(measure([record("gp", 1.0), record("rf", 60.0)]), "pearson")
    assert "pearson" in shown(board, 60, "pearson")
    assert "regret" not in shown(board, 60, "pearson")


def test_libraries_may_come_by_another_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `xgboost-cpu` brings the module of `xgboost`."""

    def version(name: str) -> str:
        if name in ("xgboost", "ngboost"):
            raise PackageNotFoundError(name)
        return f"{name} 1.0"

    monkeypatch.setattr(records, "version", version)
    found = {"xgboost": ["xgboost-cpu"]}
    monkeypatch.setattr(records, "packages_distributions", lambda: found)
    versions = records._versions.__wrapped__()
    assert versions["xgboost"] == "xgboost-cpu 1.0"
    assert versions["ngboost"] == "unknown"
    assert versions["numpy"] == "numpy 1.0"
