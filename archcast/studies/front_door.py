"""What Python users call: each function answers what the command of its name does, in a frame.

Tables are given as such, or by a benchmark's name or a path; predictors and strategies as objects
or as text. Records are kept in the folder `results` and reused; failures are in the frame's column
`failed`, and their reasons in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict, TypeVar, Unpack

import pandas as pd

from archcast.benchmarks.objective import MeasuredOn
from archcast.benchmarks.opening import open_table, open_tables
from archcast.benchmarks.table import Table
from archcast.core.errors import InputError
from archcast.core.files import check_target
from archcast.core.spec import split_specs
from archcast.evaluation import registry as metrics
from archcast.evaluation.metrics import KENDALL_TAU
from archcast.evaluation.record import BaseRecord, Record, RecordStore
from archcast.evaluation.runner import run_jobs
from archcast.making import ground_truth as truth
from archcast.making.sampled_training import train_within
from archcast.making.table_training import Setting
from archcast.predictors.predictor import Predictor
from archcast.predictors.weight_sharing import VALID_IMAGES, Recalibrate
from archcast.spaces.declared import declared_space
from archcast.spaces.space import Architecture, Space
from archcast.studies import ablation, fronts, recommendation, speed_up, stopping, supernets
from archcast.studies import costs as costs_study
from archcast.studies import leaderboard as leaderboard_study
from archcast.studies import over_benchmarks as over
from archcast.studies.experiment import Experiment, Predictors, measured_all
from archcast.studies.finds import finds, write_finds
from archcast.studies.judging import Judge
from archcast.studies.searches import THRESHOLD, SearchExperiment, Strategies

DEFAULT_BENCHMARK = "nasbench201-mini"
SAMPLED, SAMPLED_SECONDS = "nasbench201", 600.0  # the space, and of training
Tables = Table | str | Path
R = TypeVar("R", bound=BaseRecord)
T = TypeVar("T")
_logger = logging.getLogger("archcast")


class Work(TypedDict, total=False):
    """How jobs are run.

    `results` is the folder of the records; `workers` are processes, or an executor of
    `concurrent.futures`, such as a `Cluster`.
    """

    results: Path | str
    workers: int | Executor
    retry: bool


class Splits(Work, total=False):
    """How predictors are asked; see `Experiment`."""

    epochs: tuple[int, ...] | None
    test_size: int
    repeats: int
    seed: int
    objective: str | None
    label: MeasuredOn | None
    truth: MeasuredOn | None
    device: str


def leaderboard(
    table: Tables = DEFAULT_BENCHMARK,
    predictors: Predictors = "all",
    *,
    dataset: str | None = None,
    train_sizes: tuple[int, ...] = (100,),
    by: str = KENDALL_TAU.name,
    known: tuple[str, ...] = (),
    **how: Unpack[Splits],
) -> pd.DataFrame:
    """Rank predictors by a metric; see `studies.leaderboard.summarise` for the columns.

    `known` names other objectives that are known of every architecture; see `Experiment`.

    Raises:
        InputError: something that can't be run; nothing has been then.
    """
    metrics.get(by)  # a wrong name is said before anything is run
    work, asked = _parted(how)
    opened = _as_table(table, dataset)
    experiment = Experiment(opened, predictors, train_sizes, **asked, known=known)
    return leaderboard_study.summarise(_measured([experiment], work)[0], by)


def over_benchmarks(
    tables: Sequence[Tables] | str = "all",
    predictors: Predictors = "all",
    *,
    train_sizes: tuple[int, ...] = (100,),
    by: str = KENDALL_TAU.name,
    **how: Unpack[Splits],
) -> pd.DataFrame:
    """Rank predictors over several benchmarks; see `studies.over_benchmarks` for the columns.

    `tables` as a text are benchmarks with commas between, as `NAME` or `NAME:DATASET`.

    Raises:
        InputError: something that can't be run; nothing has been then.
    """
    metrics.get(by)
    work, asked = _parted(how)
    if isinstance(tables, str):
        opened = open_tables(tables)
    else:
        opened = {}
        for table in tables:
            each = _as_table(table, None)
            name = each.name if each.name not in opened else f"{each.name}:{each.dataset}"
            if name in opened or each.hash in {other.hash for other in opened.values()}:
                raise InputError(f"benchmark {name} is given twice; give it once")
            opened[name] = each
    experiments = {
        name: Experiment(table, predictors, train_sizes, **asked) for name, table in opened.items()
    }
    over.check_experiments(experiments.values())
    measured = _measured(list(experiments.values()), work)
    boards = {
        name: leaderboard_study.summarise(each, by)
        for name, each in zip(experiments, measured, strict=True)
    }
    return over.over_benchmarks(boards, by)


def costs(
    table: Tables = DEFAULT_BENCHMARK,
    predictors: Predictors = "all",
    *,
    dataset: str | None = None,
    train_sizes: tuple[int, ...] = costs_study.TRAIN_SIZES,
    **how: Unpack[Splits],
) -> pd.DataFrame:
    """Sweep labels and epochs; `pareto` marks the rows that no other beats on all counts.

    Raises:
        InputError: something that can't be run; nothing has been then.
    """
    opened = _as_table(table, dataset)
    work, asked = _parted(how)
    sweep = {"test_size": 100, "repeats": 4, "epochs": costs_study.doublings(opened), **asked}
    experiment = replace(Experiment(opened, predictors, train_sizes), **sweep)
    return costs_study.summarise(_measured([experiment], work)[0])


def recommend(
    init: float,
    query: float,
    table: Tables = DEFAULT_BENCHMARK,
    *,
    dataset: str | None = None,
    results: Path | str = "results",
) -> pd.DataFrame:
    """What to use within seconds to initialise and seconds a query, the best first.

    Raises:
        InputError: negative seconds, or no records of the table.
    """
    if min(init, query) < 0:
        raise InputError(f"init={init}, query={query}: give seconds, 0 or more")
    opened = _as_table(table, dataset)
    objective = opened.objective().name
    measured, _ = recommendation.known_measures(opened, Path(results), objective)
    if measured.empty:
        raise InputError(
            f"{results}: no records of {objective} of {opened.source}; call archcast.costs first"
        )
    return recommendation.summarise(measured, init, query)


def combine(
    predictors: Sequence[Predictor | str] | str,
    table: Tables = DEFAULT_BENCHMARK,
    *,
    head: Predictor | str | None = None,
    dataset: str | None = None,
    train_size: int = 100,
    **how: Unpack[Splits],
) -> pd.DataFrame:
    """Combine predictors, and tell what each adds; see `studies.ablation.summarise`.

    Raises:
        InputError: something that can't be combined or run; nothing has been then.
    """
    found = ablation.variants(_listed(predictors), head)
    work, asked = _parted(how)
    experiment = Experiment(_as_table(table, dataset), list(found.values()), (train_size,), **asked)
    experiment.check_one_number("variants")
    return ablation.summarise(_measured([experiment], work)[0], found)


def pareto(
    objectives: Sequence[str] | str,
    predictors: Predictors | Mapping[str, Predictors] = "xgb,additive",
    table: Tables = DEFAULT_BENCHMARK,
    *,
    dataset: str | None = None,
    train_size: int = 100,
    **how: Unpack[Splits],
) -> pd.DataFrame:
    """Ask how good predicted Pareto fronts are; see `studies.fronts.summarise`.

    `predictors` are asked for each objective, or a mapping says by objective which.

    Raises:
        InputError: something that can't be run; nothing has been then.
    """
    opened = _as_table(table, dataset)
    work, asked = _parted(how)
    chosen = fronts.chosen_objectives(opened, _listed(objectives))
    by_name = {each.name: each for each in chosen}
    given = predictors if isinstance(predictors, Mapping) else dict.fromkeys(by_name, predictors)
    if given.keys() != by_name.keys():
        raise InputError(f"predictors={given}: give some for each of {', '.join(by_name)}")
    experiments = [
        Experiment(opened, given[name], (train_size,), **{**asked, "objective": name})
        for name in by_name
    ]
    experiments[0].check_one_number("fronts")
    return fronts.summarise(_measured(experiments, work), chosen)


def stop(
    table: Tables = DEFAULT_BENCHMARK,
    predictors: Predictors = "lcsvr",
    *,
    dataset: str | None = None,
    thresholds: Sequence[float] = (0.05,),
    train_size: int = 100,
    architectures: int = 100,
    repeats: int = 50,
    seed: int = 0,
    **work: Unpack[Work],
) -> pd.DataFrame:
    """Stop hopeless training early in random searches; see `studies.stopping.summarise`.

    Raises:
        InputError: something that can't be run; nothing has been then.
    """
    opened = _as_table(table, dataset)
    planned = stopping.stop_jobs(opened, predictors, train_size, architectures, repeats, seed)
    store = RecordStore(Path(work.get("results", "results")) / "stop", stopping.StopRecord)
    workers, retry = work.get("workers", 1), work.get("retry", True)
    records = run_jobs(planned, opened, store, stopping.run_stop_job, workers, retry)
    return stopping.summarise(_told(records), thresholds)


def search(
    table: Tables = DEFAULT_BENCHMARK,
    strategies: Strategies = "evolution",
    predictors: Predictors | None = None,
    *,
    dataset: str | None = None,
    judge: Tables | None = None,
    budget: int | None = None,
    seconds: float | None = None,
    repeats: int | None = None,
    target: float | None = None,
    epochs: int | None = None,
    objective: str | None = None,
    objectives: Sequence[str] | str | None = None,
    limits: Mapping[str, float] | None = None,
    label: MeasuredOn | None = None,
    seed: int = 0,
    device: str = "auto",
    live: bool = False,
    at_once: int = 1,
    wall: float | None = None,
    stop: Predictor | str | None = None,
    threshold: float = THRESHOLD,
    build: str | None = None,
    found: Path | str | None = None,
    **work: Unpack[Work],
) -> pd.DataFrame:
    """Replay searches with and without predictors; see `studies.speed_up.summarise`.

    They are after one `objective`, or the front of several, within `limits`: the worst values that
    will do. What they find is judged by `judge`, another table, if there is one. If `live`, the
    whole space is searched, and what the table lacks is trained, `at_once` at a time; such a search
    may be ended by the clock, after `wall` seconds, and its trainings by `stop`, a predictor of
    learning curves, where the chance of a new best is below `threshold`. Networks that are none
    of ours are those of `build`, a function as `module:function`. What searches return is written
    to `found`, a file (.csv); see `studies.finds`.

    Raises:
        InputError: something that can't be run; nothing has been then.
    """
    if live and judge is not None:
        raise InputError("judge: it knows only what is in its table; leave it or live out")
    opened = _as_table(table, dataset)
    if found is not None:
        check_target(Path(found), *([table] if isinstance(table, str) else []))
    experiment = SearchExperiment(
        opened,
        strategies,
        predictors,
        budget,
        repeats,
        epochs,
        objective,
        label,
        seed,
        device,
        seconds,
        live,
        None if objectives is None else _listed(objectives),
        limits,
        at_once,
        wall,
        stop,
        threshold,
        build,
    )
    other = None if judge is None else Judge(opened, _as_table(judge, None), experiment.goal)
    records = _told(experiment.run(**work))
    if other is not None:
        records = other.judged(records)
    if found is not None:
        write_finds(finds(records, opened), Path(found))
    return speed_up.summarise(speed_up.measure_searches(records), target)


def supernet(
    table: Tables = DEFAULT_BENCHMARK,
    strategies: str = "all",
    *,
    dataset: str | None = None,
    epochs: Sequence[int] = (25, 50, 100),
    valid_images: Sequence[int] = (VALID_IMAGES,),
    seeds: Sequence[int] = (0, 1, 2),
    images: str | None = None,
    test_size: int = 200,
    device: str = "auto",
    recalibrate: Sequence[Recalibrate] = (2,),
    **work: Unpack[Work],
) -> pd.DataFrame:
    """Ask what weight sharing is worth; see `studies.supernets.summarise`.

    Raises:
        InputError: something that can't be run; nothing has been then.
    """
    opened = _as_table(table, dataset)
    planned = supernets.supernet_jobs(
        opened, strategies, epochs, valid_images, seeds, images, test_size, device, recalibrate
    )
    store = RecordStore(Path(work.get("results", "results")), Record)
    workers, retry = work.get("workers", 1), work.get("retry", True)
    records = supernets.run(planned, opened, store, workers, retry)
    return supernets.summarise(_told(records), opened)


def ground_truth(
    architectures: Architecture | str | Sequence[Architecture | str],
    table: Tables = DEFAULT_BENCHMARK,
    *,
    dataset: str | None = None,
    seeds: int = 4,
    workers: int | Executor = 1,
    device: str = "auto",
    build: str | None = None,
) -> pd.DataFrame:
    """Runs of one architecture or more: the table's own, or trained as these were.

    See `making.ground_truth`.

    Raises:
        InputError: what is no architecture, or can't be trained.
    """
    opened = _as_table(table, dataset)
    several = [architectures] if isinstance(architectures, Architecture | str) else architectures
    asked = [opened.space.parse(each) if isinstance(each, str) else each for each in several]
    return truth.ground_truth(opened, asked, seeds, workers, device, build)


def train_sample(
    space: Space | str = SAMPLED,
    task: str | None = None,
    seconds: float = SAMPLED_SECONDS,
    *,
    build: str | None = None,
    device: str = "auto",
    results: Path | str = "results",
    workers: int | Executor = 1,
) -> Table:
    """A table of random architectures, trained for so many seconds of one thread, or gone on with.

    `task` is the path of images or of a text, if it is not to be what ships. See
    `making.sampled_training`.

    Raises:
        InputError: what can't be trained, or too few architectures in these seconds.
    """
    asked = declared_space(space) if isinstance(space, str) else space
    setting = Setting.mini(asked, task, device, build)
    out = Path(results) / f"sample-{setting.file}"
    return train_within(setting, seconds, out, workers)


def _listed(given: Sequence[T] | str) -> Sequence[T | str]:
    """A list, of which text is one with commas between, as of a command."""
    return split_specs(given) if isinstance(given, str) else given


def _as_table(table: Tables, dataset: str | None) -> Table:
    return table if isinstance(table, Table) else open_table(str(table), dataset)


def _parted(how: Splits) -> tuple[Work, dict[str, Any]]:
    """What is said of the work, and of the experiment."""
    work: Work = {key: how[key] for key in Work.__annotations__ if key in how}  # type: ignore[literal-required,assignment]
    return work, {key: value for key, value in how.items() if key not in work}


def _told(records: Sequence[R]) -> Sequence[R]:
    """The records; those that failed are logged."""
    for record in records:
        if record.failed:
            _logger.warning("failed: %s", record.error)
    return records


def _measured(experiments: Sequence[Experiment], work: Work) -> list[pd.DataFrame]:
    """What the records of each experiment are worth; those that failed are logged."""
    measured = measured_all(experiments, **work)
    for each in measured:
        for error in each["error"].dropna():
            _logger.warning("failed: %s", error)
    return measured
