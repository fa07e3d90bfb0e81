"""Searches on NAS-Bench-201's CIFAR-10 results: what they find, and by how many evaluations.

python -m reproduce.cifar10 nasbench201_cifar10.csv.gz results
python -m reproduce.search_cifar10 results/cifar10.parquet --repeats 100 --jobs 2
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import fill
from typing import Any

from archcast.benchmarks.opening import open_table
from archcast.evaluation.measure import measure
from archcast.evaluation.record import RecordStore
from archcast.evaluation.runner import run_jobs
from archcast.report.print_figures import write_figures
from archcast.search.search_job import PlannedSearch, SearchRecord, run_search_job
from archcast.studies.searches import SearchExperiment
from archcast.studies.speed_up import measure_searches, summarise
from reproduce.options import options_of_jobs
from reproduce.page import number, table

LOW_FIDELITY = "combine(gp, parts=[early-stop-acc])"
POOR = "xgb(encoding=one-hot, labels=raw)"
SEARCHES = (
    ("random,local-search,evolution,reinforce", None),
    ("evolution", f"xgb,{POOR}"),
    ("bayesian", f"gp,{LOW_FIDELITY}"),
)
UNDRAWN = ("local-search", "reinforce")
BUDGET, TARGET = 150, 0.2  # whole trainings; points of regret
HEADS = ("search", "accuracy", "mean", "regret", "reached", "trainings")


def main() -> None:
    parser = options_of_jobs(__doc__ or "", repeats=100)
    parser.add_argument("table", help="a Parquet file")
    parser.add_argument("--figure", type=Path, default=Path("search.png"))
    options = parser.parse_args()

    results = open_table(options.table)
    store = RecordStore(options.results / "search", SearchRecord)
    jobs: dict[str, PlannedSearch] = {}
    for names, guides in SEARCHES:
        experiment = SearchExperiment(results, names, guides, BUDGET, options.repeats, epochs=1)
        jobs |= {each.job.key(results.hash): each for each in experiment.plan()[0]}
    records = run_jobs(list(jobs.values()), results, store, run_search_job, options.jobs)

    searches = measure_searches(records)
    summary = summarise(searches, TARGET).sort_values("evaluations_to_target")
    rows: list[Any] = summary.astype({"predictor": object}).to_dict("records")
    print(table(HEADS, map(cells, rows)))
    needed = {(row["strategy"], row["predictor"]): row["evaluations_to_target"] for row in rows}
    guided, alone = needed["evolution", "xgb"], needed["evolution", None]
    told = (
        f"On the CIFAR-10 results of NAS-Bench-201, evolution guided by `xgb` comes within"
        f" {number(TARGET, 1)} points of the best of {len(results):,} cells by {guided:.0f}"
        f" trainings, and by {alone:.0f} without it: {alone / guided:.1f} times fewer."
    )
    print(f"\n{fill(told, 110)}")
    with TemporaryDirectory() as folder:
        drawn = searches[~searches["strategy"].isin(UNDRAWN)]
        write_figures(measure([]), results, Path(folder), ["png"], drawn)
        shutil.copyfile(Path(folder, "regret-by-evaluations.png"), options.figure)


def cells(row: dict[str, Any]) -> list[str]:
    """A row of the table."""
    name = f"`{row['strategy']}`"
    if row["predictor"]:
        name += f" with `{row['predictor']}`"
    return [
        f"{name}, 12 of 200 epochs" if row["epochs"] else name,
        f"{row['value']:.2f}",
        f"{row['value_mean']:.2f}",
        number(row["regret"], 2),
        f"{100 * row['reached']:.0f} %",
        f"{row['evaluations_to_target']:,.0f}",
    ]


if __name__ == "__main__":
    main()
