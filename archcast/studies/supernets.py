"""How supernets rank: by strategy, epochs and validation images, and from seed to seed.

Asks what "How Does Weight Sharing Help in Neural Architecture Search?" (Zhang et al., 2020) asks:
does the ranking agree with stand-alone training, does it among the best, and is it the same ranking
when the supernet is trained again?
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations, product
from statistics import stdev

from archcast.benchmarks.table import Table
from archcast.core.errors import InputError
from archcast.core.spec import split_specs
from archcast.evaluation.job import Job, Planned
from archcast.evaluation.metrics import (
    kendall_tau,
    sparse_kendall_tau,
    top_decile_spearman,
)
from archcast.evaluation.record import Record
from archcast.evaluation.statistics import mean_if_known
from archcast.making.supernet_training import default_folder, train_supernets
from archcast.networks.task import task_of
from archcast.predictors import registry as predictors
from archcast.predictors.predictor import Context
from archcast.predictors.weight_sharing import WeightSharing
from archcast.studies.experiment import Experiment
from archcast.studies.leaderboard import Row

FAMILY = "weight-sharing"


def supernet_jobs(
    table: Table,
    strategies: str,
    epochs: Sequence[int],
    valid_images: Sequence[int],
    seeds: Sequence[int],
    images: str | None,
    test_size: int,
    device: str,
) -> list[Planned[Job]]:
    """One job a supernet and number of validation images; all rank the same architectures.

    Raises:
        InputError: a strategy that is no supernet's, or what `Experiment.plan` refuses.
    """
    family = [name for name in predictors if predictors.entry(name).family == FAMILY]
    names = family if strategies == "all" else split_specs(strategies)
    for name in names:
        if name not in family:
            raise InputError(f"--strategies {name}: no supernet; choose of {', '.join(family)}")
    if min(*epochs, *valid_images) < 1:
        raise InputError("--epochs and --valid-images: give 1 or more")
    given = {"images": images} if images else {}
    supernets = [
        predictors.get(name)(epochs=e, valid_images=n, training_seed=seed, **given)
        for name, e, n, seed in product(names, epochs, valid_images, seeds)
    ]
    experiment = Experiment(table, supernets, test_size=test_size, repeats=1, device=device)
    return experiment.plan()[0]


def train_for(planned: Sequence[Planned[Job]], table: Table, workers: int) -> None:
    """Train the supernets of jobs, under one progress bar, so that their fits find them."""
    task = task_of(table)
    context = Context(task=task.without_test_images() if task else None)
    plans, tasks = [], []
    for each in planned:
        assert isinstance(each.predictor, WeightSharing)
        plans += each.predictor.plans()
        tasks.append(each.predictor.task(context))
    train_supernets(plans, tasks[0], planned[0].job.device, default_folder(), workers)


def supernet_rows(records: Iterable[Record]) -> list[Row]:
    """One row for each strategy, number of epochs and of validation images, over training seeds.

    `kendall_tau` and its like are means over seeds, `kendall_tau_sd` is the deviation between
    them; `seed_agreement` is the mean Kendall tau between the rankings of two seeds. What needs two
    seeds is None with one.
    """
    groups: dict[tuple[str, int, int], list[Record]] = {}
    for record in records:
        params = record.job.params
        setting = (record.job.name, params["epochs"], params["valid_images"])
        groups.setdefault(setting, []).append(record)
    return [_row(*setting, group) for setting, group in groups.items()]


def _row(strategy: str, epochs: int, valid_images: int, records: Sequence[Record]) -> Row:
    good = [record for record in records if not record.failed]
    taus = [kendall_tau(record.signed_truth, record.predictions) for record in good]
    agreements = [kendall_tau(a.predictions, b.predictions) for a, b in combinations(good, 2)]
    costs = [record.cost for record in good if record.cost]
    return {
        "strategy": strategy,
        "epochs": epochs,
        "valid_images": valid_images,
        "seeds": len(records),
        "failed": len(records) - len(good),
        "kendall_tau": mean_if_known(taus),
        "kendall_tau_sd": stdev(taus) if len(taus) > 1 else None,
        "sparse_kendall_tau": mean_if_known(
            [sparse_kendall_tau(record.signed_truth, record.predictions) for record in good]
        ),
        "top_decile_spearman": mean_if_known(
            [top_decile_spearman(record.signed_truth, record.predictions) for record in good]
        ),
        "seed_agreement": mean_if_known(agreements),
        "init_seconds": mean_if_known([cost.fit for cost in costs]),
        "query_seconds": mean_if_known([cost.query for cost in costs]),
    }
