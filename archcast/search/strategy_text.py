"""Strategies from names and parameters."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from pydantic import ValidationError

from archcast.core.errors import InputError
from archcast.core.spec import POSITIONAL, parse_spec
from archcast.search import registry as strategies
from archcast.search.strategy import Strategy


def parse_strategy(spec: str) -> tuple[str, dict[str, Any]]:
    """The name and the parameters of a strategy's text, such as `evolution(batch=5)`.

    Raises:
        InputError: an unknown name or parameter, or a value out of range.
    """
    name, params = parse_spec(spec)
    make_strategy(name, params)
    return name, params


def make_strategy(name: str, params: dict[str, Any]) -> Strategy:
    """Build a strategy.

    Raises:
        InputError: an unknown name or parameter, or a value out of range.
    """
    kind = strategies.get(name)
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    unknown = [key or params[POSITIONAL] for key in params if key not in known]
    if unknown:
        raise InputError(
            f"{name} has no parameter {unknown[0]!r}; it has {', '.join(known) or 'none'}"
        )
    try:
        return kind(**params)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            f"{name}: {first['loc'][0]}={first['input']} won't do: {first['msg']}"
        ) from None
