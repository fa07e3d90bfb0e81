"""Scores on disk, so that no network is scored twice."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from archcast.core.errors import InputError

_logger = logging.getLogger("archcast")
Key = dict[str, str | int]


class Measured(BaseModel):
    """A score, and the seconds that it takes when nothing is shared with other proxies."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    made_of: str  # the digest of `identity.made_of` the proxy
    score: float
    seconds: float


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    key: Key
    scores: dict[str, Measured]


class ScoreCache:
    """A folder with one JSON file a key; a key is all that the scores of a network depend on."""

    def __init__(self, folder: Path) -> None:
        """Open or make the folder.

        Raises:
            InputError: it can't be made or written to.
        """
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cache {folder}: {error.strerror}; choose another folder") from None
        if not os.access(folder, os.W_OK | os.X_OK):
            raise InputError(f"cache {folder}: not writable; choose another folder")

    def load(self, key: Key) -> dict[str, Measured]:
        """Scores by proxy; a file that holds none of this key is ignored with a warning."""
        path = self._path(key)
        try:
            found = _File.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return {}
        except (ValidationError, OSError) as error:
            reason = str(error).splitlines()[0]
            _logger.warning("%s: ignoring a file that holds no scores (%s)", path, reason)
            return {}
        if found.key != key:
            _logger.warning("%s: ignoring the scores of another network", path)
            return {}
        return found.scores

    def save(self, key: Key, scores: dict[str, Measured]) -> None:
        """Add scores: written aside, then renamed, so that no file is ever half there."""
        path = self._path(key)
        kept = _File(key=key, scores=self.load(key) | scores)
        aside = path.with_name(f".{path.stem}.{os.getpid()}")
        aside.write_text(kept.model_dump_json())
        aside.replace(path)

    def _path(self, key: Key) -> Path:
        text = json.dumps(key, sort_keys=True)
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:20]}.json"
