"""Errors that a user can mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from numbers import Integral

LONGEST = 2_000  # letters of a message


class InputError(ValueError):
    """Bad input. The message is one line: what is wrong, where, and how to mend it.

    Whatever it quotes: line breaks become spaces, and its middle is cut where it is too long.
    """

    def __init__(self, message: str) -> None:
        message = " ".join(message.splitlines())
        if len(message) > LONGEST:
            message = f"{message[: LONGEST // 2]} ... {message[-LONGEST // 2 :]}"
        super().__init__(message)


class UnreachableError(InputError):
    """Who was to work is not there, or not as it must be: no job's fault, and the end of all."""


@contextmanager
def foreign(what: str) -> Iterator[None]:
    """Somebody else's code: that it fails becomes an `InputError`, `what` and why."""
    try:
        yield
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(f"{what} ({told(error)})") from None


def check_number(option: str, value: int, least: int) -> None:
    """Refuse a number that is not whole, too small, or larger than frames and libraries take.

    Raises:
        InputError: it is no integer, less than `least`, or has more than 63 bits.
    """
    if not isinstance(value, Integral):
        raise InputError(f"{option} {short(str(value))}: give a whole number")
    if value < least:
        raise InputError(f"{option} {value}: give {least} or more")
    if value >= 2**63:
        raise InputError(f"{option} {short(str(value))}: give less")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The mend of an unknown name: near ones, or else all.

    >>> did_you_mean("xgbb", ["xgb", "rf"])
    'did you mean xgb?'
    >>> did_you_mean("other", ["xgb", "rf"])
    'there are xgb, rf'
    """
    known = list(known)
    near = difflib.get_close_matches(name[:100], known, n=3)
    return f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"


def told(error: BaseException) -> str:
    """An exception of somebody else's code, as one line.

    >>> told(KeyError("a name"))
    "KeyError: 'a name'"
    """
    try:
        text = " ".join(str(error).encode("utf-8", "backslashreplace").decode().split())
    except Exception:  # theirs too
        text = ""
    kind = type(error).__name__
    return f"{kind}: {text[:500]}" if text else kind


def printable(text: str) -> str:
    """Text as a terminal may see it: what would steer it is written out.

    >>> printable("a\\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    return "".join(
        each if each.isprintable() or each in "\n\t" else each.encode("unicode_escape").decode()
        for each in text
    )


def short(text: str, most: int = 120) -> str:
    """Text as it is quoted in a message, cut where it is long.

    >>> short("a" * 50, 10)
    "'aaaaaaaaaa...'"
    """
    return repr(text if len(text) <= most else text[:most] + "...")
