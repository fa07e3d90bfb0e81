"""A name with parameters, as text: `xgb`, `xgb(max_depth=6)`, `sklearn(SVR(C=10))`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from archcast.core.errors import InputError, short

DEEPEST = 20  # brackets in brackets
_QUOTED = re.compile(r'((?:^|[(\[,=])\s*)("(?:[^"\\]|\\.)*")')
POSITIONAL = ""  # the key of the one value that may stand without a name


def parse_spec(text: str) -> tuple[str, dict[str, Any]]:
    """Split a spec into its name and parameters.

    Values are read as JSON where they are JSON, such as "5" in quotes for text, as lists where they
    stand in square brackets, and as text otherwise. A first value without a name gets the key
    `POSITIONAL`.

    >>> parse_spec("xgb(max_depth=6, encoding=one-hot)")
    ('xgb', {'max_depth': 6, 'encoding': 'one-hot'})
    >>> parse_spec("sklearn(SVR(C=10), labels=raw)")
    ('sklearn', {'': 'SVR(C=10)', 'labels': 'raw'})
    >>> parse_spec("combine(xgb, parts=[rank-sum(proxies=[snip, nwot]), sotl-e])")
    ('combine', {'': 'xgb', 'parts': ['rank-sum(proxies=[snip, nwot])', 'sotl-e']})

    Raises:
        InputError: unbalanced brackets, an empty name, or a parameter without a value or with two.
    """
    name, bracket, rest = text.strip().partition("(")
    name = name.strip()
    if not name or (bracket and not rest.rstrip().endswith(")")):
        raise InputError(
            f"{short(text)} is no name or name(parameter=value, ...); mend the brackets"
        )
    params: dict[str, Any] = {}
    for position, part in enumerate(split_specs(rest.rstrip()[:-1] if bracket else "")):
        head, equals, _ = _masked(part).partition("=")
        if not equals or "(" in head:
            if position:
                raise InputError(
                    f"{short(part)} in {short(text)} has no value; write parameter=value"
                )
            params[POSITIONAL] = _value(part)
        else:
            if (key := head.strip()) in params:
                raise InputError(f"{short(text)} says {short(key)} twice; say it once")
            params[key] = _value(part[len(head) + 1 :].strip())
    return name, params


def format_spec(name: str, params: Mapping[str, Any]) -> str:
    """The text of a name and parameters; `parse_spec` reads it back."""
    if not params:
        return name
    written = [(f"{key}=" if key else "") + _text(value) for key, value in params.items()]
    return f"{name}({', '.join(written)})"


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, str) and _stands(value):
        return value
    return json.dumps(value)


def _stands(text: str) -> bool:
    """Whether text is read as it is, without quotes."""
    if '"' in _masked(text):
        return False
    try:
        alone = _value(text) == text and split_specs(text) == [text]
        return alone and "=" not in text.partition("(")[0]
    except InputError:
        return False


def split_specs(text: str) -> list[str]:
    """Split at the commas outside brackets and quotes.

    >>> split_specs("rf, xgb(max_depth=6, labels=raw)")
    ['rf', 'xgb(max_depth=6, labels=raw)']

    Raises:
        InputError: unbalanced brackets.
    """
    parts, depth = [""], 0
    for letter, seen in zip(text, _masked(text), strict=True):
        depth += (seen in "([") - (seen in ")]")
        if depth < 0:
            break
        if depth > DEEPEST:
            raise InputError(f"{short(text)} is nested more than {DEEPEST} deep; make it flat")
        if seen == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    if depth:
        raise InputError(f"unbalanced brackets in {short(text)}; mend them")
    return [part.strip() for part in parts if part.strip()]


def _masked(text: str) -> str:
    """Text of the same length, where nothing that is quoted has a meaning."""
    return _QUOTED.sub(lambda found: found[1] + "_" * len(found[2]), text)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        pass
    except (ValueError, RecursionError):
        raise InputError(
            f"{short(text)} is a number of thousands of digits, or nested too deep; mend it"
        ) from None
    if text.startswith("[") and text.endswith("]"):
        return [_value(part) for part in split_specs(text[1:-1])]
    return text
