"""The Python of the README and of the docs runs as it stands there."""

from __future__ import annotations

import re
import textwrap
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from archcast.benchmarks.table import read_table
from archcast.spaces.space import Architecture
from archcast.tasks.task import Signature
from archcast.testing import TEST, TRAIN, check_predictor, check_strategy
from tests.toys.a_space import SPACE as LADDER

ROOT = Path(__file__).parent.parent


def block(page: str, first_line: str) -> str:
    """The indented block of a page that begins with this line."""
    text = (ROOT / page).read_text()
    match = re.search(rf"^    {re.escape(first_line)}\n(?:(?:    .*)?\n)*", text, flags=re.M)
    assert match, f"{page} has no block that begins with {first_line!r}"
    return textwrap.dedent(match[0])


def run(page: str, first_line: str, **names: Any) -> dict[str, Any]:
    """Run a block that may use `names`; get them with what it defined."""
    exec(block(page, first_line), names)
    return names


def test_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = block("README.md", "import archcast")
    assert "repeats=20)" in text
    names: dict[str, Any] = {}
    exec(text.replace("repeats=20)", "repeats=2, budget=20)"), names)
    assert {*names["board"].predictor} == {"sotl-e", "xgb"}
    assert isinstance(names["found"], pd.DataFrame)
    (tmp_path / "mine.py").write_text(
        "import archcast\n" + block("README.md", "from archcast.predictors import Predictor")
    )
    monkeypatch.syspath_prepend(tmp_path)
    check_predictor(import_module("mine").Convolutions())


def test_predictor_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = block("docs/extending.md", "from archcast.predictors import Predictor")
    (tmp_path / "my_package.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    check_predictor(import_module("my_package").Convolutions())


def test_regressor_of_ones_own() -> None:
    run(
        "docs/extending.md",
        "from sklearn.svm import SVR",
        architectures=TRAIN.architectures,
        accuracies=TRAIN.labels,
        others=TEST.architectures,
    )


def test_strategy_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = block("docs/extending.md", "from dataclasses import dataclass")
    (tmp_path / "my_strategies.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    check_strategy(import_module("my_strategies").Twice())


def test_table_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run("docs/tables.md", "from pathlib import Path")
    table = read_table(tmp_path / "mine.parquet")
    np.testing.assert_allclose(table.columns["test_accuracy"], [71.5, 70.2, 68.9], rtol=1e-6)


def test_space_that_is_data() -> None:
    texts = ['{"operations": ["input", "a", "output"], "edges": [[0, 1], [1, 2]]}']
    first = "from archcast.spaces.declared import declared_space"
    names = run("docs/spaces.md", first, texts=texts)
    assert len(names["space"].parse(texts[0]).choices) > 0


def test_search_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told: list[float] = []

    def validation_accuracy_of(architecture: Architecture) -> float:
        told.append(10.0 * str(architecture).count("nor_conv_3x3"))
        return told[-1]

    first = "from archcast import OwnSearch"
    run("docs/search.md", first, validation_accuracy_of=validation_accuracy_of)
    assert len(told) == len(read_table(Path("mine.parquet"))) == 100
    assert max(told) == 60.0


def test_networks_of_ones_own() -> None:
    networks = run("docs/extending.md", "import copy", SPACE=LADDER)["NETWORKS"]
    scale, images = networks.scale("mini"), torch.randn(2, 3, 9, 9)
    supernet = networks.supernet(Signature((3, 9, 9), 10), scale)
    ladder = LADDER.parse("1-5-3-1")
    heir = supernet.inherit(ladder)
    path = supernet(images, ladder.choices)
    mixture = torch.nn.functional.one_hot(torch.tensor(ladder.choices), 3).float()
    torch.testing.assert_close(path, heir(images))
    torch.testing.assert_close(path, supernet(images, mixture))
    assert networks.build(ladder, Signature((3, 9, 9), 10), scale)(images).shape == (2, 10)


def test_proxies_of_ones_own_module() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
    images = torch.randn(8, 3, 8, 8)
    network(images)
    line = "from archcast.zero_cost import Batch, score"
    run("docs/zero-cost.md", line, network=network, images=images, labels=torch.arange(8) % 2)


def test_fronts_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = block("docs/objectives.md", "import archcast")
    assert "repeats=3" in text
    names: dict[str, Any] = {}
    exec(text.replace("repeats=3", "repeats=1, test_size=20"), names)
    fronts = names["fronts"]
    assert {*fronts["accuracy"]} == {"xgb", "sotl-e"}
    assert len(fronts) == 4
