"""The README's Python runs as it stands there."""

from __future__ import annotations

import re
import textwrap
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archcast.benchmarks.table import read_table
from archcast.spaces.space import Architecture
from archcast.testing import TEST, TRAIN, check_predictor

README = (Path(__file__).parent.parent / "README.md").read_text()


def block(first_line: str) -> str:
    """The indented block that begins with this line."""
    match = re.search(rf"^    {re.escape(first_line)}\n(?:(?:    .*)?\n)*", README, flags=re.M)
    assert match, f"README has no block that begins with {first_line!r}"
    return textwrap.dedent(match[0])


def run(first_line: str, **names: Any) -> dict[str, Any]:
    """Run a block that may use `names`; get them with what it defined."""
    exec(block(first_line), names)
    return names


def test_predictor_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_package.py").write_text(block("from archcast.predictors import Predictor"))
    monkeypatch.syspath_prepend(tmp_path)
    check_predictor(import_module("my_package").Convolutions())


def test_table_of_ones_own(tmp_path: Path) -> None:
    names = {
        "texts": [str(a) for a in TRAIN.architectures],
        "accuracies": TRAIN.labels,
        "path": tmp_path / "mine.parquet",
    }
    run("from archcast.spaces import registry as spaces", **names)
    np.testing.assert_allclose(
        read_table(names["path"]).columns["test_accuracy"], TRAIN.labels, rtol=1e-6
    )


def test_regressor_of_ones_own() -> None:
    run(
        "from sklearn.svm import SVR",
        architectures=TRAIN.architectures,
        accuracies=TRAIN.labels,
        others=TEST.architectures,
    )


def test_leaderboard_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = run("from archcast.studies import leaderboard")
    assert list(names["taus"].index) == ["sotl-e", "xgb"]
    assert len(names["records"]) == len(list((tmp_path / "results").glob("*.json"))) == 6


def test_search_of_ones_own() -> None:
    told: list[float] = []

    def validation_accuracy_of(architecture: Architecture) -> float:
        told.append(10.0 * str(architecture).count("nor_conv_3x3"))
        return told[-1]

    run("import numpy as np", validation_accuracy_of=validation_accuracy_of)
    assert len(told) == 100
    assert max(told) == 60.0
