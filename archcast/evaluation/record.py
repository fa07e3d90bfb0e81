"""What a job left behind, and the folder that keeps it."""

from __future__ import annotations

import logging
import math
import os
import platform
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from archcast.core.device import machine_kind
from archcast.core.errors import InputError, short
from archcast.core.files import read_whole, remove_left_behind, replacing
from archcast.core.identity import LIBRARIES
from archcast.evaluation.job import SCHEMA_VERSION, BaseJob, Job

_KEY = re.compile(r"[0-9a-f]{20}")
_logger = logging.getLogger("archcast")


class Cost(BaseModel):
    """Seconds; None where the table does not say what training takes.

    Initialisation is labels + fit; a query is evidence + query, for one architecture. What was
    learned from elsewhere has a price of its own beside these.
    """

    model_config = ConfigDict(extra="forbid")

    labels: float | None  # simulated: training the labelled architectures
    fit: float  # measured
    evidence: float | None  # simulated: partial training of the queried architecture
    query: float  # measured
    source: float | None = 0.0  # labels elsewhere, simulated, and learning from them, measured

    @property
    def init_seconds(self) -> float | None:
        return None if self.labels is None else self.labels + self.fit

    @property
    def query_seconds(self) -> float | None:
        return None if self.evidence is None else self.evidence + self.query


@cache
def _versions() -> dict[str, str]:
    libraries = {name: _library_version(module, name) for module, name in LIBRARIES.items()}
    return {"archcast": version("archcast"), "python": platform.python_version(), **libraries}


def _library_version(module: str, name: str) -> str:
    """Of the distribution, or of another that brings the module, as `xgboost-cpu` does."""
    try:
        return version(name)
    except PackageNotFoundError:
        others = packages_distributions().get(module, [])
        return version(others[0]) if others else "unknown"


class BaseRecord(BaseModel):
    """What every outcome of a job says; `error` is the reason of a failure."""

    model_config = ConfigDict(extra="forbid")

    schema_version: Literal[3] = 3
    job: BaseJob
    table: str  # hash of the table
    architectures: list[int] = []  # which ones were queried, as positions in the table
    fallbacks: int = 0  # predictions that are stand-ins, because the method failed
    error: str | None = None
    versions: dict[str, str] = Field(default_factory=_versions)
    machine: str = Field(default_factory=machine_kind)

    @property
    def failed(self) -> bool:
        return self.error is not None

    def lists(self) -> Iterable[tuple[Sequence[float], int]]:
        """Lists of numbers, each with the length that it has to have."""
        return ()

    def check(self) -> None:
        """Refuse what was not written by us.

        Raises:
            ValueError: lists of other lengths, or a number that is not finite.
        """
        for values, length in self.lists():
            if len(values) != length:
                raise ValueError(f"{len(values)} values, not {length}")
            if not all(map(math.isfinite, values)):
                raise ValueError("values that are not finite")


class Record(BaseRecord):
    """The outcome of a `Job`: raw predictions and their cost."""

    job: Job
    predictions: list[float] = []  # higher is better
    values: list[float] | None = None  # the same in the objective's unit; None where they only rank
    truth: list[float] = []  # in the objective's unit
    cost: Cost | None = None

    def lists(self) -> Iterable[tuple[Sequence[float], int]]:
        if not self.failed:
            size = self.job.test_size
            yield from ((each, size) for each in (self.predictions, self.truth, self.architectures))
            if self.values is not None:
                yield self.values, size
        if self.cost:
            known = [each for _, each in self.cost if each is not None]
            yield known, len(known)


R = TypeVar("R", bound=BaseRecord)


