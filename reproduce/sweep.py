"""Records of all predictors over labels and epochs, from which `archcast recommend` answers.

    python -m reproduce.sweep archcast/studies/shipped/nasbench201-mini-fashion-mnist-14.jsonl.gz
    python -m reproduce.sweep cifar10.jsonl.gz --table nasbench201:cifar10 --predictors model-based

They are those of `archcast costs --repeats 5`. Records that ship already, and would come out the
same but for seconds, are not measured again.
"""

from __future__ import annotations

from pathlib import Path

from archcast.cli.options import DEFAULT_BENCHMARK
from archcast.evaluation.record import save_record
from archcast.studies.costs import TRAIN_SIZES, doublings
from archcast.studies.experiment import Experiment
from archcast.studies.recommendation import pack, shipped_sweep
from reproduce.options import opened, options_of_jobs


def main() -> None:
    parser = options_of_jobs(__doc__ or "", repeats=5)
    parser.add_argument("out", type=Path)
    parser.add_argument("--table", default=DEFAULT_BENCHMARK, help="a benchmark as NAME:DATASET")
    parser.add_argument("--predictors", default="all")
    options = parser.parse_args()
    table = opened(options.table)
    experiment = Experiment(
        table, options.predictors, TRAIN_SIZES, doublings(table), 100, options.repeats
    )
    options.results.mkdir(parents=True, exist_ok=True)
    for record in shipped_sweep(table.name, table.dataset):
        save_record(options.results, record.job.key(record.table), record)
    records = experiment.run(options.results, options.jobs)
    if failed := [record for record in records if record.failed]:
        raise SystemExit(f"{len(failed)} of {len(records)} jobs failed, such as {failed[0].job}")
    options.out.write_bytes(pack(records))


if __name__ == "__main__":
    main()
