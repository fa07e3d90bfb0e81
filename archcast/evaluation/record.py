"""What a job left behind, and the folder that keeps it."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from archcast.errors import InputError
from archcast.evaluation.job import Job

_KEY = re.compile(r"[0-9a-f]{20}")
_logger = logging.getLogger("archcast")


class Cost(BaseModel):
    """Seconds; None where the table does not say what training takes.

    Initialisation is labels + fit; a query is evidence + query, for one architecture.
    """

    model_config = ConfigDict(extra="forbid")

    labels: float | None  # simulated: training the labelled architectures
    fit: float  # measured
    evidence: float | None  # simulated: partial training of the queried architecture
    query: float  # measured

    @property
    def init_seconds(self) -> float | None:
        return None if self.labels is None else self.labels + self.fit

    @property
    def query_seconds(self) -> float | None:
        return None if self.evidence is None else self.evidence + self.query


class Record(BaseModel):
    """The outcome of one job: raw predictions and their cost, or the reason of a failure."""

    model_config = ConfigDict(extra="forbid")

    schema_version: Literal[1] = 1
    job: Job
    table: str  # hash of the table
    architectures: list[int] = []  # which ones were queried, as positions in the table
    predictions: list[float] = []
    fallbacks: int = 0  # predictions that are stand-ins, because the method failed
    truth: list[float] = []
    cost: Cost | None = None
    error: str | None = None
    versions: dict[str, str] = {}
    machine: str = ""

    @property
    def failed(self) -> bool:
        return self.error is not None


class RecordStore:
    """A folder with one JSON file a record, named by its job's key."""

    def __init__(self, folder: Path) -> None:
        """Open or make the folder.

        Raises:
            InputError: the folder can't be made or written to.
        """
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"results folder {folder}: {error.strerror}; choose another by --results"
            ) from None
        if not os.access(folder, os.W_OK | os.X_OK):
            raise InputError(f"results folder {folder}: not writable; choose another by --results")
        foreign = sorted(p.name for p in folder.glob("*.json") if not _KEY.fullmatch(p.stem))
        if foreign:
            _logger.warning(
                "%s: ignoring files that are no records: %s", folder, ", ".join(foreign)
            )

    def load(self, key: str) -> Record | None:
        """The record of a key, or None; a file that is no record is ignored with a warning."""
        path = self.folder / f"{key}.json"
        try:
            return Record.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (ValidationError, OSError) as error:
            reason = str(error).splitlines()[0]
            _logger.warning("%s: ignoring a file that is no record (%s)", path, reason)
            return None

    def __iter__(self) -> Iterator[Record]:
        """Every record of the folder, by key."""
        for path in sorted(self.folder.glob("*.json")):
            if _KEY.fullmatch(path.stem) and (record := self.load(path.stem)):
                yield record


def save_record(folder: Path, key: str, record: Record) -> None:
    """Keep a record: written aside, then renamed, so that none is ever half there."""
    aside = folder / f".{key}.{os.getpid()}"
    aside.write_text(record.model_dump_json())
    aside.replace(folder / f"{key}.json")
