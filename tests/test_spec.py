from __future__ import annotations

from unittest.mock import Mock

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from archcast.core.errors import InputError
from archcast.core.registry import Entry, Registry
from archcast.core.spec import format_spec, parse_spec, split_specs
from archcast.predictors import registry as predictors

names = st.from_regex(r"[a-z][a-z0-9_]*", fullmatch=True)
plain = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans())


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(names, st.dictionaries(names, st.one_of(plain, names.filter(lambda n: n != "null"))))
def test_specs_round_trip(name: str, params: dict[str, object]) -> None:
    params = {k: v for k, v in params.items() if v not in ("true", "false", "null")}
    assert parse_spec(format_spec(name, params)) == (name, params)


texts = st.one_of(st.text(), st.text(alphabet='5"\\\\()[]=, a', max_size=8), st.just("true"))


@example({"": "[)]"})
@given(st.dictionaries(st.sampled_from(["", "a", "b"]), texts | plain | st.lists(texts | plain)))
def test_any_text_round_trips(params: dict[str, object]) -> None:
    """Text that looks like a number, like a list or like several stays text."""
    params = {key: params[key] for key in sorted(params)}
    text = format_spec("name", params)
    assert split_specs(f"{text}, other") == [text, "other"]
    again = parse_spec(text)[1]
    assert again == params
    assert [type(each) for each in again.values()] == [type(each) for each in params.values()]


def test_a_parameter_is_said_once() -> None:
    with pytest.raises(InputError, match="says 'b' twice; say it once"):
        parse_spec("a(b=1, b=2)")
    assert parse_spec("a(c(b=1), b=2)") == ("a", {"": "c(b=1)", "b": 2})


def test_nested_specs_stay_whole() -> None:
    assert split_specs("a, b(c=d(e=1, f=2), g=[1, 2]) ,h") == [
        "a",
        "b(c=d(e=1, f=2), g=[1, 2])",
        "h",
    ]
    assert parse_spec("b(c=d(e=1, f=2), g=[1, 2])") == ("b", {"c": "d(e=1, f=2)", "g": [1, 2]})


@pytest.mark.parametrize("text", ["", "(a=1)", "a(", "a(b=1", "a(b=1, c)", "a)b("])
def test_wrong_specs(text: str) -> None:
    with pytest.raises(InputError):
        parse_spec((split_specs(text) or [""])[0])


def test_unknown_name_suggests_near_ones() -> None:
    with pytest.raises(InputError, match="unknown predictor 'xgbb': did you mean xgb"):
        predictors.get("xgbb")
    with pytest.raises(InputError, match=r"unknown predictor 'zzzz': there are .*xgb"):
        predictors.get("zzzz")


def test_entry_point_can_not_take_a_name(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Point:
        name, value = "mine", "their.module:Thing"

    monkeypatch.setattr(
        "archcast.core.registry._entry_points",
        lambda: Mock(select=lambda group: [Point] * (group == "archcast.things")),
    )
    found: Registry[object] = Registry("thing", {"ours": Entry("json:dumps", "ours")})
    assert list(found) == ["ours", "mine"]
    assert found.entry("mine").target == "their.module:Thing"
    taken: Registry[object] = Registry("thing", {"mine": Entry("json:dumps", "ours")})
    assert list(taken) == ["mine"]
    assert taken.entry("mine").target == "json:dumps"
    assert "claims the name 'mine', which is already json:dumps" in caplog.text
    derived: Registry[object] = Registry("other", {}, lambda: found.entries)
    assert set(derived) == {"ours", "mine"}
