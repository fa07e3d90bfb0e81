"""Run one job: split, fit, query, and account for every second."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable
from functools import lru_cache
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archcast.benchmarks.objective import MeasuredOn, Objective
from archcast.benchmarks.table import Table
from archcast.core.cache import Wanted
from archcast.core.errors import InputError, UnreachableError, told
from archcast.core.identity import versioned
from archcast.evaluation.job import BaseJob, Job, Planned, PredictorJob
from archcast.evaluation.network_fields import (
    NETWORK_FIELDS,
    looks_at_images,
    missing_network_fields,
    network_field,
)
from archcast.evaluation.record import Cost, Record
from archcast.evaluation.sources import source_objective, source_of
from archcast.predictors.predictor import (
    LAST,
    OBJECTIVE,
    Context,
    Curves,
    Predictor,
    Source,
    Tags,
    Vector,
)
from archcast.predictors.predictor_text import configured

WARM_UP_SIZE = 12
UNLABELED_SIZE = 1_000  # architectures that a semi-supervised predictor may look at


class Split(NamedTuple):
    """Positions of architectures in the table, and the row of the one run that each is known by."""

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    unlabeled: NDArray[np.int64]  # a random part of the space; it may hold any of the others
    run: NDArray[np.int64]  # (architectures of the table,)
    seed: int  # of untrained networks and the minibatch


def split(job: PredictorJob, table: Table) -> Split:
    """The architectures of a job: a larger train set starts with the smaller one's.

    None that is learned from is isomorphic to one that is ranked, unless the table says `mixed`:
    it would be the same network, trained.
    """
    rng = job.split_rng(table.hash)
    order = rng.permutation(len(table))
    run = draw_runs(table, rng, table.values(job.objective, job.label))
    unlabeled = rng.permutation(len(table))[:UNLABELED_SIZE]
    test, rest = order[: job.test_size], order[job.test_size :]
    n = job.train_size
    train = rest[:n] if table.mixed else _apart(rest, test, table, n)
    return Split(train, test, unlabeled, run, seed=int(rng.integers(2**31)))


def _apart(
    candidates: NDArray[np.int64], test: NDArray[np.int64], table: Table, most: int
) -> NDArray[np.int64]:
    """The first of the candidates that are not isomorphic to a tested architecture."""
    if not most:
        return candidates[:0]
    canonical, architectures = table.space.canonical, table.architectures
    tested = {canonical(architectures[i]) for i in test}
    found = (i for i in candidates if canonical(architectures[i]) not in tested)
    return np.fromiter(islice(found, most), dtype=np.int64)


def check_labels(parts: Split, job: PredictorJob) -> None:
    """Refuse a split that is short of labels.

    Raises:
        InputError: too many architectures are isomorphic to those that are ranked.
    """
    if (there := len(parts.train)) < job.train_size:
        raise InputError(
            f"only {there} architectures are not isomorphic to one of {job.test_size} that are"
            " ranked; lower --test-size or --train-sizes"
        )


def draw_runs(table: Table, rng: np.random.Generator, values: NDArray[Any]) -> NDArray[np.int64]:
    """The row of one run of each architecture, drawn at random among those with a value."""
    known = np.isfinite(values)
    runs = np.add.reduceat(known.astype(np.int64), table.starts[:-1])
    place = (rng.random(len(table)) * runs).astype(np.int64)
    drawn: NDArray[np.int64] = np.flatnonzero(known)[np.cumsum(runs) - runs + place]
    return drawn


@versioned(4)
def run_job(planned: Planned[Job], table: Table) -> Record:
    """Fit and query a predictor; whatever goes wrong inside it becomes the record's error."""
    job = planned.job
    parts = split(job, table)
    record = Record(
        job=job,
        table=table.hash,
        architectures=parts.test.tolist(),
        truth=truth_of(table, job.objective, job.truth, parts.run)[parts.test].tolist(),
    )
    return record.model_copy(update=outcome_or_error(lambda: _predict(planned, table, parts)))


