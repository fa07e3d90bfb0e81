"""What a record's key is made of: nothing that decides numbers may be missing."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archcast.benchmarks.opening import open_table
from archcast.benchmarks.table import Table
from archcast.core import identity
from archcast.core.cache import cache_folder
from archcast.core.identity import digest, made_of, recorded_versions
from archcast.core.registry import Entry
from archcast.evaluation.engine import run_job
from archcast.networks import table_networks
from archcast.networks.nasbench201_network import NASBench201Networks
from archcast.predictors import registry as predictors
from archcast.studies.experiment import Experiment, facts_of
from archcast.tasks.task import Signature
from tests.results import small_table, write_small_table

ROOT = Path(__file__).parent.parent
TABLE = small_table()


def test_versions_stand_for_the_sources_that_are_here() -> None:
    tool = runpy.run_path(str(ROOT / "tools/versions.py"))
    now = tool["current"]()
    assert not tool["changed"](now), "raise their version, or see tools/versions.py"
    assert now == recorded_versions(), "run tools/versions.py"


def test_what_ships_is_named_by_its_version() -> None:
    found = made_of(predictors.get("omni")(head="xgb(max_depth=2)"))
    assert found["version"] == ["2"]
    xgb, parts = found["params"]["head"], found["params"]["parts"]
    assert [part["kind"].partition(":")[2] for part in parts] == ["jacov", "LastTrainingLoss"]
    assert xgb["params"]["max_depth"] == 2
    assert xgb["params"]["subsample"] == 0.8, "defaults are there"
    assert [use["kind"] for use in xgb["uses"]] == [
        f"archcast.encodings.{name}:encode" for name in ("graph_features", "one_hot", "adjacency")
    ]


@pytest.mark.parametrize("name", list(predictors))
def test_everything_has_a_stable_identity(name: str) -> None:
    given = ("parameters",) if name == "column" else ()
    made, again = (made_of(predictors.get(name)(*given)) for _ in range(2))
    assert made == again == json.loads(json.dumps(made))
    assert "unknown" not in json.dumps(made)


EDITS = """
import json, sys
from pathlib import Path
import archcast, archcast.core.identity as identity
from archcast.networks import table_networks
from archcast.networks.nasbench201_network import NASBench201Networks
from archcast.predictors import registry as predictors
from archcast.search import registry as strategies
root = Path(archcast.__file__).parent

def now():
    identity.source_of.cache_clear(), identity._parsed.cache_clear()
    return {
        "rf": identity.made_of(predictors.get("rf")()),
        "snip": identity.made_of(predictors.get("snip")()),
        "evolution": identity.made_of(strategies.get("evolution")()),
    }

before, found = now(), {}
for file, line in json.loads(sys.argv[1]):
    text = (root / file).read_text()
    (root / file).write_text(text + line)
    found[file + line] = [name for name, made in now().items() if made != before[name]]
    (root / file).write_text(text)
print(json.dumps(found))
"""


def test_an_edit_is_another_identity(tmp_path: Path) -> None:
    """Of what it changes, directly or through an import; words about code are no edit."""
    shutil.copytree(
        ROOT / "archcast", tmp_path / "archcast", ignore=shutil.ignore_patterns("shipped")
    )
    edits = {
        ("predictors/random_forest.py", "\nX = 1\n"): ["rf"],
        ("predictors/random_forest.py", "\n# X = 1\n"): [],
        ("predictors/helpers/labels.py", "\nX = 1\n"): ["rf"],
        ("encodings/graph_features.py", "\nX = 1\n"): ["rf"],
        ("zero_cost/graph.py", "\nX = 1\n"): ["snip"],
        ("search/evolution.py", "\nX = 1\n"): ["evolution"],
        ("report/page.py", "\nX = 1\n"): [],
    }
    done = subprocess.run(
        [sys.executable, "-c", EDITS, json.dumps(list(edits))],
        env={**os.environ, "PYTHONPATH": str(tmp_path)}, cwd=tmp_path, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == {file + line: names for (file, line), names in edits.items()}


def test_a_kept_parse_that_is_no_parse_is_made_again() -> None:
    target = "archcast.predictors.random_forest:RandomForest"
    before = identity.made_of(Entry(target, ""))
    for broken in ("", "5", "[1]", '["half'):
        for path in cache_folder("sources").iterdir():
            path.write_text(broken)
        identity.source_of.cache_clear()
        identity._parsed.cache_clear()
        assert identity.made_of(Entry(target, "")) == before


CONVOLUTIONS = """
from archcast.predictors.predictor import Predictor

