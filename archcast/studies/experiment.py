"""From what a user asks for to a checked list of jobs."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from archcast.benchmarks.objective import MeasuredOn, Objective
from archcast.benchmarks.table import Table
from archcast.core.device import pick_device
from archcast.core.errors import InputError, check_number, foreign, short
from archcast.core.identity import digest, made_of
from archcast.core.spec import parse_spec, split_specs
from archcast.evaluation.engine import fact_column, missing_needs, run_job
from archcast.evaluation.job import Job, Planned
from archcast.evaluation.kept_measures import View, measured_jobs
from archcast.evaluation.network_fields import made_of_networks
from archcast.evaluation.record import Record, RecordStore
from archcast.evaluation.runner import run_jobs
from archcast.evaluation.sources import made_of_source
from archcast.predictors import registry
from archcast.predictors.baselines import Column
from archcast.predictors.predictor import Predictor
from archcast.predictors.predictor_text import (
    HARDWARE,
    WRAPPER,
    family_of,
    name_of,
    shown_value,
    text_of,
    to_predictor,
)
from archcast.predictors.wrappers.combined import Combined, takes_features

Predictors = str | Predictor | Sequence[Predictor | str]  # text may name several, or families
MOST_JOBS = 100_000
_logger = logging.getLogger("archcast")


@dataclass(frozen=True, slots=True)
class Experiment:
    """A grid of jobs on a table.

    Args:
        table: the results.
        predictors: objects, or text: names with parameters, families, `all`.
        train_sizes: numbers of labelled architectures; 0 of those that rank without labels.
        epochs: of the curves that a query pays; None for a third of those that the table has.
        test_size: how many architectures are ranked.
        repeats: random splits.
        seed: of the splits and of the predictors.
        objective: what is predicted, by name; None for the table's main one.
        label: what is learned from, `valid` or `test` values; None for `valid` where there are any.
        truth: what is predicted; None for `test` where there is any.
        device: where networks run.
        known: other objectives, known of every architecture, by name, with the seconds that one
            costs where it costs some: `latency_a(price=2)`. To the predictors come the known values
            as scores, and each predictor that takes features once more, with them.
    """

    table: Table
    predictors: Predictors = "all"
    train_sizes: tuple[int, ...] = (100,)
    epochs: tuple[int, ...] | None = None
    test_size: int = 200
    repeats: int = 10
    seed: int = 0
    objective: str | None = None
    label: MeasuredOn | None = None
    truth: MeasuredOn | None = None
    device: str = "auto"
    known: tuple[str, ...] = ()

    def check_one_number(self, compared: str) -> None:
        """Raises InputError where queries pay for several numbers of epochs."""
        if len(self.epochs or ()) > 1:
            raise InputError(f"--epochs: {compared} are compared at one number; give one")

    def plan(self) -> tuple[list[Planned[Job]], list[str]]:
        """The jobs, and remarks on what was left out or chosen for the user.

        Raises:
            InputError: something that the user asked for can't be run; nothing has been then.
        """
        table, objective = self.table, self.table.objective(self.objective)
        self._check_sizes()
        label, truth = chosen_parts(table, objective, self.label, self.truth)
        chosen, remarks = choose_predictors(self.predictors, table, objective)
        chosen += seeing(chosen, [known_column(each, table, objective) for each in self.known])
        remarks += table.remarks(objective)
        single = int((np.diff(table.starts) == 1).sum())
        if single and any("curves" in predictor.tags.needs for predictor in chosen):
            remarks.append(
                f"{single} of {len(table)} architectures have a single run: their curves lead to"
                " the very values that are predicted"
            )
        epochs_of_curves = self._epochs()
        for each in chosen:
            if not self._sizes_for(each):
                raise InputError(
                    f"--train-sizes 0: {text_of(each)} learns from labels; give 1 or more, or try"
                    f" transfer({text_of(each)})"
                )
        check_jobs(len(chosen) * len(self.train_sizes) * len(epochs_of_curves) * self.repeats)
        if label == "test" and self.label is None:
            remarks.append(f"labels are test values: {table.source} has no others")
        jobs = [
            Planned(
                Job(
                    **said,
                    objective=objective,
                    label=label,
                    truth=truth,
                    train_size=train_size,
                    epochs=epochs,
                    test_size=self.test_size,
                    seed=self.seed,
                    repeat=repeat,
                ),
                predictor,
            )
            for predictor in chosen
            for said in [facts_of(predictor, table, self.device, run_job)]
            for train_size, epochs, repeat in product(
                self._sizes_for(predictor),
                epochs_of_curves if "curves" in predictor.tags.needs else (0,),
                range(self.repeats),
            )
        ]
        return jobs, remarks

    def run(
        self, results: Path | str = "results", workers: int | Executor = 1, retry: bool = True
    ) -> list[Record]:
        """The records of all jobs, kept in the folder `results`; those that it has are not run.

        Those that failed are run again if `retry`. Remarks are logged.

        Raises:
            InputError: as `plan`, or `results` can't be a folder.
        """
        jobs, store = self._opened(results)
        return run_jobs(jobs, self.table, store, run_job, workers, retry)

    def measured(
        self,
        results: Path | str = "results",
        workers: int | Executor = 1,
        retry: bool = True,
        view: View | None = None,
    ) -> pd.DataFrame:
        """As `run`, and what `measure` says of the records; much faster where they are there.

        What `view` makes of them is shown on a terminal as they come.

        Raises:
            InputError: as `run`.
        """
        jobs, store = self._opened(results)
        return measured_jobs(jobs, self.table, store, workers, retry, view)

    def _opened(self, results: Path | str) -> tuple[list[Planned[Job]], RecordStore[Record]]:
        """The jobs, and the folder of their records; remarks are logged."""
        jobs, remarks = self.plan()
        store = RecordStore(Path(results), Record)
        for remark in remarks:
            _logger.warning(remark)
        return jobs, store

    def _sizes_for(self, predictor: Predictor) -> tuple[int, ...]:
        """The train sizes that a predictor is run with: 0 only where it ranks without labels."""
        if not predictor.tags.learns:
            return (0,)
        return tuple(size for size in self.train_sizes if size or predictor.tags.informed)

    def _epochs(self) -> tuple[int, ...]:
        table = self.table
        most = int(table.epochs.max())
        epochs = self.epochs or (default_epochs(table),)
        if most > 1 and max(epochs) > most:
            raise InputError(
                f"--epochs {max(epochs)}: the curves of {table.source} have {most} epochs;"
                " give fewer"
            )
        return epochs

    def _check_sizes(self) -> None:
        table = self.table
        for option, values, least in (
            ("--train-sizes", self.train_sizes, 0),
            ("--epochs", self.epochs or (1,), 1),
            ("--test-size", (self.test_size,), 2),
            ("--repeats", (self.repeats,), 1),
            ("--seed", (self.seed,), 0),
        ):
            if isinstance(values, str) or not isinstance(values, Sequence):
                raise InputError(f"{option} {short(str(values))}: give a list of whole numbers")
            for value in values or (least - 1,):
                check_number(option, value, least)
        largest = max(self.train_sizes)
        if largest + self.test_size > len(table):
            raise InputError(
                f"{table.source} has {len(table)} architectures, fewer than train size {largest}"
                f" + test size {self.test_size}; lower --train-sizes or --test-size"
            )


def measured_all(
    experiments: Iterable[Experiment],
    results: Path | str = "results",
    workers: int | Executor = 1,
    retry: bool = True,
) -> list[pd.DataFrame]:
    """What each experiment's records are worth; what can't be run is said before any is.

    Raises:
        InputError: as `Experiment.plan`.
    """
    first, *others = experiments
    for each in others:
        each.plan()  # as the first is at once
    return [each.measured(results, workers, retry) for each in (first, *others)]


def check_jobs(count: int) -> None:
    """Refuse, before they are planned, more jobs than a folder of records is made for.

    Raises:
        InputError: there are.
    """
    if count > MOST_JOBS:
        raise InputError(
            f"{short(str(count))} jobs, of which {MOST_JOBS:,} are the most: give fewer --repeats,"
            " predictors or sizes"
        )


def chosen_parts(
    table: Table, objective: Objective, label: MeasuredOn | None, truth: MeasuredOn | None
) -> tuple[MeasuredOn, MeasuredOn]:
    """Which values of an objective are learned from, and which are predicted.

    Without a choice these are its validation and its test values, as far as it has both.

    Raises:
        InputError: the table lacks those that were chosen, or those of an architecture.
    """
    parts = label or objective.label, truth or objective.truth
    for part in parts:
        missing = np.isnan(table.mean_over_runs(table.values(objective, part)))
        if missing.any():
            lacking = table.architectures[int(np.flatnonzero(missing)[0])]
            raise InputError(
                f"{table.source}: no run of {lacking} has a {part} value of {objective.name}; drop"
                " its rows, or choose another objective"
            )
    return parts


def default_epochs(table: Table) -> int:
    """A third of the epochs of the table's curves."""
    return max(1, int(table.epochs.max()) // 3)


def facts_of(
    predictor: Predictor | None, table: Table, device: str, *others: object
) -> dict[str, Any]:
    """What a job says of its table and its predictor, with its identity, and where networks run.

    The identity names what decides the numbers besides the table and what the job itself says: the
    predictor, its code and all its parameters, the space's code, the `others`, where networks are
    looked at, these and the images, and the content of a source.
    """
    networks = made_of_networks(table, predictor.tags.needs) if predictor else None
    if predictor:
        others = (*others, *made_of_source(table, predictor.tags))
    made, said = _told_by(predictor)
    return {
        "benchmark": table.name,
        "dataset": table.dataset,
        "identity": digest([made, networks, made_of((table.space, *others))]),
        **said,
        "device": pick_device(device) if "device" in said.get("params", ()) else "cpu",
    }


def _told_by(predictor: Predictor | None) -> tuple[Any, dict[str, Any]]:
    """What decides what a predictor computes, and what a job says of it."""
    if predictor is None:
        return made_of(None), {"predictor": "", "name": "", "family": ""}
    params = predictor.get_params(deep=False)
    return made_of(predictor), {
        "predictor": text_of(predictor),
        "name": name_of(predictor),
        "family": family_of(predictor),
        "params": {name: shown_value(value) for name, value in params.items()},
    }


def choose_predictors(
    given: Predictors, table: Table, objective: Objective
) -> tuple[list[Predictor], list[str]]:
    """Objects; or by name with parameters, by family, or `all`.

    That is all but the family `wrapper`, and but `hardware` where training is needed to know what
    is predicted.

    A predictor that needs what the table lacks is left out of a family with a remark, and is an
    error by name.

    Raises:
        InputError: an unknown name or parameter, or a need that the table can't meet.
    """
    chosen: dict[str, Predictor] = {}
    left_out: dict[str, list[str]] = {}  # by the reason, who
    for part, of_family in _listed(given, objective):
        try:
            predictor = to_predictor(part)
            named = part if isinstance(part, str) else type(part).__name__
            with foreign(f"predictor {named} can't tell of itself"):
                missing = _missing(predictor, table, objective)
                _, said = _told_by(predictor)
        except InputError as error:
            if not of_family:
                raise
            left_out[str(error)] = []
            continue
        text = said["predictor"]
        if missing and not of_family:
            raise InputError(
                f"{table.source}: can't run {text} (the table has {', '.join(missing)}); choose"
                " other --predictors"
            )
        if missing:
            left_out.setdefault(f"the table has {', '.join(missing)}", []).append(text)
            continue
        first = chosen.setdefault(text, predictor)
        if first is not predictor and (
            type(first) is not type(predictor) or made_of(first) != made_of(predictor)
        ):
            raise InputError(f"two predictors are called {text}; rename one of the classes")
    told = "; ".join(
        f"{', '.join(who)} ({reason})" if who else reason for reason, who in left_out.items()
    )
    if not chosen:
        why = f" (left out: {told})" if told else ""
        raise InputError(f"--predictors {given}: chooses none{why}; see `archcast list predictors`")
    return list(chosen.values()), [f"left out: {told}"] if told else []


def known_column(given: str, table: Table, objective: Objective) -> Column:
    """What is known of every architecture besides the objective, as a predictor: a score.

    Raises:
        InputError: the table does not hold it of all, or it is what is to be predicted.
    """
    name, params = parse_spec(given)
    known = table.objective(name)
    column = known.valid or known.test
    assert column is not None, "an objective has columns"
    if unknown := params.keys() - {"price"}:
        raise InputError(f"--known {given}: has no {short(min(unknown))}; it has price")
    made = Column(column, known.direction, **params)
    if missing := missing_needs(table, made.tags, objective):
        raise InputError(f"{table.source}: --known {name} (the table has {', '.join(missing)})")
    if not np.isfinite(table.columns[column]).all():
        raise InputError(f"{table.source}: --known {name} is missing of some runs; drop their rows")
    return made


def seeing(predictors: Sequence[Predictor], known: Sequence[Column]) -> list[Predictor]:
    """The known columns, and those of the predictors that take features, with these."""
    takes = filter(takes_features, predictors)
    return [*known, *(Combined(each, known) for each in takes if known)]


def _listed(given: Predictors, objective: Objective) -> Iterator[tuple[Predictor | str, bool]]:
    """Each predictor, and whether it is one of a family or named itself."""
    for part in [given] if isinstance(given, str | Predictor) else given:
        if isinstance(part, Predictor):
            yield part, False
            continue
        for text in split_specs(part):
            family = [name for name in registry if _belongs(name, text, objective)]
            yield from ((name, bool(family)) for name in family or [text])


def _missing(predictor: Predictor, table: Table, objective: Objective) -> list[str]:
    missing = missing_needs(table, predictor.tags, objective)
    if not missing:
        read = {fact_column(table, column) for column in _scores_read(predictor)}
        missing = [f"{column} only as an objective" for column in read & _declared(table)]
    return missing


def _scores_read(given: Any) -> Iterator[str]:
    """The columns that a predictor, or one that it is around, takes for scores."""
    if isinstance(given, list | tuple):
        for each in given:
            yield from _scores_read(each)
    elif type(given) is Column:
        yield given.column
    elif isinstance(given, Predictor):
        yield from _scores_read([*given.get_params(deep=False).values()])


def _declared(table: Table) -> frozenset[str]:
    return frozenset().union(*(objective.columns for objective in table.objectives))


def _belongs(name: str, group: str, objective: Objective) -> bool:
    family = registry.entry(name).family
    if group != "all":
        return family == group
    return family != WRAPPER and not (family == HARDWARE and objective.needs_training)