def outcome_or_error(predict: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `predict` returns, or the reason why it failed as a record's `error`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries inside predictors, about themselves
            return predict()
    except (KeyboardInterrupt, Wanted, UnreachableError):
        raise
    except BaseException as error:  # one of `sys.exit`, too, ends a job and no more
        where = traceback.extract_tb(error.__traceback__)[-1]
        return {"error": f"{told(error)} ({Path(where.filename).name}:{where.lineno})"}


def _predict(planned: Planned[Job], table: Table, parts: Split) -> dict[str, Any]:
    job = planned.job
    check_labels(parts, job)
    warm_up(planned, job.objective, job.epochs, table)
    predictor = configured(planned.predictor, job.predictor_seed(), job.device)
    train_runs, test_runs = parts.run[parts.train], parts.run[parts.test]
    labels = job.objective.signed(table.values(job.objective, job.label)[train_runs])
    train, test = ([table.architectures[i] for i in at] for at in (parts.train, parts.test))
    train_context, test_context = (
        context(table, runs, predictor, job.objective, job.epochs, parts.unlabeled, parts.seed)
        for runs in (train_runs, test_runs)
    )

    start = perf_counter()
    predictor.fit(train, labels, train_context)
    fitted = perf_counter()
    saved = predictor.saved_seconds_
    predictions = predictor.query(test, test_context)
    queried = perf_counter()

    _check_finite(predictions, "predictions")
    values = predictor.values(predictions)
    if values is not None:
        _check_finite(values, "predicted values")
    evidence = _training_seconds(table, parts.test, parts.run, job.epochs)
    labels_cost = label_seconds(table, job.objective, parts.train, parts.run)
    cost = Cost(
        labels=None if labels_cost is None else float(labels_cost.sum()),
        fit=fitted - start + saved,
        evidence=None if evidence is None else float(evidence.mean()),
        query=(queried - fitted + predictor.saved_seconds_) / len(test),
        source=predictor.source_seconds_,
    )
    return {
        "predictions": predictions.tolist(),
        "values": None if values is None else job.objective.signed(values).tolist(),
        "fallbacks": predictor.fallbacks_,
        "cost": cost,
    }


def _check_finite(numbers: NDArray[np.float64], what: str) -> None:
    if not np.isfinite(numbers).all():
        wrong = int((~np.isfinite(numbers)).sum())
        raise ValueError(f"{wrong} of {len(numbers)} {what} are not finite")


def context(
    table: Table,
    rows: NDArray[np.int64],
    predictor: Predictor,
    objective: Objective,
    epochs: int,
    unlabeled: NDArray[np.int64],
    seed: int,
) -> Context:
    """What the predictor's tags name and nothing else, for one run an architecture.

    Arrays are copies, and curves end at `epochs`: there is no way from them to the rest.
    """
    facts: dict[str, Any] = {}
    for name in predictor.tags.needs:
        if name == "curves":
            facts[name] = _curves(table, rows, predictor.tags, objective, epochs)
        elif name == "columns":
            facts[name] = {
                named: np.array(table.columns[fact_column(table, named)][rows], dtype=np.float64)
                for named in predictor.tags.columns
            }
        elif name == "unlabeled":
            facts[name] = [table.architectures[i] for i in unlabeled]
        elif name in NETWORK_FIELDS:
            facts[name] = network_field(table, name, seed)
        elif name == "source":
            source = source_of(table, predictor.tags.source, predictor.tags.taught_by_curves)
            facts[name] = _taught_by(source, table, objective)
    return Context(**facts)


def _taught_by(source: Table, table: Table, objective: Objective) -> Source:
    """What a source has to teach of an objective of the table."""
    there = source_objective(source, table, objective)
    return measured_there(source, there, source.space == table.space)


@lru_cache(maxsize=8)
def measured_there(source: Table, objective: Objective, of_space: bool = True) -> Source:
    """All that a benchmark has measured of one of its objectives, see `Source`."""
    values = source.values(objective, objective.label).astype(np.float64)
    labels = source.mean_over_runs(np.where(source.diverged, np.nan, values))
    labels = np.where(np.isnan(labels), source.mean_over_runs(values), labels)
    known = np.flatnonzero(np.isfinite(labels))
    seconds = None
    if objective.needs_training and source.epoch_seconds is not None and source.lengths.all():
        of_an_epoch = np.repeat(source.epoch_seconds, np.diff(source.starts))
        seconds = float((source.lengths * of_an_epoch).sum())
    most, first = int(source.epochs.max()), source.starts[:-1][known]
    return Source(
        [source.architectures[i] for i in known],
        objective.signed(labels[known]),
        _curves(source, first, Tags(), objective, most) if most > 1 else None,
        seconds,
        of_space,
    )


def _curves(
    table: Table, rows: NDArray[np.int64], tags: Tags, objective: Objective, epochs: int
) -> Curves:
    def start(column: str) -> Vector:
        return np.array(table.columns[column][rows, :epochs], dtype=np.float64)

    own = table.curve_of(objective)
    wanted = not tags.curves or OBJECTIVE in tags.curves
    there = _curves_to_see(table, objective)
    return Curves(
        horizon=int(table.epochs.max()),
        columns={name: start(name) for name in there if name in (tags.curves or {name})},
        objective=objective.signed(start(own)) if own and wanted else None,
        diverged=table.diverged[rows] & (table.epochs[rows] < epochs),
        worst=0.0 if (objective.direction, objective.unit) == ("max", "%") else LAST,
    )


def _curves_to_see(table: Table, objective: Objective) -> list[str]:
    """Those of a table that are not of test values, by an objective or by their name."""
    of = [objective, *table.objectives]
    shown = {name for each in of for name in (each.valid, each.curve)}
    hidden = {each.test for each in of}
    hidden |= {name for name in table.curves if "test" in name.lower().split("_")}
    return [name for name in table.curves if name in shown or name not in hidden]


def fact_column(table: Table, name: str) -> str:
    """The column of one value an architecture that a predictor calls by this name.

    A kind, such as `latency`, stands for the only column of that kind.

    Raises:
        InputError: the table has none, or several of the kind.
    """
    if name in table.curves:
        raise InputError(f"{name} only by epoch")
    scalars = [column for column in table.columns if table.columns[column].ndim == 1]
    if name in scalars:
        return name
    kind = [column for column in scalars if column.startswith(f"{name}_")]
    if len(kind) > 1:
        raise InputError(f"{len(kind)} columns {name}_*: name one, {name}({kind[0]})")
    if not kind:
        raise InputError(f"no {name}")
    return kind[0]


def missing_needs(table: Table, tags: Tags, objective: Objective) -> list[str]:
    """What a predictor needs and can't be given of this table, in words: none, `no images`, ...

    Raises:
        InputError: it needs a source, and there is none.
    """
    missing = []
    if "source" in tags.needs:
        source = source_of(table, tags.source, tags.taught_by_curves)
        elsewhere = _taught_by(source, table, objective)
        if tags.taught_by_curves:
            read = tags.curves or {*_curves_to_see(table, objective)}
            if (known := elsewhere.curves) is None:
                missing.append(f"a source without curves, {source.source}")
            else:
                lacking = sorted(name for name in read if known.get(name) is None)
                missing += [f"a source without {name}, {source.source}" for name in lacking]
    if "curves" in tags.needs:
        if table.epochs.max() <= 1:  # one value is the final result, and no curve
            missing.append("no curves")
        there = {
            *_curves_to_see(table, objective),
            *([OBJECTIVE] if table.curve_of(objective) else []),
        }
        missing += [f"no {name}" for name in sorted(tags.curves - there)]
    for name in sorted(tags.columns):
        try:
            column = fact_column(table, name)
        except InputError as error:
            missing.append(str(error))
            continue
        if column in objective.columns:
            missing.append(f"{column} only as what is to be predicted")
    missing += [f"no {lack}" for lack in sorted(missing_network_fields(table, tags.needs))]
    if tags.of_images and not missing and not looks_at_images(table):
        missing.append("no feature maps")
    return missing


def truth_of(
    table: Table, objective: Objective, part: MeasuredOn, run: NDArray[np.int64]
) -> NDArray[np.float64]:
    """What predictions are held against, of each architecture.

    The mean over its runs but the one that it is known by, `run`, whose curve predictors may have
    seen. Of an architecture with a single run it is that run's value.
    """
    return table.mean_of_others(table.values(objective, part), run)


def warm_up(planned: Planned[BaseJob], objective: Objective, epochs: int, table: Table) -> None:
    """One toy fit and query in this process, so that imports and first calls are not timed."""
    job = planned.job
    key = (job.predictor, job.identity, epochs, job.device, table.hash)
    if key in _WARM:
        return
    toy = configured(planned.predictor, 0, job.device)
    n = min(WARM_UP_SIZE, len(table))
    rows = table.starts[:n]
    facts = context(table, rows, toy, objective, epochs, np.arange(n), seed=0)
    toy.fit(table.architectures[:n], np.linspace(0.0, 100.0, n), facts)
    toy.query(table.architectures[:n], facts)
    _WARM.add(key)


_WARM: set[tuple[object, ...]] = set()


def label_seconds(
    table: Table, objective: Objective, at: NDArray[np.int64], run: NDArray[np.int64]
) -> NDArray[np.float64] | None:
    """Simulated seconds to measure a label of each architecture `at`; None if nobody can say.

    Whole training, unless the objective is known without. Then weights, multiply-adds and memory
    are counted for nothing, and seconds of an epoch take themselves; what measuring on a device
    takes no table says.
    """
    if objective.needs_training or not len(at):
        return _training_seconds(table, at, run, None)
    if objective.is_counted:
        return np.zeros(len(at))
    if objective.columns <= {"epoch_seconds"}:
        return np.asarray(table.columns["epoch_seconds"][run[at]], dtype=np.float64)
    return None


def _training_seconds(
    table: Table, at: NDArray[np.int64], run: NDArray[np.int64], epochs: int | None
) -> NDArray[np.float64] | None:
    """Simulated seconds of the run of each architecture `at`, whole or for its first epochs.

    None if the table can't say.
    """
    trained = table.lengths[run[at]]
    paid = trained if epochs is None else np.minimum(trained, epochs)
    if epochs == 0 or not len(at):
        return np.zeros(len(at))
    if table.epoch_seconds is None or not trained.all():
        return None
    seconds: NDArray[np.float64] = paid * table.epoch_seconds[at]
    return seconds