class RecordStore(Generic[R]):
    """A folder with one JSON file a record, named by its job's key."""

    def __init__(self, folder: Path, kind: type[R]) -> None:
        """Open a folder of records of one kind, which need not be there, or be writable.

        Raises:
            InputError: it can't be read.
        """
        self.folder, self.kind = folder, kind
        foreign = [name for name in _json_files(folder) if not _KEY.fullmatch(name)]
        if foreign:
            files = ", ".join(f"{short(name)[1:-1]}.json" for name in foreign[:3])
            more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
            _logger.warning("%s: ignoring files that are no records: %s%s", folder, files, more)

    @cached_property
    def _outdated(self) -> set[str]:
        found = {key for key in self._keys() if not _is_current(self.folder / f"{key}.json")}
        if found:
            _logger.warning(
                "%s: not using %d records of an earlier archcast", self.folder, len(found)
            )
        return found

    def prepare(self) -> None:
        """Make the folder, for records to come; remove what kills have left there.

        Raises:
            InputError: it can't be made or written to.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"results folder {self.folder}: {error.strerror}; choose another by --results"
            ) from None
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise InputError(
                f"results folder {self.folder}: not writable; choose another by --results"
            )
        remove_left_behind(self.folder)

    def _keys(self) -> list[str]:
        return [name for name in _json_files(self.folder) if _KEY.fullmatch(name)]

    def files(self, keys: Iterable[str] | None = None) -> dict[str, tuple[int, int]]:
        """Of the records of `keys` that there are, or of all, when they were written and the bytes.

        By key; seconds are in nanoseconds.
        """
        there = _json_files(self.folder)
        found = {}
        for key in dict.fromkeys(filter(_KEY.fullmatch, there) if keys is None else keys):
            if entry := there.get(key):
                state = entry.stat()
                found[key] = state.st_mtime_ns, state.st_size
        return found

    def load(self, key: str) -> R | None:
        """The record of a key, or None.

        A file that is no record, or that of another job, is ignored with a warning.
        """
        if key in self._outdated:
            return None
        path = self.folder / f"{key}.json"
        try:
            record = self.kind.model_validate_json(read_whole(path))
            record.check()
        except FileNotFoundError:
            return None
        except (ValueError, OverflowError, OSError) as error:
            reason = str(error).splitlines()[0]
            _logger.warning("%s: ignoring a file that is no record (%s)", path, reason)
            return None
        if (own := record.job.key(record.table)) != key:
            _logger.warning("%s: ignoring the record of another job, which is %s", path, own)
            return None
        return record

    def __iter__(self) -> Iterator[R]:
        """Every record of the folder, by key."""
        for key in self._keys():
            if record := self.load(key):
                yield record


def _json_files(folder: Path) -> dict[str, os.DirEntry[str]]:
    """The JSON files of a folder by their names without ending, in the order of these."""
    ending = ".json"
    try:
        files = [each for each in os.scandir(folder) if each.is_file()]
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError(
            f"results folder {folder}: {error.strerror}; choose another by --results"
        ) from None
    found = {each.name.removesuffix(ending): each for each in files if each.name.endswith(ending)}
    return dict(sorted(found.items()))


def _is_current(path: Path) -> bool:
    """Whether a file does not begin as a record of another schema."""
    start = b'{"schema_version":'
    with path.open("rb", buffering=0) as file:
        found = file.read(len(start) + 4)
    return not found.startswith(start) or found.startswith(start + b"%d," % SCHEMA_VERSION)


def say_what_is_mixed(records: Iterable[BaseRecord]) -> None:
    """As `say_what_differs`, of records; seconds of those that failed are not compared."""
    made = list(records)
    say_what_differs(
        (each.versions for each in made), (each.machine for each in made if not each.failed)
    )


def say_what_differs(versions: Iterable[Mapping[str, str]], machines: Iterable[str]) -> None:
    """Log of which libraries there are several versions, and if there are machines of two kinds."""
    found: dict[str, set[str]] = {}
    for each in {tuple(each.items()) for each in versions}:
        for name, number in each:
            found.setdefault(name, set()).add(number)
    mixed = [
        f"{name} {' and '.join(sorted(numbers))}"
        for name, numbers in sorted(found.items())
        if len(numbers) > 1 and name != "archcast"
    ]
    if mixed:
        _logger.warning("results of several versions are compared: %s", ", ".join(mixed))
    every = set(machines)
    vague = {each for each in every if any(one != each and one.startswith(each) for one in every)}
    if len(kinds := sorted(every - vague)) > 1:  # earlier records do not name the processor
        _logger.warning("seconds of several kinds of machine are compared: %s", "; ".join(kinds))


def stored_records(folder: Path, kind: type[R], table: str) -> list[R]:
    """The records that a folder has of the table with this hash; none where there is no folder.

    Of several that were asked the same, by other code or on another device, it is the newest.
    """
    if not folder.is_dir():
        return []
    store = RecordStore(folder, kind)
    records = {key: record for key in store.files() if (record := store.load(key))}
    records = {key: record for key, record in records.items() if record.table == table}
    newest: dict[str, str] = {}
    for key, _ in sorted(store.files(records).items(), key=lambda file: file[1]):
        asked = records[key].job.model_dump_json(exclude={"identity", "device", "params"})
        newest[asked] = key
    say_what_is_older(len(records) - len(newest), folder)
    kept = {*newest.values()}
    found = [record for key, record in records.items() if key in kept]
    say_what_is_mixed(found)
    return found


def say_what_is_older(left: int, folder: Path) -> None:
    """Log how many records were left out for newer ones."""
    if left:
        _logger.warning(
            "%s: not using %d records of earlier code or another device, as there are newer ones",
            folder,
            left,
        )


def largest_group(records: Iterable[R], alike: Callable[[R], Hashable]) -> list[R]:
    """The most records that are alike, in their order."""
    groups: dict[Hashable, list[R]] = {}
    for record in records:
        groups.setdefault(alike(record), []).append(record)
    return max(groups.values(), key=len, default=[])


def save_record(folder: Path, key: str, record: BaseRecord) -> None:
    """Keep a record.

    Raises:
        InputError: it can't be written.
    """
    with replacing(folder / f"{key}.json", "choose another folder by --results") as aside:
        aside.write_text(record.model_dump_json())