class Convolutions(Predictor):
    def _fit(self, architectures, labels, context): ...

    def _query(self, architectures, context):
        return [{sign}str(architecture).count("nor_conv_3x3") for architecture in architectures]
"""


RUNS = """
import os, sys
from pathlib import Path
import archcast
from archcast.studies import front_door

for text in sys.argv[1:]:
    Path("my_package.py").write_text(text)
    if os.fork() == 0:  # as a new process, that has imported nothing of the module
        board = archcast.leaderboard(
            "toy.parquet", "convolutions", train_sizes=(10,), test_size=20, repeats=2,
        )
        print(board.kendall_tau[0], flush=True)
        os._exit(0)
    assert os.wait()[1] == 0
"""


def test_an_edited_third_party_predictor_is_measured_again(tmp_path: Path) -> None:
    write_small_table(tmp_path)
    about = tmp_path / "my_package-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[archcast.predictors]\nconvolutions = my_package:Convolutions\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", RUNS, *(CONVOLUTIONS.format(sign=sign) for sign in ("", "-", ""))],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"},
        check=True, capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    there, edited, back = map(float, done.stdout.split())
    assert there != 0.0
    assert edited == pytest.approx(-there)
    assert back == pytest.approx(there)
    assert len(list((tmp_path / "results").glob("*.json"))) == 4


def test_what_has_no_source_is_never_the_same() -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(CONVOLUTIONS.format(sign=""), namespace)
    kind = namespace["Convolutions"]
    assert made_of(kind()) != made_of(kind())


def test_networks_and_images_count_where_they_are_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = open_table("nasbench201-mini")

    def identities() -> dict[str, str]:
        names = ("snip", "synflow", "fairnas", "rf", "sotl-e")
        chosen = {name: predictors.get(name)() for name in names}
        return {n: facts_of(each, table, "cpu", run_job)["identity"] for n, each in chosen.items()}

    before = identities()

    class Replaced:
        hash = "of other images"
        signature = Signature((1, 14, 14), 10)

    monkeypatch.setattr(table_networks, "task_of", lambda table: Replaced)
    changed = {name for name, found in identities().items() if found != before[name]}
    assert changed == {"snip", "fairnas"}
    monkeypatch.undo()
    monkeypatch.setattr(NASBench201Networks, "version", 2)
    changed = {name for name, found in identities().items() if found != before[name]}
    assert changed == {"snip", "synflow", "fairnas"}


def test_users_images_count_by_their_content(tmp_path: Path) -> None:
    def supernet(seed: int) -> str:
        rng = np.random.default_rng(seed)
        arrays = {
            f"{split}_{part}": values
            for split in ("train", "valid", "test")
            for part, values in (
                ("images", rng.integers(0, 256, (4, 8, 8), dtype=np.uint8)),
                ("labels", np.arange(4)),
            )
        }
        np.savez(tmp_path / "images.npz", **arrays)
        kind = predictors.get("rsws")
        return digest(made_of(kind(images=str(tmp_path / "images.npz"))))

    first, second, again = supernet(0), supernet(1), supernet(0)
    assert first == again != second


def test_defaults_are_part_of_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    def key() -> str:
        experiment = Experiment(TABLE, "rf", train_sizes=(10,), test_size=20, repeats=1)
        return experiment.plan()[0][0].job.key(TABLE.hash)

    before = key()
    kind = predictors.get("rf")
    changed = (*kind.__init__.__defaults__[:-1], 7)  # type: ignore[misc]
    monkeypatch.setattr(kind.__init__, "__defaults__", changed)
    assert key() != before


def test_tables_differ_by_content_not_by_name() -> None:
    texts = [str(architecture) for architecture in TABLE.architectures]
    values = np.linspace(10.0, 90.0, len(texts))
    one, two, three = (
        Table(TABLE.space, "toy", texts, {"test_accuracy": v}, source=source)
        for v, source in ((values, "a"), (values, "b"), (values[::-1], "a"))
    )
    keys = [
        Experiment(t, "rf", train_sizes=(10,), test_size=20, repeats=1).plan()[0][0].job.key(t.hash)
        for t in (one, two, three)
    ]
    assert keys[0] == keys[1] != keys[2]
