"""Records to a ranked table: means over repeats, with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from archcast.catalog import metrics, predictors
from archcast.evaluation.metrics import kendall_tau
from archcast.evaluation.record import Record, largest_group
from archcast.evaluation.statistics import mean_if_known, mean_interval, paired_interval

Row = dict[str, Any]
SplitKey = tuple[Any, ...]  # what tells one split, with its truth, from another
SettingKey = tuple[Any, ...]
_SETTING = ("benchmark", "dataset", "predictor", "train_size", "epochs")


def leaderboard(records: Iterable[Record]) -> list[Row]:
    """One row for each predictor, train size and number of epochs, best Kendall tau first.

    Metrics and seconds are means over the repeats that did not fail, None where all failed;
    `kendall_tau_low` and `kendall_tau_high` bound the mean with 95 % confidence.
    `tied_with_best` says whether the splits that a row shares with the first row leave open which
    of the two is better, and is None of fewer than two. Initialisation and query seconds are None
    where the table does not say what training takes.
    """
    ranked = sorted(
        ((_row(group), taus_by_split(group)) for group in by_setting(records).values()),
        key=lambda pair: (pair[0]["kendall_tau"] is None, -(pair[0]["kendall_tau"] or 0)),
    )
    return [row | {"tied_with_best": _tied(taus, ranked[0][1])} for row, taus in ranked]


def by_setting(records: Iterable[Record]) -> dict[SettingKey, list[Record]]:
    """The records of each row, by its `setting_of`."""
    groups: dict[SettingKey, list[Record]] = {}
    for record in records:
        job = record.job
        setting = (job.benchmark, job.dataset, job.spec, job.train_size, job.epochs)
        groups.setdefault(setting, []).append(record)
    return groups


def setting_of(row: Row) -> SettingKey:
    """What tells one row from another."""
    return tuple(row[name] for name in _SETTING)


def comparable(records: Iterable[Record]) -> list[Record]:
    """The most records that are of one test size, label, truth and seed, in their order.

    Metrics depend on these, so that a mean over several of them is of nothing.
    """
    return largest_group(records, lambda r: (r.job.test_size, r.job.label, r.job.truth, r.job.seed))


def _row(records: Sequence[Record]) -> Row:
    job = records[0].job
    good = [record for record in records if not record.failed]
    row: Row = {
        "predictor": job.spec,
        "family": predictors.entry(job.predictor).family,
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
        values = [metric(record.truth, record.predictions) for record in good]
        row[column] = fmean(values) if values else None
        if name == "kendall-tau":
            low, high = mean_interval(values)
            row |= {"kendall_tau_low": low, "kendall_tau_high": high}
    costs = [record.cost for record in good if record.cost]
    row["init_seconds"] = mean_if_known([cost.init_seconds for cost in costs])
    row["query_seconds"] = mean_if_known([cost.query_seconds for cost in costs])
    row["label_seconds"] = mean_if_known([cost.labels for cost in costs])
    row["fit_seconds"] = mean_if_known([cost.fit for cost in costs])
    row["evidence_seconds"] = mean_if_known([cost.evidence for cost in costs])
    return row


def taus_by_split(records: Sequence[Record]) -> dict[SplitKey, float]:
    """Kendall's tau of the records that did not fail, by the split that they are of."""
    taus: dict[SplitKey, float] = {}
    for record in records:
        if not record.failed:
            job = record.job
            table = (record.table, job.benchmark, job.dataset)
            key = (*table, job.test_size, job.truth, job.seed, job.repeat)
            taus[key] = kendall_tau(record.truth, record.predictions)
    return taus


def _tied(taus: Mapping[SplitKey, float], best: Mapping[SplitKey, float]) -> bool | None:
    """Whether the 95 % interval of the best row's lead on shared splits reaches 0."""
    shared = [split for split in taus if split in best]
    low, _ = paired_interval([best[split] for split in shared], [taus[split] for split in shared])
    return None if low is None else low <= 0.0
