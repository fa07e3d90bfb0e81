"""Networks of somebody's own: by an import path that a user names, and never by a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from archcast.benchmarks.table import Table, read_table
from archcast.core.errors import InputError
from archcast.evaluation.engine import missing_needs
from archcast.making.ground_truth import Beyond
from archcast.making.recipe import Recipe
from archcast.making.robustness import Attack
from archcast.making.table_training import train_table
from archcast.networks.own_networks import OwnNetworks
from archcast.predictors import registry as predictors
from archcast.spaces.declared import declared_space
from archcast.studies.searches import SearchExperiment
from tests.test_networks import save_images

SPACE = declared_space(
    json.dumps({"kind": "choices", "decisions": [
        {"name": "width", "options": [2, 4, 6, 8], "ordered": True},
        {"name": "act", "options": ["relu", "gelu", "tanh"]},
    ]})
)  # fmt: skip
CODE = """
    from torch import nn

    ACTS = {"relu": nn.ReLU, "gelu": nn.GELU, "tanh": nn.Tanh}

    def build(architecture):
        said = dict(part.split("=") for part in str(architecture).split(","))
        width = int(said["width"])
        return nn.Sequential(
            nn.Conv2d(1, width, 3, stride=2), ACTS[said["act"]](), nn.AdaptiveAvgPool2d(1),
            nn.Flatten(), nn.Linear(width, 4),
        )

    def odd(architecture):
        return str(architecture)
"""
BUILD = "my_own_nets:build"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "code" / "my_own_nets.py"
    path.parent.mkdir()
    path.write_text(dedent(CODE))
    monkeypatch.syspath_prepend(path.parent)
    monkeypatch.setenv("PYTHONPATH", str(path.parent))
    forget()
    return path


def forget() -> None:
    """As in another process."""
    sys.modules.pop("my_own_nets", None)


def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Table:
    monkeypatch.setattr("archcast.making.table_training.RECIPE", Recipe(epochs=2))
    monkeypatch.setattr("archcast.making.table_training.ATTACK", Attack(images=9))
    images = save_images(tmp_path / "squares.npz")
    out = tmp_path / "own.parquet"
    return train_table(SPACE, str(images), [0], out, 1, "cpu", 3, **{"build": BUILD, **options})


def test_a_search_of_networks_of_ones_own(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = trained(tmp_path, monkeypatch)
    assert table.space.declaration == SPACE.declaration
    assert "build" in table.metadata
    options = {"budget": 4, "repeats": 1, "live": True, "device": "cpu", "build": BUILD}
    records = SearchExperiment(table, "evolution", "params", **options).run(tmp_path / "results")
    assert not [record.error for record in records if record.error]
    assert {*records[-1].beyond} <= {str(each) for each in SPACE.enumerate()}
    assert SearchExperiment(table, "evolution", "params", **options).plan()[0][-1].job == (
        records[-1].job
    )
    before = Beyond.of(table, "cpu", BUILD).name
    module.write_text(module.read_text().replace("stride=2", "stride=3"))
    forget()
    with pytest.raises(InputError, match="trained on another version of my_own_nets:build"):
        SearchExperiment(table, "evolution", **options).plan()
    with pytest.raises(InputError, match="made with build_hash"):
        trained(tmp_path, monkeypatch)
    (tmp_path / "own.parquet").unlink()
    assert Beyond.of(trained(tmp_path, monkeypatch), "cpu", BUILD).name != before


def test_networks_that_do_not_take_the_task_are_told(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module.write_text(module.read_text().replace("Conv2d(1,", "Conv2d(3,"))
    with pytest.raises(InputError, match="--build my_own_nets:build: can't learn squares"):
        trained(tmp_path, monkeypatch)


def test_a_table_does_not_say_what_is_imported(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(tmp_path, monkeypatch)
    module.write_text("raise SystemExit('imported')")
    forget()
    table = read_table(tmp_path / "own.parquet")
    for predictor in ("synflow", "nwot", "xgb", "sotl-e"):
        lacks = missing_needs(table, predictors.get(predictor)().tags, table.objective())
        assert bool(lacks) == (predictor not in ("xgb", "sotl-e"))
    with pytest.raises(InputError, match="give --build 'my_own_nets:build', if that is yours"):
        SearchExperiment(table, "random", live=True, device="cpu").plan()
    assert "my_own_nets" not in sys.modules
    with pytest.raises(InputError, match="can't be imported"):
        SearchExperiment(table, "random", live=True, device="cpu", build=BUILD).plan()


def test_what_is_no_function_of_architectures_is_refused(module: Path) -> None:
    for target, said in (
        ("my_own_nets", "module:function"),
        ("my_own_nets:nothing", "can't be imported"),
        ("no_such_module:build", "can't be imported"),
        ("my_own_nets:ACTS", "is no function"),
    ):
        with pytest.raises(InputError, match=said):
            OwnNetworks.named(target)
    with pytest.raises(InputError, match="gives str for"):
        OwnNetworks.named("my_own_nets:odd").network(next(iter(SPACE.enumerate())))
    named = OwnNetworks.named(BUILD)
    module.write_text(module.read_text() + "\n# another\n")
    forget()
    with pytest.raises(InputError, match="another one here"):
        named.network(next(iter(SPACE.enumerate())))
