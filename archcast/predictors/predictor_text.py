"""Predictors from text and back: `xgb(max_depth=6)`, `combine(xgb, parts=[snip, sotl-e])`."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import Parameter
from typing import Any, cast

import numpy as np

from archcast.core.errors import InputError, foreign, short
from archcast.core.spec import POSITIONAL, format_spec, parse_spec
from archcast.predictors import registry as predictors
from archcast.predictors.parameters import (
    HasParameters,
    has_parameters,
    parameters_of,
    unfitted,
)
from archcast.predictors.predictor import Predictor, Tags

OWN = "own"  # the family of classes that no registry names
HARDWARE = "hardware"  # the family of those for what is measured of networks on devices
# By annotation, what a plain parameter may be, and how that is called.
PLAIN: dict[str, tuple[Any, str]] = {
    "int": (int, "a whole number"),
    "float": ((int, float), "a number"),
    "bool": (bool, "true or false"),
    "str": (str, "a name"),
}
WRAPPER = "wrapper"  # the family of those around another, or around what their user names


def to_predictor(given: Predictor | str) -> Predictor:
    """The predictor that a text stands for; one that is given is returned as it is.

    In the text, a value without a name is the first parameter.

    Raises:
        InputError: an unknown name or parameter, or values that can't be.
    """
    if not isinstance(given, str):
        with foreign(f"predictor {type(given).__name__} won't do"):
            given.check_parameters()
        return given
    name, params = parse_spec(given)
    kind = predictors.get(name)
    with foreign(f"predictor {name} can't be made"):
        known = list(parameters_of(kind))
    if POSITIONAL in params and known:
        params = {known[0]: params.pop(POSITIONAL), **params}
    unknown = [key for key in params if key not in known]
    if unknown:
        raise InputError(
            f"{name} has no parameter {short(unknown[0])}; it has {', '.join(known) or 'none'}"
        )
    for key, value in params.items():
        _check_kind(name, kind, key, value)
    with foreign(f"predictor {name} can't be made"):
        made = kind(**params)
        if not isinstance(made.tags, Tags):
            raise TypeError("its tags are no Tags")
        text_of(made)
    with foreign(f"predictor {name} won't do"):
        made.check_parameters()
    return made


def _check_kind(name: str, kind: type, key: str, value: object) -> None:
    """Refuse a value from text that is not of the plain kind which a parameter is annotated by."""
    annotation = str(parameters_of(kind)[key].annotation)
    plain, _, none = annotation.partition(" | ")
    kinds, said = PLAIN.get(plain, (object, ""))
    if none not in ("", "None") or (none and value is None):
        return
    wrong_bool = isinstance(value, bool) and plain != "bool"
    if not isinstance(value, kinds) or (wrong_bool and plain in PLAIN):
        raise InputError(f"{name}: {key}={value} won't do; give {said}")


def to_predictors(given: Sequence[Predictor | str]) -> Sequence[Predictor]:
    """As `to_predictor`, of each; the sequence itself where there is no text among them.

    Raises:
        InputError: as `to_predictor`, or text in place of a list.
    """
    if isinstance(given, str):
        raise InputError(f"{given!r} is no list of predictors; write [{given}, ...]")
    made = [to_predictor(each) for each in given]
    return cast("Sequence[Predictor]", given) if made == [*given] else made


def text_of(predictor: HasParameters) -> str:
    """The text that stands for a predictor: its name, and the parameters that are not defaults.

    What a wrapper is around is always shown.

    >>> text_of(to_predictor("ensemble(xgb(max_depth=6), members=5)"))
    'ensemble(xgb(max_depth=6))'
    """
    shown = {key: shown_value(value) for key, value in changed(predictor).items()}
    first = next(iter(parameters_of(type(predictor))), None)
    if first is not None and family_of(predictor) == WRAPPER:
        shown.pop(first, None)
        shown = {POSITIONAL: shown_value(getattr(predictor, first)), **shown}
    return format_spec(name_of(predictor), shown)


def name_of(predictor: HasParameters) -> str:
    """Its name in the registry, or that of its class."""
    return predictors.name_of(type(predictor)) or type(predictor).__name__


def changed(predictor: HasParameters) -> dict[str, Any]:
    """The parameters that differ from their defaults, in order."""
    known = parameters_of(type(predictor))
    values = predictor.get_params(deep=False)
    return {
        key: values[key]
        for key, parameter in known.items()
        if key in values
        and (
            parameter.default is Parameter.empty
            or shown_value(values[key]) != shown_value(parameter.default)
        )
    }


def shown_value(value: Any) -> Any:
    """A parameter as text, number or list of these."""
    if has_parameters(value):
        return text_of(value)
    if isinstance(value, list | tuple):
        return [shown_value(each) for each in value]
    value = value.item() if isinstance(value, np.generic) else value
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)


def family_of(predictor: HasParameters) -> str:
    """The family that the registry says it is of, `OWN` where it says none."""
    name = predictors.name_of(type(predictor))
    return predictors.entry(name).family if name else OWN


def configured(predictor: Predictor, seed: int, device: str) -> Predictor:
    """An unfitted copy with this seed and device where it takes them, and has defaults there."""
    fresh: Predictor = unfitted(predictor)
    fixed = changed(predictor)
    takes = fresh.get_params(deep=False)
    given = {"seed": seed, "device": device}
    fresh.set_params(
        **{key: value for key, value in given.items() if key in takes and key not in fixed}
    )
    return fresh


def for_rescaled_labels(predictor: Predictor, seed: int, device: str) -> Predictor:
    """As `configured`, and learning from labels as they come unless it says otherwise."""
    fresh = configured(predictor, seed, device)
    if "labels" in fresh.get_params(deep=False) and "labels" not in changed(predictor):
        fresh.set_params(labels="raw")
    return fresh
