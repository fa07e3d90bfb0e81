"""What a supernet's ranking is worth on every benchmark whose networks have one.

    python -m reproduce.weight_sharing nasbench201-mini size-mini --jobs 2 --figure sharing.png

Asks what "How Does Weight Sharing Help in Neural Architecture Search?" (Zhang et al., 2020) asks on
five spaces. Tables in Markdown, means over three supernets each: how far rankings agree with
networks trained on their own, beside the ceiling that noise sets and the number of parameters; what
pruning a space by a supernet would lose; what batch norm's statistics have to do with it; and which
options a supernet ranks too high or too low. The figure has the first of these.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from archcast.benchmarks.table import Table
from archcast.evaluation.noise import noise_ceiling
from archcast.evaluation.record import Record, RecordStore
from archcast.predictors.weight_sharing import Recalibrate
from archcast.report.text import seconds_text
from archcast.report.views import OKABE_ITO
from archcast.studies.supernets import (
    biases,
    run,
    summarise,
    supernet_jobs,
)
from reproduce.options import opened, options_of_jobs
from reproduce.page import number, table

STRATEGIES, EPOCHS = ("oneshot", "rsws", "fairnas"), (50, 200)
STATISTICS: dict[Recalibrate, str] = {
    0: "as the supernet left them",
    2: "anew, of training images",
    "batch": "of what is measured on",
}
ONE = "rsws"  # whose statistics and biases are told
SHARES = {"kept": "10%", "kept_hundredth": "1%"}  # of what is ranked
LEAST = 10  # architectures that have an option which is told of
RANKED, MOST = 200, 3


def main() -> None:
    parser = options_of_jobs(__doc__ or "", repeats=3)
    parser.add_argument("tables", nargs="+")
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    trained: dict[str, tuple[Table, list[Record]]] = {}
    for name in options.tables:
        results = opened(name)
        seeds = range(options.repeats)
        ranked = min(RANKED, len(results) // 2)
        common = [500], seeds, None, ranked, "cpu"
        planned = [
            *supernet_jobs(results, ",".join(STRATEGIES), EPOCHS, *common),
            *supernet_jobs(results, ONE, EPOCHS[-1:], *common, [0, "batch"]),
        ]
        records = run(planned, results, RecordStore(options.results, Record), options.jobs)
        if failed := [record.error for record in records if record.failed]:
            raise SystemExit(f"{name}: {len(failed)} supernets failed: {failed[0]}")
        trained[name] = results, records
    summaries = {name: summarise(records, results) for name, (results, records) in trained.items()}
    ceilings = {name: noise_ceiling(results) for name, (results, _) in trained.items()}
    print(rankings(summaries, ceilings), end="\n\n")
    print(pruned(trained, summaries), end="\n\n")
    print(by_statistics(summaries), end="\n\n")
    print(by_options(trained))
    if options.figure:
        draw(summaries, ceilings, options.figure)


def usual(summary: pd.DataFrame) -> pd.DataFrame:
    """With statistics taken anew."""
    return summary[summary["recalibrate"] == "2"]


def rankings(summaries: dict[str, pd.DataFrame], ceilings: dict[str, float | None]) -> str:
    rows = []
    for name, summary in summaries.items():
        limit = ceilings[name]
        params = number(summary["parameters_tau"].iloc[0], 2)
        told = [name, "-" if limit is None else number(limit, 2), params]
        for row in usual(summary).to_dict("records"):
            rows.append(
                [
                    *told,
                    f"`{row['strategy']}`",
                    f"{row['epochs']}",
                    f"{number(row['kendall_tau'])} ({number(row['kendall_tau_sd'])})",
                    *(
                        number(row[column], 2)
                        for column in (
                            *("sparse_kendall_tau", "spearman", "partial_tau", "seed_agreement"),
                            *("top_decile_spearman", "precision_at_10", "worst_at_10"),
                        )
                    ),
                    seconds_text(row["init_seconds"]),
                ]
            )
            told = [""] * len(told)
    heads = [
        *("benchmark", "ceiling", "`params`", "supernet", "epochs", "tau (deviation)", "sparse"),
        *("rho", "tau, size fixed", "seeds", "top rho", "best 10", "worst 10", "training"),
    ]
    return table(heads, rows)


def pruned(
    trained: dict[str, tuple[Table, list[Record]]], summaries: dict[str, pd.DataFrame]
) -> str:
    """What the best of those that rank first lacks, beside what a random draw of as many does."""
    rows = []
    for name, summary in summaries.items():
        objective = trained[name][0].objective()
        digits = 2 if objective.unit == "%" else 3
        longest = usual(summary)[usual(summary)["epochs"] == EPOCHS[-1]]
        for row in longest.to_dict("records"):
            cells = [
                f"{row[share]:.{digits}f} / {row[f'{share}_by_chance']:.{digits}f}"
                for share in SHARES
            ]
            rows.append([f"{name}, {objective.points}", f"`{row['strategy']}`", *cells])
    heads = ["benchmark", "supernet", *(f"best of the first {each}" for each in SHARES.values())]
    return table(heads, rows)


def by_statistics(summaries: dict[str, pd.DataFrame]) -> str:
    """Tau by where batch norm's statistics are from."""
    rows = []
    for name, summary in summaries.items():
        some = summary[(summary["strategy"] == ONE) & (summary["epochs"] == EPOCHS[-1])]
        taus = dict(zip(some["recalibrate"], some["kendall_tau"], strict=True))
        rows.append([name, *(number(taus[str(each)]) for each in STATISTICS)])
    return table([f"tau of `{ONE}`, statistics", *STATISTICS.values()], rows)


def by_options(trained: dict[str, tuple[Table, list[Record]]]) -> str:
    """The options that are ranked too high and too low by most."""
    rows = []
    for name, (results, records) in trained.items():
        found = biases(records, results)
        one = found[(found["strategy"] == ONE) & (found["epochs"] == EPOCHS[-1])]
        one = one[(one["recalibrate"] == "2") & (one["architectures"] >= LEAST)]
        ordered = one.sort_values("rank_error")
        low, high = (
            ", ".join(
                f"`{row['option']}` as {row['decision']} ({100 * row['rank_error']:+.0f} %)"
                for row in some.to_dict("records")
            )
            for some in (ordered[:MOST], ordered[: -MOST - 1 : -1])
        )
        rows.append([name, high, low])
    return table(["benchmark", f"`{ONE}` ranks too high", "too low"], rows)


def draw(summaries: dict[str, pd.DataFrame], ceilings: dict[str, float | None], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(9, 3.8), layout="constrained")
    width = 0.8 / len(STRATEGIES)
    for at, (name, summary) in enumerate(summaries.items()):
        longest = usual(summary)[usual(summary)["epochs"] == EPOCHS[-1]]
        for place, row in enumerate(longest.to_dict("records")):
            axes.bar(
                at + (place - 1) * width, row["kendall_tau"], 0.9 * width,
                yerr=row["kendall_tau_sd"], color=OKABE_ITO[place],
                label=row["strategy"] if not at else None,
            )  # fmt: skip
        ends = at - 0.45, at + 0.45
        axes.hlines(summary["parameters_tau"].iloc[0], *ends, "black", ":", linewidth=1.2)
        if (limit := ceilings[name]) is not None:
            axes.hlines(limit, *ends, "black", "-", linewidth=1.2)
    axes.plot([], [], "k-", label="ceiling by noise")
    axes.plot([], [], "k:", label="params")
    axes.set_xticks(range(len(summaries)), [*summaries])
    axes.set_ylabel("Kendall tau")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(ncols=5, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, 1.15), frameon=False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
