"""Rows of a table in the making, kept as they come."""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from archcast.benchmarks.objective import Objective
from archcast.benchmarks.table import WHOLE, Table, read_table
from archcast.core.errors import InputError
from archcast.core.files import append_line, check_target, read_whole, whole_lines
from archcast.networks import registry as networks
from archcast.networks.table_networks import (
    BUILD,
    BUILD_HASH,
    MADE_OF,
    SCALE,
    TASK_HASH,
    understood,
)
from archcast.spaces.declared import declared_space
from archcast.tasks.loading import MEASURES
from archcast.tasks.task import Measure

_logger = logging.getLogger("archcast")

_LATER = ("attack", TASK_HASH, MADE_OF)  # tables from before these were recorded lack them


class Journal:
    """Rows of a table in the making: a line of JSON each, merged into the table at the end.

    Within its context it is the only one of its table, in all processes. Leaving the context, also
    by an interrupt, writes the table and removes the journal; after a kill the next one goes on
    from what is there.
    """

    def __init__(self, out: Path, provenance: dict[str, str]) -> None:
        """A journal beside `out`.

        Raises:
            InputError: the folder can't be written to.
        """
        self.out, self.provenance = out, provenance
        self.described: dict[str, str] = {}  # what the table says of itself besides
        self.path = out.with_name(out.name + ".journal")
        self.rows: dict[tuple[str, int], dict[str, Any]] = {}  # by architecture and seed
        check_target(self.path, mend="choose another --out")
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(out.with_name(f".{out.name}.lock"), blocking=False)
        except OSError as error:
            raise InputError(f"{self.path}: can't be written ({error.strerror})") from None

    def __enter__(self) -> Self:
        """Read what is there already.

        Raises:
            InputError: another process has the table, or it is of something else.
        """
        try:
            self._lock.acquire()
        except Timeout:
            raise InputError(
                f"{self.out}: another process is training it; wait for its end, or choose"
                " another --out"
            ) from None
        try:
            for row in (*self._rows_of_table(), *self._rows_of_journal()):
                self.rows[row["architecture"], row["seed"]] = row
            self._file = self.path.open("ab")
            if self._file.tell() == 0:
                append_line(self._file, self.provenance)
        except OSError as error:
            self._lock.release()
            raise InputError(f"{self.path}: can't be written ({error.strerror})") from None
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._file.close()
            if self.rows:
                provenance = self.described | self.provenance
                table_of_rows(list(self.rows.values()), provenance, str(self.out)).write(self.out)
                with self.out.open("rb") as written:
                    os.fsync(written.fileno())
            self.path.unlink()
        finally:
            Path(self._lock.lock_file).unlink(missing_ok=True)
            self._lock.release()

    def append(self, row: dict[str, Any]) -> None:
        """Keep a row, whatever happens next."""
        self.rows[row["architecture"], row["seed"]] = row
        append_line(self._file, row)

    def _rows_of_table(self) -> Iterator[dict[str, Any]]:
        if not self.out.exists():
            return
        table = read_table(self.out)
        held = {"space": table.space.declaration, "dataset": table.dataset, **table.metadata}
        self._check_provenance(held, self.out)
        self.described = table.metadata
        columns = {**table.columns, "diverged": table.diverged}
        owners = np.repeat(np.arange(len(table)), np.diff(table.starts))
        for row, owner in enumerate(owners):
            values = {name: column[row] for name, column in columns.items()}
            curves = {name: _cut(value) for name, value in values.items() if value.ndim}
            plain = {name: value.tolist() for name, value in (values | curves).items()}
            yield {"architecture": str(table.architectures[owner]), **plain}

    def _rows_of_journal(self) -> Iterator[dict[str, Any]]:
        if not self.path.exists():
            return
        text = read_whole(self.path)
        whole = whole_lines(text)
        if text and not whole and not json.dumps(self.provenance).encode().startswith(text):
            raise InputError(f"{self.path}, line 1: no line of a journal; move the file away")
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                found = _object(line)
                if number == 1:
                    self._check_provenance(found, self.path)
                else:
                    yield self._checked(found)
            except _NoRowError as error:
                mend = "delete that line" if number > 1 else "move the file away"
                raise InputError(
                    f"{self.path}, line {number}: no line of a journal ({error}); {mend}"
                ) from None
        os.truncate(self.path, len(whole))

    def _checked(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row that a table takes, so that nothing is refused after all the work."""
        if not isinstance(row.get("architecture"), str) or type(row.get("seed")) is not int:
            raise _NoRowError("no architecture and seed")
        try:
            table_of_rows([row], self.provenance, "row")
        except (InputError, TypeError, ValueError, OverflowError) as error:
            raise _NoRowError(str(error)) from None
        return row

    def _check_provenance(self, held: dict[str, str], where: Path) -> None:
        space = self.provenance["space"]
        held = understood(held, networks.get(space) if space in networks else None)
        own = (BUILD, BUILD_HASH, MADE_OF)
        for key in ("space", "dataset", SCALE, *own, "recipe", "attack", TASK_HASH):
            if key in self.provenance.keys() - held.keys() and key in _LATER:
                _logger.warning("%s does not say its %s; taken to be ours", where, key)
                continue
            if held.get(key) != self.provenance.get(key):
                if key == MADE_OF:
                    raise InputError(
                        f"{where} was made by other versions of networks, space or training;"
                        " choose another --out"
                    )
                raise InputError(
                    f"{where} was made with {key} {held.get(key)}, not {self.provenance.get(key)};"
                    " choose another --out"
                )
        before, now = (each.get("device", "").split(" ")[0] for each in (held, self.provenance))
        if before and before != now:  # whose seconds and latencies are not comparable
            raise InputError(
                f"{where} was made on {before}, not {now}; use --device {before}, or choose"
                " another --out"
            )


def _cut(curve: NDArray[Any]) -> NDArray[Any]:
    """Without what is missing at its end."""
    known = np.flatnonzero(~np.isnan(curve))
    return curve[: known[-1] + 1] if len(known) else curve[:0]


class _NoRowError(Exception):
    """Why a line of a journal is none."""


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise _NoRowError("no JSON") from None
    if not isinstance(found, dict):
        raise _NoRowError("no object")
    return found


def table_of_rows(rows: Sequence[dict[str, Any]], provenance: dict[str, str], source: str) -> Table:
    """A table of rows as `train_one` gives them.

    Raises:
        InputError: they are none.
    """
    metadata = dict(provenance)
    space, dataset = declared_space(metadata.pop("space")), metadata.pop("dataset")
    names = dict.fromkeys(name for row in rows for name in row)
    for name in [name for name in names if name in WHOLE and not all(name in row for row in rows)]:
        _logger.warning("%s: left out %s, which some runs do not tell", source, name)
        del names[name]
    columns = {name: [row.get(name, math.nan) for row in rows] for name in names}
    texts = columns.pop("architecture")
    objectives = [_objective(each) for each in MEASURES if f"test_{each.name}" in columns]
    return Table(space, dataset, texts, columns, metadata, objectives, source)


def _objective(measure: Measure) -> Objective:
    return Objective(*measure, valid=f"valid_{measure.name}", test=f"test_{measure.name}")
