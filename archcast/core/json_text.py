"""JSON from strangers: bounded, never evaluated, refused in one line."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from archcast.core.errors import InputError, short

LONGEST = 20_000_000  # characters


def read_json(text: str) -> Any:
    """The value of JSON text.

    Raises:
        InputError: no JSON, too long or too deep, or with numbers that are not finite.
    """
    if len(text) > LONGEST:
        raise InputError(f"{len(text)} characters of JSON; {LONGEST} are the most")
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise InputError(
            f"{short(text, 20)} is JSON that is nested too deep; make it flat"
        ) from None
    except json.JSONDecodeError as error:
        at = max(error.pos - 10, 0)
        raise InputError(
            f"no JSON: {error.msg} at character {error.pos + 1}, near {short(text[at:], 20)}"
        ) from None
    except InputError:
        raise
    except ValueError:
        raise InputError("no JSON: an integer has thousands of digits; round it") from None


def _refuse(constant: str) -> NoReturn:
    raise InputError(f"{constant} is no number of JSON; give a finite one")
