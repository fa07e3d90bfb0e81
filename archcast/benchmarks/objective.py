"""What is measured of an architecture, and whether more or less of it is better."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from archcast.core.errors import InputError

MeasuredOn = Literal["valid", "test"]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Objective:
    """A quantity of a table, with the columns that hold it.

    Args:
        name: how it is chosen.
        direction: whether the greatest (`max`) or the least (`min`) value is best.
        unit: of its values, such as `%` or `ms`; percent are from 0 to 100.
        valid: the column of what is known after training, of which predictors learn; where it has a
            value an epoch, the last one.
        test: the column of what is to be predicted in truth.
        curve: the column of the values by epoch that lead to `valid`; `valid` itself, where that
            has them.
    """

    name: str
    direction: Literal["max", "min"] = "max"
    unit: str = ""
    valid: str | None = None
    test: str | None = None
    curve: str | None = None

    def signed(self, values: Any) -> Any:
        """Values as higher is better, as predictors and searches see them; and back again."""
        return values if self.direction == "max" else -values

    @property
    def label(self) -> MeasuredOn:
        """Which of its values are learned from, where nobody says."""
        return "test" if self.valid is None else "valid"

    @property
    def truth(self) -> MeasuredOn:
        """Which of its values are predicted, where nobody says."""
        return "valid" if self.test is None else "test"

    def part(self, asked: MeasuredOn) -> MeasuredOn:
        """Which of its values stand for those asked for: the others, where it has no such."""
        return asked if getattr(self, asked) is not None else self.label

    @property
    def columns(self) -> frozenset[str]:
        """Those that hold it."""
        return frozenset(filter(None, (self.valid, self.test, self.curve)))

    @property
    def needs_training(self) -> bool:
        """Whether it is known only after training, and not of a network or a device alone."""
        return not all(map(_of_networks, self.columns))

    @property
    def is_counted(self) -> bool:
        """Whether it is counted of an untrained network, and costs nothing."""
        return self.columns <= COUNTED.keys()

    @property
    def work(self) -> str:
        """What there is to do before it is known."""
        return "training" if self.needs_training else f"measuring {self.name}"

    @property
    def points(self) -> str:
        """The unit of differences."""
        return "points" if self.unit == "%" else self.unit


ACCURACY = Objective("accuracy", "max", "%", valid="valid_accuracy", test="test_accuracy")

COUNTED = {"parameters": "", "flops": "", "memory": "bytes"}  # without measuring; their units
ON_DEVICES = ("latency_", "energy_")  # what a device is named behind

_LIST = TypeAdapter(list[Objective])


def _of_networks(column: str) -> bool:
    return column in (*COUNTED, "epoch_seconds") or column.startswith(ON_DEVICES)


def known_objective(column: str) -> Objective | None:
    """The objective that a single column is, where its name tells which direction is better."""
    if column in COUNTED:
        return Objective(column, "min", COUNTED[column], valid=column, test=column)
    if column in ("epoch_seconds", "train_seconds"):
        return Objective(column, "min", "s", valid=column, test=column)
    if column.startswith("latency_"):
        return Objective(column, "min", "ms", valid=column, test=column)
    if column.startswith("energy_"):
        return Objective(column, "min", "mJ", valid=column, test=column)
    if column.endswith("accuracy"):
        return Objective(column, "max", "%", valid=column, test=column)
    return None


def made_objective(name: str, given: dict[str, Any]) -> Objective:
    """An objective from its name and what a user says of it.

    Raises:
        InputError: an unknown word, or a value that won't do.
    """
    known = [field.name for field in fields(Objective) if field.name != "name"]
    if unknown := [key for key in given if key not in known]:
        raise InputError(f"objective {name}: has no {unknown[0]!r}; it has {', '.join(known)}")
    try:
        made = Objective(name, **given)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            f"objective {name}: {first['loc'][0]}={first['input']} won't do: {first['msg']}"
        ) from None
    if not made.columns:
        raise InputError(f"objective {name}: holds no column; give valid=COLUMN or test=COLUMN")
    return made


def objectives_text(objectives: Sequence[Objective]) -> str:
    """Objectives as a table's metadata hold them."""
    return json.dumps([asdict(each) for each in objectives])


def read_objectives(text: str, source: str) -> list[Objective]:
    """Back from such text.

    Raises:
        InputError: it is none; `source` names where it stands.
    """
    try:
        found = _LIST.validate_json(text)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise InputError(
            f"{source}: its objectives can't be read ({reason}); convert the table anew"
        ) from None
    if not found:
        raise InputError(f"{source}: declares no objective; convert the table anew")
    return found
