"""From what a user asks for to a checked list of jobs."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

from archcast.benchmarks.table import Table
from archcast.core.device import pick_device
from archcast.core.errors import InputError
from archcast.core.identity import digest, made_of
from archcast.core.spec import format_spec, split_specs
from archcast.evaluation.engine import missing_needs, run_job
from archcast.evaluation.job import Job
from archcast.evaluation.network_fields import made_of_networks
from archcast.evaluation.record import Record, RecordStore
from archcast.evaluation.runner import run_jobs
from archcast.predictors import registry as predictors
from archcast.predictors.predictor import Tags
from archcast.predictors.predictor_text import parse_predictor

Accuracy = Literal["valid", "test"]
_logger = logging.getLogger("archcast")


@dataclass(frozen=True, slots=True)
class Choice:
    """A predictor with parameters, as chosen for an experiment."""

    predictor: str
    params: dict[str, Any]
    tags: Tags
    takes_device: bool
    made_of: Any  # see `identity.made_of`

    @property
    def spec(self) -> str:
        return format_spec(self.predictor, self.params)


@dataclass(frozen=True, slots=True)
class Experiment:
    """A grid of jobs on a table.

    `label` is None for validation accuracy where the table has it, else test accuracy; `epochs` is
    None for a third of the epochs of the table's curves.
    """

    table: Table
    predictors: str = "all"
    train_sizes: tuple[int, ...] = (100,)
    epochs: tuple[int, ...] | None = None
    test_size: int = 200
    repeats: int = 10
    seed: int = 0
    label: Accuracy | None = None
    truth: Accuracy = "test"
    device: str = "auto"

    def jobs(self) -> tuple[list[Job], list[str]]:
        """The jobs, and remarks on what was left out or chosen for the user.

        Raises:
            InputError: something that the user asked for can't be run; nothing has been then.
        """
        table = self.table
        self._check_sizes()
        label = self.label or default_label(table)
        for accuracy in (label, self.truth):
            table.final_accuracy(accuracy)
        choices, remarks = choose_predictors(self.predictors, table)
        remarks += table.remarks()
        epochs_of_curves = self._epochs()
        if label == "test" and self.label is None:
            remarks.append(f"labels are test accuracies: {table.source} has no valid_accuracy")
        jobs = [
            Job(
                benchmark=table.name,
                dataset=table.dataset,
                predictor=choice.predictor,
                params=choice.params,
                identity=identity(choice, table, run_job),
                train_size=train_size,
                epochs=epochs,
                test_size=self.test_size,
                label=label,
                truth=self.truth,
                device=pick_device(self.device) if choice.takes_device else "cpu",
                seed=self.seed,
                repeat=repeat,
            )
            for choice in choices
            for train_size, epochs, repeat in product(
                self.train_sizes if choice.tags.learns else (0,),
                epochs_of_curves if "curves" in choice.tags.needs else (0,),
                range(self.repeats),
            )
        ]
        return jobs, remarks

    def run(
        self, results: Path | str = "results", workers: int = 1, retry: bool = True
    ) -> list[Record]:
        """The records of all jobs, kept in the folder `results`; those that it has are not run.

        Those that failed are run again if `retry`. Remarks are logged.

        Raises:
            InputError: as `jobs`, or `results` can't be a folder.
        """
        jobs, remarks = self.jobs()
        store = RecordStore(Path(results), Record)
        for remark in remarks:
            _logger.warning(remark)
        return run_jobs(jobs, self.table, store, run_job, workers, retry)

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
            ("--train-sizes", self.train_sizes, 1),
            ("--epochs", self.epochs or (1,), 1),
            ("--test-size", (self.test_size,), 2),
            ("--repeats", (self.repeats,), 1),
        ):
            if min(values, default=0) < least:
                raise InputError(f"{option} {min(values, default='')}: give {least} or more")
        largest = max(self.train_sizes)
        if largest + self.test_size > len(table):
            raise InputError(
                f"{table.source} has {len(table)} architectures, fewer than train size {largest}"
                f" + test size {self.test_size}; lower --train-sizes or --test-size"
            )


def default_label(table: Table) -> Accuracy:
    """Validation accuracy, where the table has it."""
    return "valid" if "valid_accuracy" in table.columns else "test"


def default_epochs(table: Table) -> int:
    """A third of the epochs of the table's curves."""
    return max(1, int(table.epochs.max()) // 3)


def identity(choice: Choice | None, table: Table, *others: object) -> str:
    """Names what decides the numbers of a job besides the table and what the job itself says.

    That is a predictor, its code and all its parameters, the space's code, the `others`, and, where
    networks are looked at, these and the images.
    """
    networks = made_of_networks(table, choice.tags.needs) if choice else None
    return digest([choice and choice.made_of, networks, made_of((table.space, *others))])


def choose_predictors(text: str, table: Table) -> tuple[list[Choice], list[str]]:
    """Predictors by name, with parameters, by family, or `all` (all but the family `wrapper`).

    A predictor that needs what the table lacks is left out of a family with a remark, and is an
    error by name.

    Raises:
        InputError: an unknown name or parameter, or a need that the table can't meet.
    """
    chosen: dict[str, Choice] = {}
    left_out: list[str] = []
    for part in split_specs(text):
        group = [name for name in predictors if _belongs(name, part)]
        for spec in group or [part]:
            choice = choose_predictor(spec)
            missing = missing_needs(table, choice.tags)
            if not missing:
                chosen[spec] = choice
                continue
            lack = f"{spec} (the table has no {', '.join(missing)})"
            if not group:
                raise InputError(f"{table.source}: can't run {lack}; choose other --predictors")
            left_out.append(lack)
    if not chosen:
        raise InputError(f"--predictors {text}: chooses none; see `archcast list predictors`")
    return list(chosen.values()), [f"left out: {'; '.join(left_out)}"] if left_out else []


def _belongs(name: str, group: str) -> bool:
    family = predictors.entry(name).family
    return family != "wrapper" if group == "all" else family == group


def choose_predictor(spec: str) -> Choice:
    """A predictor by name, with parameters.

    Raises:
        InputError: an unknown name or parameter.
    """
    name, params = parse_predictor(spec)
    predictor = predictors.get(name)(**params)
    takes_device = "device" in predictor.get_params(deep=False)
    return Choice(name, params, predictor.tags, takes_device, made_of(predictor))
