"""Records to a ranked table: means over repeats, with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

from archcast.evaluation import registry as metrics
from archcast.evaluation.record import Record, largest_group
from archcast.evaluation.split_means import SplitMeans, SplitTau, split_tau
from archcast.evaluation.statistics import mean_if_known

Row = dict[str, Any]
SplitKey = tuple[Any, ...]  # what tells one split, with its truth, from another
SettingKey = tuple[Any, ...]
_SETTING = ("benchmark", "dataset", "predictor", "train_size", "epochs")


def leaderboard(records: Iterable[Record]) -> list[Row]:
    """One row for each predictor, train size and number of epochs, best Kendall tau first.

    Metrics and seconds are means over the repeats that did not fail, None where all failed.
    `kendall_tau_low` and `kendall_tau_high` bound the mean tau over all random splits of the table,
    with 95 % confidence that they do so in every row; of one split they are None.
    `tied_with_best` says whether the row may be the best of those that share two splits with the
    first, and is None of others: with 95 % confidence, none that is truly best is False. See
    `SplitMeans`. Initialisation and query seconds are None where the table does not say what
    training takes.
    """
    groups = by_setting(records)
    rows = {setting: _row(group) for setting, group in groups.items()}
    ranked = sorted(rows, key=lambda setting: (*_worse(rows[setting]), str(setting)))
    means = split_means([groups[setting] for setting in ranked])
    ties = means.best(first=0) if ranked else []
    return [
        rows[setting] | {"kendall_tau_low": low, "kendall_tau_high": high, "tied_with_best": tied}
        for setting, (low, high), tied in zip(ranked, means.intervals(), ties, strict=True)
    ]


def split_means(groups: Sequence[Sequence[Record]]) -> SplitMeans:
    """The means of tau of several rows, each given by its records."""
    taus = [taus_by_split(group) for group in groups]
    return SplitMeans(taus, [group[0].job.train_size for group in groups])


def _worse(row: Row) -> tuple[bool, float]:
    tau: float | None = row["kendall_tau"]
    return tau is None, -(tau or 0.0)


def by_setting(records: Iterable[Record]) -> dict[SettingKey, list[Record]]:
    """The records of each row, by its `setting_of`."""
    groups: dict[SettingKey, list[Record]] = {}
    for record in records:
        job = record.job
        setting = (job.benchmark, job.dataset, job.predictor, job.train_size, job.epochs)
        groups.setdefault(setting, []).append(record)
    return groups


def setting_of(row: Row) -> SettingKey:
    """What tells one row from another."""
    return tuple(row[name] for name in _SETTING)


def comparable(records: Iterable[Record]) -> list[Record]:
    """The most records that are of one objective, test size, label, truth and seed, in order.

    Metrics depend on these, so that a mean over several of them is of nothing.
    """
    return largest_group(
        records,
        lambda r: (r.job.objective, r.job.test_size, r.job.label, r.job.truth, r.job.seed),
    )


def _row(records: Sequence[Record]) -> Row:
    job = records[0].job
    good = [record for record in records if not record.failed]
    row: Row = {
        "predictor": job.predictor,
        "family": job.family,
        "benchmark": job.benchmark,
        "dataset": job.dataset,
        "train_size": job.train_size,
        "epochs": job.epochs,
        "repeats": len(records),
        "failed": len(records) - len(good),
        "fallbacks": sum(record.fallbacks for record in good),
    }
    for name in metrics:
        column, metric = name.replace("-", "_"), metrics.get(name)
        values = [metric(record.signed_truth, record.predictions) for record in good]
        row[column] = fmean(values) if values else None
        if name == "kendall-tau":  # their place; what they are depends on the other rows
            row |= {"kendall_tau_low": None, "kendall_tau_high": None}
    costs = [record.cost for record in good if record.cost]
    row["init_seconds"] = mean_if_known([cost.init_seconds for cost in costs])
    row["query_seconds"] = mean_if_known([cost.query_seconds for cost in costs])
    row["label_seconds"] = mean_if_known([cost.labels for cost in costs])
    row["fit_seconds"] = mean_if_known([cost.fit for cost in costs])
    row["evidence_seconds"] = mean_if_known([cost.evidence for cost in costs])
    return row


def taus_by_split(records: Sequence[Record]) -> dict[SplitKey, SplitTau]:
    """Kendall's tau of the records that did not fail, by the split that they are of."""
    taus: dict[SplitKey, SplitTau] = {}
    for record in records:
        if not record.failed:
            job = record.job
            table = (record.table, job.benchmark, job.dataset)
            key = (*table, job.test_size, job.truth, job.seed, job.repeat)
            taus[key] = split_tau(record.signed_truth, record.predictions)
    return taus
