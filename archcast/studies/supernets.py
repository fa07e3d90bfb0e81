"""How supernets rank: by strategy, epochs and validation images, and from seed to seed.

Asks what "How Does Weight Sharing Help in Neural Architecture Search?" (Zhang et al., 2020) asks:
does the ranking agree with stand-alone training, does it among the best, and is it the same ranking
when the supernet is trained again?
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from itertools import combinations, product
from statistics import stdev
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import gammaln
from scipy.stats import rankdata

from archcast.benchmarks.table import Table
from archcast.core.cache import cache_folder
from archcast.core.cluster import Cluster
from archcast.core.errors import InputError, check_number
from archcast.core.spec import split_specs
from archcast.core.workers import Processes
from archcast.evaluation.engine import run_job
from archcast.evaluation.job import Job, Planned
from archcast.evaluation.measure import measure
from archcast.evaluation.metrics import kendall_tau, precision_at_10, spearman
from archcast.evaluation.network_fields import network_field
from archcast.evaluation.record import Record, RecordStore
from archcast.evaluation.runner import run_jobs
from archcast.evaluation.statistics import mean
from archcast.predictors import registry as predictors
from archcast.predictors.predictor import Context, Vector
from archcast.predictors.weight_sharing import Recalibrate, WeightSharing
from archcast.studies.experiment import Experiment, check_jobs

FAMILY = "weight-sharing"
FEWEST = 5  # architectures that have an option whose bias is told


def supernet_jobs(
    table: Table,
    strategies: str,
    epochs: Sequence[int],
    valid_images: Sequence[int],
    seeds: Sequence[int],
    images: str | None,
    test_size: int,
    device: str,
    recalibrate: Sequence[Recalibrate] = (2,),
) -> list[Planned[Job]]:
    """One job a supernet, number of validation images, and way to recalibrate batch norm.

    All rank the same architectures.

    Raises:
        InputError: a strategy that is no supernet's, or what `Experiment.plan` refuses.
    """
    family = [name for name in predictors if predictors.entry(name).family == FAMILY]
    names = family if strategies == "all" else split_specs(strategies)
    for name in names:
        if name not in family:
            raise InputError(f"--strategies {name}: no supernet; choose of {', '.join(family)}")
    for option, values, least in (
        ("--epochs", epochs, 1),
        ("--valid-images", valid_images, 1),
        ("--recalibrate", [each for each in recalibrate if each != "batch"], 0),
        ("--seeds", seeds, 0),
    ):
        for value in values:
            check_number(option, value, least)
    check_jobs(math.prod(map(len, (names, epochs, valid_images, recalibrate, seeds))))
    given = {"images": images} if images else {}
    supernets = [
        predictors.get(name)(epochs=e, valid_images=n, recalibrate=r, training_seed=seed, **given)
        for name, e, n, r, seed in product(names, epochs, valid_images, recalibrate, seeds)
    ]
    experiment = Experiment(table, supernets, test_size=test_size, repeats=1, device=device)
    return experiment.plan()[0]


def train_for(planned: Sequence[Planned[Job]], table: Table, workers: int | Executor) -> None:
    """Train the supernets of jobs, under one progress bar, so that their fits find them.

    On a cluster nothing is done: the first job there that lacks one trains it for all.
    """
    if isinstance(workers, Cluster):
        return
    from archcast.making.supernet_training import train_supernets

    plans, settings = [], []
    for each in planned:
        predictor = each.predictor
        assert isinstance(predictor, WeightSharing)
        needs = predictor.tags.needs
        context = Context(**{name: network_field(table, name, seed=0) for name in needs})
        settings.append(predictor.setting(context))
        plans += predictor.plans(settings[0][0].networks)
    train_supernets(plans, *settings[0], planned[0].job.device, cache_folder("supernets"), workers)


def run(
    planned: Sequence[Planned[Job]],
    table: Table,
    store: RecordStore[Record],
    workers: int | Executor = 1,
    retry: bool = True,
) -> list[Record]:
    """The records of jobs; the supernets of those that have none yet are trained first."""
    kept = [store.load(each.job.key(table.hash)) for each in planned]
    todo = [
        each
        for each, record in zip(planned, kept, strict=True)
        if record is None or (retry and record.failed)
    ]
    if todo:
        train_for(todo, table, workers.count if isinstance(workers, Processes) else workers)
    return run_jobs(planned, table, store, run_job, workers, retry)


def summarise(records: Iterable[Record], table: Table) -> pd.DataFrame:
    """One row for each strategy, epochs, validation images and recalibration, over training seeds.

    `kendall_tau` and its like are means over seeds, `kendall_tau_sd` is the deviation between
    them; `seed_agreement` is the mean Kendall tau between the rankings of two seeds. What needs two
    seeds is NaN with one. `partial_tau` is Kendall's tau with the number of parameters held fixed
    (NaN where the table does not say it), `parameters_tau` what that number reaches alone (NaN
    where all have the same), `worst_at_10` the share of the 10 that rank last which are among the
    10 truly worst. `kept` is the regret of the best of the tenth that ranks first, in the
    objective's unit, and `kept_by_chance` that to be expected of a random tenth;
    `kept_hundredth` and `kept_hundredth_by_chance` are of the hundredth.
    """
    kept = list(records)
    settings = _settings(kept)
    measured = measure(kept)
    measured["parameters"] = pd.Series([_parameters(each, table) for each in kept], dtype=object)
    return pd.DataFrame(
        [
            dict(zip(settings, setting, strict=True)) | _row(measured.loc[group.index], kept[0])
            for setting, group in settings.groupby(list(settings), sort=False)
        ]
    )


def _settings(records: Sequence[Record]) -> pd.DataFrame:
    params = [record.job.params for record in records]
    return pd.DataFrame(
        {
            "strategy": [record.job.name for record in records],
            "epochs": [given["epochs"] for given in params],
            "valid_images": [given["valid_images"] for given in params],
            "recalibrate": [str(given["recalibrate"]) for given in params],
        }
    )


def _parameters(record: Record, table: Table) -> Vector | None:
    """Of the networks that a record ranks."""
    counts = table.columns.get("parameters")
    return None if counts is None else table.mean_over_runs(counts)[record.architectures]


def _row(group: pd.DataFrame, first: Record) -> dict[str, Any]:
    good = group[group["error"].isna()]
    taus = good["kendall_tau"].tolist()
    agreements = [kendall_tau(a, b) for a, b in combinations(good["predictions"], 2)]
    signed = first.job.objective.signed
    each = [
        _by_seed(signed(truths), predictions, parameters)
        for truths, predictions, parameters in zip(
            good["truths"], good["predictions"], good["parameters"], strict=True
        )
    ]
    return {
        "seeds": len(group),
        "failed": len(group) - len(good),
        "kendall_tau": mean(taus),
        "kendall_tau_sd": stdev(taus) if len(taus) > 1 else np.nan,
        "sparse_kendall_tau": mean(good["sparse_kendall_tau"]),
        "spearman": mean(good["spearman"]),
        "top_decile_spearman": mean(good["top_decile_spearman"]),
        "precision_at_10": mean(good["precision_at_10"]),
        "seed_agreement": mean(agreements),
        **{name: mean([seed[name] for seed in each]) for name in _BY_SEED},
        "init_seconds": mean(good["init_seconds"]),
        "query_seconds": mean(good["query_seconds"]),
    }


_BY_SEED = (
    *("partial_tau", "parameters_tau", "worst_at_10", "kept", "kept_by_chance"),
    *("kept_hundredth", "kept_hundredth_by_chance"),
)


def _by_seed(truth: Vector, predicted: Vector, parameters: Vector | None) -> dict[str, float]:
    tenth, hundredth = (lost(truth, predicted, share) for share in (0.1, 0.01))
    fixed = alone = np.nan
    if parameters is not None:
        fixed = partial_tau(truth, predicted, parameters)
        alone = kendall_tau(truth, parameters) if np.ptp(parameters) > 0 else np.nan
    told = (
        fixed,
        alone,
        precision_at_10(-truth, -predicted),
        *tenth,
        *hundredth,
    )
    return dict(zip(_BY_SEED, told, strict=True))


def lost(truth: Vector, predicted: Vector, share: float) -> tuple[float, float]:
    """What the best of a share that ranks first lacks to the best of all, and of a random one."""
    kept = max(1, round(share * len(truth)))
    first = np.argsort(-predicted, kind="stable")[:kept]
    best = truth.max()
    return float(best - truth[first].max()), float(best - best_by_chance(truth, kept))


def partial_tau(truth: Vector, predicted: Vector, fixed: Vector) -> float:
    """Kendall's tau of two quantities with a third one held fixed (Kendall, 1942); NaN if it is
    decided by that."""
    both, one, other = (
        kendall_tau(truth, predicted), kendall_tau(truth, fixed), kendall_tau(predicted, fixed)
    )  # fmt: skip
    left = (1 - one**2) * (1 - other**2)
    return (both - one * other) / left**0.5 if left > 0 else np.nan


def best_by_chance(values: Vector, drawn: int) -> float:
    """The expected largest of so many that are drawn from values, none twice."""
    ordered = np.sort(values)
    at = np.arange(len(values))
    # That the one at place k is the largest: the others are among the k before it.
    chances = np.exp(_log_choices(at, drawn - 1) - _log_choices(len(values), drawn))
    return float(chances @ ordered)


def _log_choices(of: NDArray[np.int64] | int, number: int) -> NDArray[np.float64]:
    """The logarithm of how many sets of a number there are; minus infinity where there is none."""
    few = np.asarray(of) < number
    rest = np.where(few, 0, np.asarray(of) - number)
    found = gammaln(np.asarray(of) + 1.0) - gammaln(number + 1.0) - gammaln(rest + 1.0)
    return np.where(few, -np.inf, found)


def biases(records: Iterable[Record], table: Table) -> pd.DataFrame:
    """By how much supernets rank networks with an option of a decision too high, or too low.

    A row for each setting, decision and option, over training seeds: `rank_error` is the mean of
    predicted less foretold rank, as a share of all that are ranked, above 0 where they are thought
    too good. What is foretold of a true rank is that of a supernet that errs at random and ranks as
    well on the whole (Spearman): it thinks the good less good, and the bad less bad.
    `architectures` is how many have the option. Decisions that are ranges are left out, and options
    of fewer than 5.
    """
    kept = [record for record in records if not record.failed]
    settings = _settings(kept)
    errors: dict[tuple[Any, ...], list[Vector]] = {}
    architectures: dict[tuple[Any, ...], Sequence[int]] = {}
    for key, record in zip(settings.itertuples(index=False, name=None), kept, strict=True):
        truth = record.job.objective.signed(np.array(record.truth))
        predicted, true = (rankdata(values) / len(truth) for values in (record.predictions, truth))
        middle, rho = true.mean(), spearman(truth, np.array(record.predictions))
        errors.setdefault(key, []).append(predicted - middle - rho * (true - middle))
        architectures[key] = record.architectures
    rows = []
    for key, of_seeds in errors.items():
        error = np.mean(of_seeds, axis=0)
        ranked = [table.space.canonical(table.architectures[at]) for at in architectures[key]]
        for at, decision in enumerate(table.space.decisions):
            for option, name in enumerate(decision.options):
                has = np.array([each.choices[at] == option for each in ranked])
                if has.sum() >= FEWEST:
                    rows.append((*key, decision.name, str(name), int(has.sum()), error[has].mean()))
    return pd.DataFrame(
        rows, columns=[*settings, "decision", "option", "architectures", "rank_error"]
    )
