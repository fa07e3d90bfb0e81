"""A search whose trainings are yours: it says what to train, and is told what came of it."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from filelock import FileLock, Timeout

from archcast.benchmarks.objective import ACCURACY, Objective
from archcast.benchmarks.table import Table
from archcast.core.errors import InputError, check_number, foreign
from archcast.core.files import append_line, check_target, read_whole, whole_lines
from archcast.core.identity import made_of
from archcast.predictors.predictor import Predictor
from archcast.predictors.predictor_text import configured, text_of, to_predictor
from archcast.search.async_search import AsyncSearch
from archcast.search.goal import Goal
from archcast.search.open_pool import OpenPool
from archcast.search.strategy import Guide, Strategy, Trial
from archcast.search.strategy_text import strategy_text, to_strategy
from archcast.spaces.declared import declared_space
from archcast.spaces.space import Architecture, Space

ASKED, TOLD = "asked", "told"


class OwnSearch:
    """A search of a space by a strategy, with a predictor or without, that trains nothing itself.

        with OwnSearch("mine.parquet", "nasbench201", "evolution", "xgb") as search:
            while len(search.trained) < 100:
                cell = search.ask()
                search.tell(cell, valid_accuracy(cell), train_seconds=60.0)

    Several may be asked for before any is told of. All of that stands in a journal beside `out`, so
    that after a kill the same lines go on from there: what was asked for and not told of is asked
    for again, first. Leaving the context, also by an exception, writes the table `out`, which is a
    benchmark.

    Args:
        out: the path of the table (.parquet).
        space: a name, or decisions as JSON.
        strategy: an object, or text; see `archcast list strategies`.
        predictor: that guides it, an object or text; None for none.
        seed: of the search and of the predictor.
        device: where the predictor runs.
        objective: what is told; its `valid` names the column.
        dataset: what the table says that networks were trained on.
    """

    def __init__(
        self,
        out: Path | str,
        space: Space | str,
        strategy: Strategy | str = "evolution",
        predictor: Predictor | str | None = None,
        *,
        seed: int = 0,
        device: str = "cpu",
        objective: Objective = ACCURACY,
        dataset: str = "own",
    ) -> None:
        """Begin a search, or be ready to go on with it.

        Raises:
            InputError: the space has no such name, the strategy trains for some epochs only or
                brings a supernet, or the predictor can't guide it.
        """
        check_number("seed", seed, 0)
        if objective.valid is None:
            raise InputError(f"objective {objective.name}: what is told is its `valid`; name one")
        self.out, self.objective, self.dataset = Path(out), objective, dataset
        self.space = declared_space(space) if isinstance(space, str) else space
        self.strategy = to_strategy(strategy)
        traits, text = self.strategy.traits, strategy_text(self.strategy)
        if traits.curves or self.strategy.own_guide() is not None:
            raise InputError(
                f"strategy {text}: trains for some epochs, or trains a supernet, itself; choose"
                " evolution or another"
            )
        self.predictor = None if predictor is None else to_predictor(predictor)
        self._check_guide(text)
        guide = None
        if self.predictor is not None:
            guide = Guide(configured(self.predictor, seed, device))
        pool = OpenPool(self.space, [], 1, Goal((objective,)))
        self._search = AsyncSearch(self.strategy, pool, np.random.default_rng(seed), guide)
        self._pending: dict[str, Trial] = {}
        self._again: list[str] = []  # of these, what was asked for before a kill
        self.trained: list[dict[str, Any]] = []  # rows of the table so far
        made = [self.space, self.strategy, self.predictor]
        self._header = {"search": made_of([*made, seed]), "tells": objective.valid}
        self._journal = self.out.with_name(self.out.name + ".search")

    def __enter__(self) -> Self:
        """Come to where the journal ends, if there is one.

        Raises:
            InputError: another process is at it, it is of another search, or can't be written.
        """
        check_target(self.out)
        with ExitStack() as entering:
            try:
                self.out.parent.mkdir(parents=True, exist_ok=True)
                entering.enter_context(FileLock(f"{self._journal}.lock", blocking=False))
                events = self._events()
                self._file = entering.enter_context(self._journal.open("ab"))
            except Timeout:
                raise InputError(f"{self.out}: another process searches; wait for it") from None
            except OSError as error:
                raise InputError(f"{self.out}: can't be written ({error.strerror})") from None
            if not events:
                self._keep(self._header)
            for event in events[1:]:
                self._replay(event)
            self._again = [*self._pending]
            self._leaving = entering.pop_all()
        return self

    def __exit__(self, *failure: Any) -> None:
        with self._leaving:
            if self.trained:
                self.table().write(self.out)

    def ask(self) -> Architecture | None:
        """What to train next, canonical, and never what is pending.

        None where the strategy has nothing until more is told, or nothing left.
        """
        if self._again:
            return self._pending[self._again.pop(0)].architecture
        trial = self._ask()
        if trial is not None:
            self._keep({ASKED: str(trial.architecture)})
        return trial and trial.architecture

    def tell(self, architecture: Architecture, value: float, **columns: float) -> None:
        """What came of a training that was asked for.

        Args:
            architecture: that `ask` gave.
            value: of the objective, in its unit.
            columns: what else the table is to hold, as `test_accuracy`, `train_seconds` or
                `parameters`; the same of each.

        Raises:
            InputError: it was not asked for, or is told of already; or a value is no finite number,
                or other columns are told than before.
        """
        row: dict[str, Any] = {"architecture": str(architecture)}
        if row["architecture"] not in self._pending:
            raise InputError(f"{architecture}: is not what was asked for, or is told of already")
        for name, given in {str(self.objective.valid): value, **columns}.items():
            with foreign(f"{name} of {architecture}: give a finite number"):
                row[name] = float(given)
            if not math.isfinite(row[name]):
                raise InputError(f"{name} of {architecture} is {given}: give a finite number")
        if self.trained and row.keys() != self.trained[0].keys():
            raise InputError(
                f"{architecture}: tell {', '.join(self.trained[0])} of each, as before"
            )
        self._keep({TOLD: row})
        self._tell(row)

    def table(self) -> Table:
        """All that was trained.

        Raises:
            InputError: it is nothing yet, or its values are none of such a table.
        """
        held = self.trained[0].keys() if self.trained else ()
        columns = {
            name: [row[name] for row in self.trained] for name in held if name != "architecture"
        }
        own = self.objective
        objective = own if own.test in columns else replace(own, test=None, curve=None)
        said = {"strategy": strategy_text(self.strategy)}
        if self.predictor is not None:
            said["predictor"] = text_of(self.predictor)
        texts = [row["architecture"] for row in self.trained]
        return Table(self.space, self.dataset, texts, columns, said, [objective], str(self.out))

    def _check_guide(self, text: str) -> None:
        traits, guide = self.strategy.traits, self.predictor
        if guide is None:
            if traits.unguided is not None:
                raise InputError(f"strategy {text}: wants a predictor; give gp or another")
            return
        told, tags = text_of(guide), guide.tags
        if not traits.takes_predictor:
            raise InputError(f"strategy {text}: takes no predictor; leave {told} out")
        if tags.needs:
            needs = ", ".join(sorted(tags.needs))
            raise InputError(f"predictor {told}: needs {needs}, which nobody has here; choose gp")
        if barred := traits.bars(tags):
            other = "another" if traits.untrained else f"ensemble({told})"
            raise InputError(f"predictor {told}: {barred}; for strategy {text} choose {other}")

    def _ask(self) -> Trial | None:
        trial = self._search.ask()
        if trial is not None:
            self._pending[str(trial.architecture)] = trial
        return trial

    def _tell(self, row: dict[str, Any]) -> None:
        self.trained.append(row)
        trial = self._pending.pop(row["architecture"])
        if row["architecture"] in self._again:
            self._again.remove(row["architecture"])
        value = row[str(self.objective.valid)]
        self._search.tell(trial, float(self.objective.signed(value)))

    def _keep(self, event: dict[str, Any]) -> None:
        append_line(self._file, event)

    def _events(self) -> Sequence[dict[str, Any]]:
        """Of the journal, up to a line that a kill has cut, which goes."""
        try:
            whole = whole_lines(read_whole(self._journal))
        except FileNotFoundError:
            return []
        os.truncate(self._journal, len(whole))
        with foreign(f"{self._journal}: is no journal of a search; choose another path"):
            events = [dict(json.loads(line)) for line in whole.splitlines()]
        if events and events[0] != json.loads(json.dumps(self._header)):
            raise InputError(
                f"{self._journal}: is of another search, or of another version of it; choose"
                " another path, or put that away"
            )
        return events

    def _replay(self, event: dict[str, Any]) -> None:
        row = event.get(TOLD)
        if row is not None and row.get("architecture") in self._pending:
            self._tell(row)
        elif (
            row is not None
            or (trial := self._ask()) is None
            or str(trial.architecture) != event.get(ASKED)
        ):
            raise InputError(
                f"{self._journal}: the search takes another course here; choose another path"
            )
