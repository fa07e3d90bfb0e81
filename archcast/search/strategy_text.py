"""Strategies from text and back: `random`, `evolution(batch=5)`."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass

from pydantic import ValidationError

from archcast.core.errors import InputError, foreign, short
from archcast.core.spec import POSITIONAL, format_spec, parse_spec
from archcast.search import registry as strategies
from archcast.search.strategy import Strategy


def to_strategy(given: Strategy | str) -> Strategy:
    """The strategy that a text stands for; one that is given is returned as it is.

    Raises:
        InputError: an unknown name or parameter, or a value out of range.
    """
    if not isinstance(given, str):
        return given
    name, params = parse_spec(given)
    kind = strategies.get(name)
    if not is_dataclass(kind):
        raise InputError(f"strategy {name} is no dataclass; make it one, with @dataclass")
    known = [field.name for field in fields(kind)]
    unknown = [key or params[POSITIONAL] for key in params if key not in known]
    if unknown:
        raise InputError(
            f"{name} has no parameter {short(str(unknown[0]))}; it has {', '.join(known) or 'none'}"
        )
    with foreign(f"strategy {name} can't be made"):
        try:
            return kind(**params)
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(
                f"{name}: {first['loc'][0]}={first['input']} won't do: {first['msg']}"
            ) from None


def strategy_text(strategy: Strategy) -> str:
    """The text that stands for a strategy: its name, and the parameters that are not defaults."""
    values = {field: getattr(strategy, field.name) for field in fields(strategy)}  # type: ignore[arg-type]
    shown = {
        field.name: value
        for field, value in values.items()
        if field.default is MISSING or value != field.default
    }
    return format_spec(strategies.name_of(type(strategy)) or type(strategy).__name__, shown)
