"""Scores on disk, so that no network is scored twice.

A file holds the scores of any number of architectures by one proxy: lines of JSON that are only
ever added to, the first of which says what they are scores of. Its name is a digest of that, which
is all that decides a score besides the architecture. A process reads a line once.
"""

from __future__ import annotations

import json
import logging
import math
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock

from archcast.core.cache import made_folder
from archcast.core.errors import InputError
from archcast.core.files import read_whole
from archcast.core.identity import digest

_logger = logging.getLogger("archcast")


@dataclass(frozen=True, slots=True)
class Score:
    """What a proxy makes of a network; None and the reason where it is not defined for it.

    `seconds` are what that takes when nothing is shared with other proxies. Of what `failed` by
    itself nothing is kept, for another try may end otherwise.
    """

    value: float | None
    seconds: float
    reason: str = ""
    failed: bool = False


class ScoreFile:
    """The scores that one proxy gives to architectures, by their text."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        self.scores: dict[str, Score] = {}
        self._read_to = 0  # bytes
        self.catch_up()

    def catch_up(self) -> None:
        """Read what was added since, by other processes too."""
        added = _content(self.path, self._read_to)
        whole = added[: added.rfind(b"\n") + 1]
        lines = whole.splitlines()[0 if self._read_to else 1 :]
        self._read_to += len(whole)
        wrong = 0
        for line in lines:
            try:
                architecture, score = _read(line)
            except (ValueError, TypeError, KeyError, AttributeError):
                wrong += 1
            else:  # of two processes that scored it at once, the first
                self.scores.setdefault(architecture, score)
        if wrong:
            _logger.warning("%s: ignoring %d lines that hold no score", self.path, wrong)

    def add(self, architecture: str, score: Score) -> None:
        """Keep a score, whatever happens next.

        Raises:
            InputError: the file can't be written to.
        """
        if score.failed:
            return
        self.scores[architecture] = score
        kept = {"value": score.value, "seconds": score.seconds, "reason": score.reason}
        line = json.dumps({"architecture": architecture, **kept}) + "\n"
        try:
            with FileLock(self.path.with_name(".lock")), self.path.open("ab+") as file:
                first = self.key + "\n" if not _cut_to_lines(file) else ""
                file.write((first + line).encode())
        except OSError as error:
            raise InputError(f"{self.path}: can't be written ({error.strerror})") from None


@lru_cache(maxsize=128)
def score_file(folder: Path, key: str) -> ScoreFile:
    """The file of a key, which is JSON, in a folder; the same one in the whole process.

    Raises:
        InputError: the folder can't be made or written to.
    """
    return ScoreFile(made_folder(folder) / f"{digest(key)}.jsonl", key)


def _content(path: Path, start: int) -> bytes:
    try:
        return read_whole(path, start=start)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise InputError(
            f"{path}: can't be read ({error.strerror}); remove it, or choose another cache"
        ) from None


def _read(line: bytes) -> tuple[str, Score]:
    found: dict[str, Any] = json.loads(line)
    architecture, score = found.pop("architecture"), Score(**found)
    numbers = (score.seconds, *(() if score.value is None else (score.value,)))
    if not all(math.isfinite(number) for number in numbers):
        raise ValueError
    return architecture, score


def _cut_to_lines(file: BinaryIO) -> int:
    """Drop a last line without its end, which a kill cut; the bytes that are left."""
    size = file.seek(0, os.SEEK_END)
    if size:
        file.seek(size - 1)
        if file.read(1) != b"\n":
            file.seek(0)
            size = file.read().rfind(b"\n") + 1
            file.truncate(size)
    return size
