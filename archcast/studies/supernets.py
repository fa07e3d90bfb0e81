"""How supernets rank: by strategy, epochs and validation images, and from seed to seed.

Asks what "How Does Weight Sharing Help in Neural Architecture Search?" (Zhang et al., 2020) asks:
does the ranking agree with stand-alone training, does it among the best, and is it the same ranking
when the supernet is trained again?
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from itertools import combinations, product
from statistics import stdev
from typing import Any

import numpy as np
import pandas as pd

from archcast.benchmarks.table import Table
from archcast.core.cache import cache_folder
from archcast.core.errors import InputError, check_number
from archcast.core.spec import split_specs
from archcast.evaluation.job import Job, Planned
from archcast.evaluation.measure import measure
from archcast.evaluation.metrics import kendall_tau
from archcast.evaluation.network_fields import network_field
from archcast.evaluation.record import Record
from archcast.evaluation.statistics import mean
from archcast.predictors import registry as predictors
from archcast.predictors.predictor import Context
from archcast.predictors.weight_sharing import WeightSharing
from archcast.studies.experiment import Experiment, check_jobs

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
    for option, values, least in (
        ("--epochs", epochs, 1),
        ("--valid-images", valid_images, 1),
        ("--seeds", seeds, 0),
    ):
        for value in values:
            check_number(option, value, least)
    check_jobs(len(names) * len(epochs) * len(valid_images) * len(seeds))
    given = {"images": images} if images else {}
    supernets = [
        predictors.get(name)(epochs=e, valid_images=n, training_seed=seed, **given)
        for name, e, n, seed in product(names, epochs, valid_images, seeds)
    ]
    experiment = Experiment(table, supernets, test_size=test_size, repeats=1, device=device)
    return experiment.plan()[0]


def train_for(planned: Sequence[Planned[Job]], table: Table, workers: int | Executor) -> None:
    """Train the supernets of jobs, under one progress bar, so that their fits find them."""
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


def summarise(records: Iterable[Record]) -> pd.DataFrame:
    """One row for each strategy, number of epochs and of validation images, over training seeds.

    `kendall_tau` and its like are means over seeds, `kendall_tau_sd` is the deviation between
    them; `seed_agreement` is the mean Kendall tau between the rankings of two seeds. What needs two
    seeds is NaN with one.
    """
    kept = list(records)
    params = [record.job.params for record in kept]
    settings = pd.DataFrame(
        {
            "strategy": [record.job.name for record in kept],
            "epochs": [given["epochs"] for given in params],
            "valid_images": [given["valid_images"] for given in params],
        }
    )
    measured = measure(kept)
    return pd.DataFrame(
        [
            dict(zip(settings, setting, strict=True)) | _row(measured.loc[group.index])
            for setting, group in settings.groupby(list(settings), sort=False)
        ]
    )


def _row(group: pd.DataFrame) -> dict[str, Any]:
    good = group[group["error"].isna()]
    taus = good["kendall_tau"].tolist()
    agreements = [kendall_tau(a, b) for a, b in combinations(good["predictions"], 2)]
    return {
        "seeds": len(group),
        "failed": len(group) - len(good),
        "kendall_tau": mean(taus),
        "kendall_tau_sd": stdev(taus) if len(taus) > 1 else np.nan,
        "sparse_kendall_tau": mean(good["sparse_kendall_tau"]),
        "top_decile_spearman": mean(good["top_decile_spearman"]),
        "seed_agreement": mean(agreements),
        "init_seconds": mean(good["init_seconds"]),
        "query_seconds": mean(good["query_seconds"]),
    }
