"""Records of all predictors over labels and epochs, from which `archcast recommend` answers.

    python -m reproduce.sweep archcast/studies/shipped/nasbench201-mini-fashion-mnist-14.jsonl.gz
    python -m reproduce.sweep cifar10.jsonl.gz --table nasbench201:cifar10 --predictors model-based

They are those of `archcast costs --repeats 5`.
"""

from __future__ import annotations

from pathlib import Path

from archcast.benchmarks.opening import open_table
from archcast.cli.options import DEFAULT_BENCHMARK
from archcast.studies.costs import TRAIN_SIZES, doublings
from archcast.studies.experiment import Experiment
from archcast.studies.recommendation import pack
from reproduce.options import options_of_jobs


def main() -> None:
    parser = options_of_jobs(__doc__ or "", repeats=5)
    parser.add_argument("out", type=Path)
    parser.add_argument("--table", default=DEFAULT_BENCHMARK, help="a benchmark as NAME:DATASET")
    parser.add_argument("--predictors", default="all")
    options = parser.parse_args()
    benchmark, _, dataset = options.table.partition(":")
    table = open_table(benchmark, dataset or None)
    experiment = Experiment(
        table, options.predictors, TRAIN_SIZES, doublings(table), 100, options.repeats
    )
    records = experiment.run(options.results, options.jobs)
    if failed := [record for record in records if record.failed]:
        raise SystemExit(f"{len(failed)} of {len(records)} jobs failed, such as {failed[0].job}")
    options.out.write_bytes(pack(records))


if __name__ == "__main__":
    main()
