"""NAS-Bench-Graph (Qin et al., 2022): graph-network cells on nine node-classification data sets.

The results come with the authors' package `nas-bench-graph` (Apache-2.0). Of each cell they hold
means over three seeds: validation and test performance after training, the parameters, and the
latency. They hold no learning curves and no training times. Performance is accuracy, except for
`proteins`: there it is the area under the ROC curve. That data set has 2,021 cells, those of
five operations; the others have all 26,206.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from archcast.benchmarks.benchmark import Benchmark
from archcast.benchmarks.objective import Objective
from archcast.benchmarks.table import Table
from archcast.benchmarks.unpickler import NUMPY_SCALARS, safe_loads
from archcast.core.errors import InputError, did_you_mean
from archcast.spaces.nasbench_graph import SPACE, from_package_hash

DATASETS = (
    "cora",
    "citeseer",
    "pubmed",
    "cs",
    "physics",
    "photo",
    "computers",
    "arxiv",
    "proteins",
)

_METADATA = {
    "description": "NAS-Bench-Graph, {dataset}: mean results of three training runs a cell",
    "licence": "Apache-2.0",
    "source": "https://github.com/THUMNLab/NAS-Bench-Graph (PyPI: nas-bench-graph)",
    "paper": "Qin et al., 2022: NAS-Bench-Graph: Benchmarking Graph Neural Architecture Search",
}


def load(dataset: str) -> Table:
    """The results on one of `DATASETS`: one row an isomorphism class.

    The objective is `accuracy`, of `proteins` it is `auc`. The authors give performance as a
    fraction, parameters in millions (means over runs: rounded) and latency in seconds; the table
    has percent, counts and milliseconds.

    Raises:
        InputError: an unknown data set, or the package is not installed.
    """
    if dataset not in DATASETS:
        mend = did_you_mean(dataset, DATASETS)
        raise InputError(f"NAS-Bench-Graph has no data set {dataset!r}: {mend}")
    path = _folder() / f"{dataset}.bench"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: can't be read ({error.strerror}); reinstall it with"
            " `pip install --force-reinstall nas-bench-graph`"
        ) from None
    records = safe_loads(data, NUMPY_SCALARS, source=str(path))
    measure = "auc" if dataset == "proteins" else "accuracy"
    columns = {
        name: np.array([record[theirs] for record in records.values()], dtype=np.float64) * unit
        for name, theirs, unit in (
            (f"valid_{measure}", "valid_perf", 100),
            (f"test_{measure}", "perf", 100),
            ("parameters", "para", 1_000_000),
            ("latency_gpu", "latency", 1_000),
        )
    }
    columns["parameters"] = columns["parameters"].round().astype(np.int64)
    texts = [str(from_package_hash(key)) for key in records]
    metadata = {key: text.format(dataset=dataset) for key, text in _METADATA.items()}
    objective = Objective(measure, "max", "%", valid=f"valid_{measure}", test=f"test_{measure}")
    source = f"nasbench-graph/{dataset}"
    return Table(SPACE, dataset, texts, columns, metadata, [objective], source)


def _folder() -> Path:
    """The folder of the package's results. Nothing of the package is imported."""
    spec = find_spec("nas_bench_graph")
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            "the results of NAS-Bench-Graph are not installed; `pip install nas-bench-graph`"
        )
    return Path(spec.submodule_search_locations[0]) / "light"


BENCHMARK = Benchmark(DATASETS, load)
