"""Predictors from names and parameters."""

from __future__ import annotations

from collections.abc import Collection
from inspect import signature
from typing import Any

from sklearn.base import clone

from archcast.core.errors import InputError
from archcast.core.spec import POSITIONAL, parse_spec
from archcast.predictors import registry as predictors
from archcast.predictors.predictor import Predictor


def parse_predictor(spec: str) -> tuple[str, dict[str, Any]]:
    """The name and the parameters of a predictor's text; a value without a name is the first.

    Raises:
        InputError: an unknown name or parameter.
    """
    name, params = parse_spec(spec)
    known = list(signature(predictors.get(name)).parameters)
    if POSITIONAL in params and known:
        params = {known[0]: params.pop(POSITIONAL), **params}
    unknown = [key for key in params if key not in known]
    if unknown:
        raise InputError(
            f"{name} has no parameter {unknown[0]!r}; it has {', '.join(known) or 'none'}"
        )
    return name, params


def make_predictor(name: str, params: dict[str, Any], seed: int, device: str) -> Predictor:
    """Build a predictor; only one that takes a seed or a device is given it."""
    return configure(predictors.get(name)(**params), seed, device, fixed=params)


def build_predictor(
    predictor: Predictor | str, seed: int, device: str
) -> tuple[Predictor, set[str]]:
    """An unfitted predictor from one, or from text such as `xgb(max_depth=3)`.

    Also the names of the parameters that the text fixes.
    """
    if isinstance(predictor, str):
        name, params = parse_predictor(predictor)
        return make_predictor(name, params, seed, device), set(params)
    return configure(clone(predictor), seed, device), set()


def configure(
    predictor: Predictor, seed: int, device: str, fixed: Collection[str] = ()
) -> Predictor:
    """Set the seed and the device where the predictor takes them and they are not `fixed`."""
    takes = predictor.get_params(deep=False)
    given = {"seed": seed, "device": device}
    configured: Predictor = predictor.set_params(
        **{key: value for key, value in given.items() if key in takes and key not in fixed}
    )
    return configured
