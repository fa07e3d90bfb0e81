"""What other packages bring broken: one line by name, and left out of `all` and families."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import archcast
import archcast.predictors.proxies  # which makes a class of a proxy when asked for it
from archcast.cli import main
from archcast.core.registry import Registry, plugin_behind
from archcast.evaluation.metrics import Metric
from archcast.predictors.predictor import Predictor
from tests.results import small_table
from tests.test_adding import ROOMS, SMALL, forget

BROKEN = '''
"""A plugin."""
import sys
from dataclasses import dataclass
from archcast.benchmarks.benchmark import Benchmark
from archcast.evaluation.metrics import Metric
from archcast.predictors.predictor import Predictor
from archcast.spaces.nasbench201 import NASBench201
from archcast.search.strategy import Strategy
from tests.toys.a_predictor import Widest

NUMBER = 5


class Unsaid:
    """It can't be shown."""
    def __repr__(self):
        raise RuntimeError("no words")


class Plain:
    """Nothing of ours."""


class Lacking(Predictor):
    """It defines nothing."""


class Many(Widest):
    """Any number of arguments."""
    def __init__(self, *args):
        pass


class Raising(Widest):
    """It can't be made."""
    def __init__(self, depth=1):
        raise RuntimeError("two\\nlines \\udc80")


class Tagless(Widest):
    """Its tags are a number."""
    tags = 5


class Unstored(Widest):
    """It does not keep what it is given."""
    def __init__(self, depth=1):
        pass


class Using(Widest):
    """It does not know what it uses."""
    def uses(self):
        raise RuntimeError("lost")


class Leaving(Widest):
    """It ends the process when it is asked what it uses."""
    def uses(self):
        sys.exit(3)


class UsingNonsense(Widest):
    """It uses what nobody can."""
    def uses(self):
        return 5 / 0


class Nameless(Widest):
    """A parameter that has no text."""
    def __init__(self, depth=Unsaid()):
        self.depth = depth


class Closed(Widest):
    """Its parameters are nobody's business."""
    def get_params(self, deep=True):
        raise RuntimeError("private")


class Untagged(Widest):
    """Its tags fail."""
    @property
    def tags(self):
        raise RuntimeError("no tags")


class Odd(Widest):
    """Each part of it that a job asks for may fail."""
    def __init__(self, failing="", seed=0):
        self.failing, self.seed = failing, seed


def fail_at(name):
    def get(self):
        if self.failing == name:
            raise RuntimeError(name)
        return vars(self).get(f"_{name}", 0)
    def set(self, value):
        if self.failing == name:
            raise RuntimeError(name)
        vars(self)[f"_{name}"] = value
    return property(get, set)


for name in ("saved_seconds_", "fallbacks_", "n_labels_"):
    setattr(Odd, name, fail_at(name))


@dataclass(frozen=True)
class Unsure(Strategy):
    """Its traits fail."""
    @property
    def traits(self):
        raise RuntimeError("no traits")
    def steps(self, pool, rng, guide):
        yield


@dataclass(frozen=True)
class Stuck(Unsure):
    """It does not know what it uses."""
    traits = Strategy.traits
    def uses(self):
        raise RuntimeError("lost")


class Bare(Strategy):
    """It is no dataclass."""
    def steps(self, pool, rng, guide):
        yield


def unreadable(dataset):
    raise OSError("no disk")


class Illiterate(NASBench201):
    """A space that can't read."""

    name = "illiterate"

    def parse(self, text):
        raise OSError("two\\nlines")


