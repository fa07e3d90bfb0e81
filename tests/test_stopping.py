"""Early stopping of searches, by hand and against slow loops."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm
from typer.testing import CliRunner

from archcast.benchmarks.table import Table
from archcast.cli import app
from archcast.core.errors import InputError
from archcast.evaluation.engine import split
from archcast.predictors.lcsvr import LearningCurveSVR
from archcast.report.text import rows_of
from archcast.studies.stopping import (
    StopJob,
    StopRecord,
    halve,
    halve_like,
    replay,
    run_stop_job,
    stop_jobs,
    summarise,
)
from tests.results import planned, said, small_table, write_small_table

TABLE = small_table()
JOB = StopJob(**said("lcsvr(trials=4)"), label="valid", train_size=20, test_size=3, repeat=0)


def record(
    curves: list[list[float]], means: list[list[float]], std: float, diverged: bool = False
) -> StopRecord:
    """With `diverged`, all that ended early failed; else they were stopped."""
    stds = [[std] * len(row) for row in means]
    short = [diverged and len(curve) < max(map(len, curves)) for curve in curves]
    return StopRecord(job=JOB, table="t", curves=curves, diverged=short, means=means, stds=stds)


def random_record(n: int, epochs: int, seed: int) -> StopRecord:
    rng = np.random.default_rng(seed)
    curves = np.sort(rng.uniform(20, 90, (n, epochs)), axis=1)
    means = (curves[:, -1] + rng.normal(0, 5, (epochs - 1, n))).tolist()
    return record(curves.tolist(), means, 5.0)


def test_replay_by_hand() -> None:
    curves = [[10.0, 50.0, 60.0], [10.0, 20.0, 70.0], [30.0, 40.0, 90.0]]
    means = [[60.0, 58.0, 61.0], [60.0, 55.0, 90.0]]
    found = replay(record(curves, means, 1.0), threshold=0.01)
    # 60 is trained to the end; 70 survives epoch 1 (2 deviations below), not epoch 2; 90 survives.
    assert found.speed_up == pytest.approx(9 / 8)
    assert found.best_kept == 1.0
    assert found.regret == 0.0
    strict = replay(record(curves, means, 1.0), threshold=norm.cdf(1.0) + 0.01)
    assert strict.speed_up == pytest.approx(9 / 5)
    assert strict.best_kept == 0.0
    assert strict.regret == 30.0


def test_thresholds_at_the_ends() -> None:
    every = random_record(30, 6, seed=0)
    assert replay(every, 0.0) == (1.0, 1.0, 0.0)
    assert replay(every, 1.0).speed_up == pytest.approx(30 * 6 / (6 + 29))


def test_a_diverged_run_is_never_the_best() -> None:
    curves = [[10.0, 50.0, 60.0], [99.0]]
    found = replay(record(curves, [[60.0, 99.0], [60.0, 99.0]], 1.0, diverged=True), 0.05)
    assert found == (1.0, 1.0, 0.0)
    halved = halve(record(curves, [], 1.0, diverged=True), 0.5, 1)
    assert halved.regret == 60.0, "chosen at epoch 1, it diverges"


def test_a_stopped_run_keeps_its_last_value() -> None:
    halved = halve(record([[10.0, 50.0, 60.0], [99.0]], [], 1.0), 0.5, 1)
    assert (halved.best_kept, halved.regret) == (1.0, 0.0)


def test_any_of_several_best_is_kept() -> None:
    curves = [[10.0, 90.0], [20.0, 90.0]]
    assert replay(record(curves, [[90.0, 0.0]], 1.0), 0.05).best_kept == 1.0
    assert replay(record(curves[::-1], [[90.0, 0.0]], 1.0), 0.05).best_kept == 1.0


def test_halving_by_hand() -> None:
    curves = [[10.0, 20.0, 25.0], [20.0, 10.0, 90.0], [30.0, 30.0, 40.0], [40.0, 45.0, 50.0]]
    found = halve(record(curves, [], 1.0), keep=0.5, brackets=1)
    # Four epochs, the two best go on for one, the best of them for another.
    assert found.speed_up == pytest.approx(12 / (4 + 2 + 1))
    assert found.best_kept == 0.0
    assert found.regret == 40.0


def test_hyperband_by_hand() -> None:
    curves = [[10.0, 20.0, 25.0], [20.0, 10.0, 90.0], [30.0, 30.0, 40.0], [40.0, 45.0, 50.0]]
    found = halve(record(curves, [], 1.0), keep=0.5, brackets=2)
    # 0 and 2: two epochs, then one for each further epoch; 1 and 3: four epochs, then one.
    assert found.speed_up == pytest.approx(12 / (2 + 1 + 1 + 4 + 1))
    assert found.regret == 40.0


@pytest.mark.parametrize("brackets", [1, 3])
def test_halving_gets_no_fewer_epochs(brackets: int) -> None:
    for seed in range(5):
        one = random_record(40, 12, seed)
        ours = replay(one, 0.1).speed_up
        assert 0.8 * ours < halve_like(one, ours, brackets).speed_up <= ours + 1e-9


def test_what_is_recorded_is_what_was_paid_for() -> None:
    done = run_stop_job(planned(JOB), TABLE)
    assert done.error is None
    parts = split(JOB, TABLE)
    assert done.architectures == parts.test.tolist()
    assert not set(parts.train) & set(parts.test)
    assert np.shape(done.means) == np.shape(done.stds) == (5, 3)
    curves = TABLE.columns["valid_accuracy"][parts.run[parts.test]]
    np.testing.assert_allclose(done.curves, curves)
    assert StopRecord.model_validate_json(done.model_dump_json()) == done


def test_runs_that_diverged_teach_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    learned = []
    real = LearningCurveSVR.fit

    def fit(self: Any, architectures: Any, labels: Any, *given: Any) -> Any:
        learned.append(labels)
        return real(self, architectures, labels, *given)

    texts = [str(each) for each in TABLE.architectures for _ in range(2)]
    failed = np.arange(len(texts)) % 10 < 4
    table = Table(TABLE.space, "toy", texts, {**TABLE.columns, "diverged": failed})
    monkeypatch.setattr(LearningCurveSVR, "fit", fit)
    assert run_stop_job(planned(JOB), table).error is None
    assert all(0 < len(labels) < JOB.train_size and labels.min() > 0 for labels in learned)


def test_rows_are_means_with_intervals() -> None:
    records = [random_record(30, 6, seed) for seed in range(8)]
    rows = rows_of(summarise(records, [0.05, 0.2]))
    assert [row["method"] for row in rows[:3]] == [
        "early stopping", "successive halving", "hyperband",
    ]  # fmt: skip
    assert len(rows) == 6
    ours = [replay(one, 0.2).speed_up for one in records]
    assert rows[3]["speed_up"] == pytest.approx(np.mean(ours))
    assert rows[3]["speed_up_low"] < rows[3]["speed_up"] < rows[3]["speed_up_high"]


def test_failures_are_counted() -> None:
    failed = StopRecord(job=JOB, table="t", curves=[], error="no luck")
    rows = rows_of(summarise([failed], [0.05]))
    assert rows[0]["failed"] == rows[0]["repeats"] == 1
    assert rows[0]["speed_up"] is None


def test_predictors_without_deviations_are_refused() -> None:
    for name in ("sotl-e", "gp"):
        with pytest.raises(InputError, match=f"--predictor {name}.* choose lcsvr"):
            stop_jobs(TABLE, name, 20, 20, 1, 0)
    with pytest.raises(InputError, match="lower --train-size or --architectures"):
        stop_jobs(TABLE, "lcsvr", 50, 20, 1, 0)


def test_command(tmp_path: Path) -> None:
    path = str(write_small_table(tmp_path))
    command = [
        "stop", "--benchmark", path, "--predictor", "lcsvr(trials=2)",
        "--train-size", "20", "--architectures", "20", "--repeats", "2",
        "--threshold", "0.05,0.5", "--results", str(tmp_path / "results"),
    ]  # fmt: skip
    shown = CliRunner().invoke(app, command)
    assert shown.exit_code == 0, shown.output
    assert "successive halving" in shown.stdout
    assert "20 more to learn from" in " ".join(shown.stdout.split())
    narrow = CliRunner().invoke(app, command, env={"COLUMNS": "50"}).stdout
    assert "…" not in narrow
    assert max(map(len, narrow.splitlines())) <= 50
    rows = json.loads(CliRunner().invoke(app, [*command, "--format", "json"]).stdout)
    assert [row["threshold"] for row in rows] == [0.05] * 3 + [0.5] * 3
    assert len(list((tmp_path / "results/stop").glob("*.json"))) == 2


def test_threshold_that_is_no_chance(tmp_path: Path) -> None:
    path = str(write_small_table(tmp_path))
    for wrong in ("5", "x", ""):
        result = CliRunner().invoke(app, ["stop", "--benchmark", path, "--threshold", wrong])
        assert isinstance(result.exception, InputError)
        assert "give chances from 0 to 1" in str(result.exception)
