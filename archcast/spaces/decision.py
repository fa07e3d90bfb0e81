"""What an architecture decides: one of some options, or a number in a range."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archcast.core.errors import InputError, short

BINS = 8  # of a range, for those that need finitely many levels
STEP = 0.1  # of a range, on its own scale, from a value to its neighbours

Option = str | int | float
Choice = Any  # an int, the index of an option; or a float, the number in a range


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing that every architecture of a space decides.

        Decision("kernel", (3, 5, 7))                    # ordered, as all options are numbers
        Decision("act", ("relu", "gelu"))                # categorical, as they are not
        Decision("lr", low=1e-4, high=0.1, log=True)     # any number from `low` to `high`

    Attributes:
        name: what is decided.
        options: text or numbers; numbers that are ordered stand in rising order. None for a range.
        ordered: whether options near each other are alike. Of numbers they are unless said
            otherwise, and of text they are not. True for a range.
        low, high: the ends of a range, both part of it.
        log: whether a range has a logarithmic scale.

    Raises:
        InputError: neither or both of options and range, or senseless ones.
    """

    name: str
    options: tuple[Option, ...] = ()
    ordered: bool | None = None
    low: float | None = None
    high: float | None = None
    log: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise InputError(f"a decision's name is text, not {short(str(self.name))}")
        (self._check_range if self.is_range else self._check_options)()

    def _check_range(self) -> None:
        if self.options or self.ordered not in (None, True) or self.log not in (True, False):
            raise InputError(f"decision {self.name!r}: a range has low, high and log, nothing else")
        low, high = (finite(end) for end in (self.low, self.high))
        if low is None or high is None or low >= high or (self.log and low <= 0):
            positive = ", above 0 where the scale is logarithmic" if self.log else ""
            raise InputError(
                f"decision {self.name!r}: from {self.low} to {self.high} is no range; give two"
                f" finite numbers, the lower one first{positive}"
            )
        self._set(options=(), ordered=True, low=low, high=high)

    def _check_options(self) -> None:
        options = tuple(self.options)
        numbers = all(finite(option) is not None for option in options)
        if not options or not all(
            isinstance(option, str) or finite(option) is not None for option in options
        ):
            raise InputError(
                f"decision {self.name!r} has options that are neither text nor finite numbers,"
                f" or none: {short(str(list(options)))}; write true and false as text"
            )
        if len({*map(str, options)}) < len(options) or (numbers and len({*options}) < len(options)):
            raise InputError(f"decision {self.name!r} has an option twice: {short(str(options))}")
        if self.ordered not in (None, True, False) or self.log:
            raise InputError(f"decision {self.name!r}: ordered is true or false, log of ranges")
        ordered = numbers if self.ordered is None else self.ordered
        if ordered and numbers:
            options = tuple(sorted(options, key=float))
        self._set(options=options, ordered=ordered)

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def is_range(self) -> bool:
        """Whether any number from `low` to `high` can be chosen."""
        return self.low is not None or self.high is not None

    @property
    def size(self) -> float:
        """The number of options; `math.inf` of a range."""
        return math.inf if self.is_range else len(self.options)

    @property
    def first(self) -> Choice:
        """The first option, or the low end of the range."""
        return self.low if self.is_range else 0

    def text(self, choice: Choice) -> str:
        """A choice as text: the option, or the number."""
        return number_text(choice) if self.is_range else str(self.options[choice])

    def choice(self, value: Option) -> Choice:
        """What `text` wrote, or the option itself, as a choice.

        Raises:
            InputError: no option is `value`, or it is out of the range.
        """
        number = _number(value)
        if self.is_range:
            assert self.low is not None
            assert self.high is not None
            if number is not None and self.low <= number <= self.high:
                return number
            ends = f"from {number_text(self.low)} to {number_text(self.high)}"
            raise InputError(f"{self.name} is {short(str(value), 40)}, not a number {ends}")
        for index, option in enumerate(self.options):
            if str(option) == str(value) or (number is not None and option == number):
                return index
        options = short(", ".join(map(str, self.options)))[1:-1]
        raise InputError(f"{self.name} is {short(str(value), 40)}, none of {options}")

    def positions(self, choices: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where ordered choices stand from 0, the first, to 1, the last, on their own scale."""
        if not self.is_range:
            return choices / max(len(self.options) - 1, 1)
        low, high = self._scaled(np.array([self.low, self.high]))
        positions: NDArray[np.float64] = (self._scaled(choices) - low) / (high - low)
        return positions.clip(0.0, 1.0)

    def position(self, choice: Choice) -> float:
        """Where one ordered choice stands from 0 to 1."""
        return float(self.positions(np.array([choice], dtype=np.float64))[0])

    def at(self, position: float) -> float:
        """The number of a range at a position from 0 to 1."""
        assert self.low is not None
        assert self.high is not None
        value: float
        if self.log:
            value = float(self.low * (self.high / self.low) ** position)
        else:
            value = self.low + position * (self.high - self.low)
        return min(max(value, self.low), self.high)

    def _scaled(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        scaled: NDArray[np.float64] = np.log(values) if self.log else values
        return scaled

    @property
    def levels(self) -> int:
        """The number of options, or of equal parts that a range is cut into."""
        return BINS if self.is_range else len(self.options)

    def level(self, choice: Choice) -> int:
        """Which option, or which part of the range, a choice is."""
        return min(int(self.position(choice) * BINS), BINS - 1) if self.is_range else choice

    def of_level(self, level: int, rng: np.random.Generator) -> Choice:
        """A choice of this level: the option, or a number drawn from that part of the range."""
        return self.at((level + float(rng.random())) / BINS) if self.is_range else level

    def neighbours(self, choice: Choice) -> list[Choice]:
        """All other options; of a range, the numbers a step of a tenth of it below and above."""
        if not self.is_range:
            return [option for option in range(len(self.options)) if option != choice]
        near = (self.position(choice) + step for step in (-STEP, STEP))
        return [self.at(position) for position in near if 0 <= position <= 1]

    def as_json(self) -> dict[str, object]:
        """What `decision_from_json` reads back."""
        if self.is_range:
            return {"name": self.name, "low": self.low, "high": self.high, "log": self.log}
        return {"name": self.name, "options": list(self.options), "ordered": self.ordered}


def decision_from_json(value: object) -> Decision:
    """A decision from an object of JSON, whose keys are the attributes of `Decision`.

    Raises:
        InputError: it is none.
    """
    known = ("name", "options", "ordered", "low", "high", "log")
    if not isinstance(value, Mapping) or not {"name"} <= {*value} <= {*known}:
        raise InputError(
            f"{short(str(value))} is no decision; one is an object with a name and options, or"
            " with a name, low and high"
        )
    options = value.get("options", [])
    if not isinstance(options, list):
        raise InputError(f"decision {short(str(value['name']))}: options are a list")
    return Decision(**{**value, "options": tuple(options)})


def number_text(value: float) -> str:
    """The shortest text that reads back as the number: `3` rather than `3.0`."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def finite(value: object) -> float | None:
    """The number that a value is, or None for text, truth values and what is not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _number(value: object) -> float | None:
    """The finite number that text or a number says."""
    if not isinstance(value, str):
        return finite(value)
    try:
        return finite(float(value))
    except ValueError:
        return None