ILLITERATE = Illiterate()
LOADS_NOT = Benchmark(("here",), unreadable)
EMPTY = Benchmark((), unreadable)
LOADS_NONSENSE = Benchmark(("here",), len)
DIVIDES = Metric("divides", lambda truth, predicted: 1 / 0, "max", ".3f", "a division")
'''
EVERYWHERE = {
    "lost": ("a_lost_module:X", r"can't be imported \(ModuleNotFoundError: No module"),
    "exits": ("exits_on_import:X", r"can't be imported \(SystemExit: 3\)"),
    "lacks": ("broken_plugin:Absent", r"can't be imported \(AttributeError: "),
    "number": ("broken_plugin:NUMBER", "is no "),
}
PREDICTORS = {
    "useless": ("broken_plugin:Plain", "is no predictor"),
    "lacking": ("broken_plugin:Lacking", "does not define _fit, _query"),
    "many": ("broken_plugin:Many", "takes any number of arguments"),
    "raising": ("broken_plugin:Raising", r"can't be made \(RuntimeError: two lines \\udc80\)"),
    "tagless": ("broken_plugin:Tagless", "its tags are no Tags"),
    "using": ("broken_plugin:Using", r"can't tell of itself \(RuntimeError: lost\)"),
    "leaving": ("broken_plugin:Leaving", r"can't tell of itself \(SystemExit: 3\)"),
    "using-nonsense": ("broken_plugin:UsingNonsense", r"tell of itself \(ZeroDivisionError: "),
    "nameless": ("broken_plugin:Nameless", r"can't be made \(RuntimeError: no words\)"),
    "closed": ("broken_plugin:Closed", r"can't be made \(RuntimeError: private\)"),
    "untagged": ("broken_plugin:Untagged", r"can't be made \(RuntimeError: no tags\)"),
    "unstored": ("broken_plugin:Unstored", "can't be made .* no attribute 'depth'"),
}
OTHERS = {
    "strategies": {
        "bare": ("broken_plugin:Bare", "is no dataclass"),
        "unsure": ("broken_plugin:Unsure", r"can't tell of itself \(RuntimeError: no traits\)"),
        "stuck": ("broken_plugin:Stuck", r"can't tell of itself \(RuntimeError: lost\)"),
    },
    "benchmarks": {
        "loads-not": ("broken_plugin:LOADS_NOT", r"can't be loaded \(OSError: no disk\)"),
        "empty": ("broken_plugin:EMPTY", "has no data set"),
        "loads-nonsense": ("broken_plugin:LOADS_NONSENSE", "gives no Table"),
    },
}


def points(group: str) -> list[EntryPoint]:
    if group == "archcast.proxies":  # each is a predictor too
        return [EntryPoint("no-proxy", "a_lost_module:X", group)]
    of_kind = PREDICTORS if group == "archcast.predictors" else {}
    bad = EVERYWHERE | of_kind | OTHERS.get(group.partition(".")[2], {})
    return [EntryPoint(name, target, group) for name, (target, _) in bad.items()]


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    (tmp_path / "broken_plugin.py").write_text(BROKEN)
    (tmp_path / "exits_on_import.py").write_text("import sys\nsys.exit(3)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(
        "archcast.core.registry._entry_points", lambda: SimpleNamespace(select=points)
    )
    monkeypatch.chdir(tmp_path)
    forget()
    yield
    forget()
    sys.modules.pop("broken_plugin", None)


@pytest.mark.parametrize(("name", "reason"), [(k, v[1]) for k, v in EVERYWHERE.items()])
@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.__name__)
def test_by_name_it_is_one_line(room: Any, name: str, reason: str) -> None:
    registry: Registry[object] = room.registry
    if registry.group == "archcast.proxies":
        name, reason = "no-proxy", EVERYWHERE["lost"][1]
    with pytest.raises(archcast.InputError, match=reason) as caught:
        registry.get(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "reason"), [(k, v[1]) for k, v in PREDICTORS.items()])
def test_a_predictor_by_name(name: str, reason: str) -> None:
    with pytest.raises(archcast.InputError, match=reason) as caught:
        archcast.leaderboard("nasbench201-mini", name, **SMALL)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("part", ["saved_seconds_", "fallbacks_", "n_labels_"])
def test_what_fails_within_a_job_fails_the_job(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    monkeypatch.setitem(PREDICTORS, "odd", ("broken_plugin:Odd", ""))
    board = archcast.leaderboard("nasbench201-mini", [f"odd(failing={part})", "params"], **SMALL)
    assert dict(zip(board.predictor, board.failed, strict=True)) == {
        f"odd(failing={part})": 2, "params": 0
    }  # fmt: skip


@pytest.mark.parametrize("wrapper", ["tuned(using)", "combine(xgb, parts=[using])"])
def test_a_wrapper_around_it(wrapper: str) -> None:
    with pytest.raises(archcast.InputError, match="RuntimeError: lost"):
        archcast.leaderboard("nasbench201-mini", wrapper, **SMALL)


def test_an_object_is_refused_as_its_name_is() -> None:
    using = archcast.predictors.registry.get("using")()  # type: ignore[attr-defined]
    with pytest.raises(archcast.InputError, match=r"Using can't tell of itself \(RuntimeError"):
        archcast.leaderboard("nasbench201-mini", [using], **SMALL)


def test_a_strategy_or_benchmark_by_name() -> None:
    for name, (_, reason) in OTHERS["strategies"].items():
        with pytest.raises(archcast.InputError, match=reason):
            archcast.search("nasbench201-mini", name, budget=5, repeats=1)
    for name, (_, reason) in OTHERS["benchmarks"].items():
        with pytest.raises(archcast.InputError, match=reason):
            archcast.open_table(name)


def test_a_leaderboard_leaves_out_what_is_broken(caplog: pytest.LogCaptureFixture) -> None:
    """Its family with the reason, metrics with a warning; the rest is there."""
    board = archcast.leaderboard("nasbench201-mini", ["third-party", "bayes-lin-reg"], **SMALL)
    assert list(board.predictor) == ["bayes-lin-reg"]
    assert board.failed.sum() == 0
    (told,) = [line for line in caplog.messages if line.startswith("left out: predictor")]
    for name in {*EVERYWHERE, *PREDICTORS}:
        assert name in told
    with pytest.raises(archcast.InputError, match=r"chooses none \(left out: .*raising"):
        archcast.leaderboard("nasbench201-mini", "third-party", **SMALL)
    for name in EVERYWHERE:
        assert sum(f"left out: metric {name!r}" in line for line in caplog.messages) == 1


def test_all_strategies_leave_out_what_is_broken(caplog: pytest.LogCaptureFixture) -> None:
    found = archcast.search(small_table(30), "all", "bayes-lin-reg", budget=5, repeats=1)
    assert {"random", "evolution"} <= {*found.strategy}
    assert "left out: strategy bare is no dataclass" in caplog.text


def test_a_metric_that_fails_is_missing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(EVERYWHERE, "divides", ("broken_plugin:DIVIDES", ""))
    board = archcast.leaderboard("nasbench201-mini", "params", **SMALL)
    assert board.divides.isna().all()
    assert board.kendall_tau.notna().all()
    assert "metric divides is missing where it failed: ZeroDivisionError" in caplog.text


def test_what_fails_anywhere_else_is_one_line_of_a_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As of a space, whose methods are called all over the place."""
    monkeypatch.setitem(EVERYWHERE, "illiterate", ("broken_plugin:ILLITERATE", ""))
    (tmp_path / "x.csv").write_text("architecture,seed,test_accuracy\n|a~0|,0,50\n")
    asked = "table convert x.csv x.parquet --space illiterate --dataset d"
    monkeypatch.setattr(sys, "argv", ["archcast", *shlex.split(asked)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert re.fullmatch(
        r"archcast: broken_plugin, line \d+: OSError: two lines; mend or uninstall its package\n",
        told,
    )
    with pytest.raises(ZeroDivisionError) as ours:
        divmod(1, 0)
    assert plugin_behind(ours.value) is None, "and keeps its traceback"


def test_good_ones_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    good = ("tests.toys.a_predictor:Widest", "")
    monkeypatch.setitem(PREDICTORS, "widest", good)
    assert issubclass(archcast.predictors.registry.get("widest"), Predictor)  # type: ignore[attr-defined]
    monkeypatch.setitem(EVERYWHERE, "worst-miss", ("tests.toys.a_metric:WORST_MISS", ""))
    assert isinstance(archcast.evaluation.registry.get("worst-miss"), Metric)  # type: ignore[attr-defined]
