"""Predictors from names and parameters."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from archcast.catalog import predictors
from archcast.predictors.base import Predictor


def make_predictor(name: str, params: dict[str, Any], seed: int, device: str) -> Predictor:
    """Build a predictor; only one that takes a seed or a device is given it."""
    return configure(predictors.get(name)(**params), seed, device, fixed=params)


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
