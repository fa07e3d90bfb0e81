"""Measured results: tables, converters, and what ships, each benchmark with its line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archcast.core.registry import Entry, Registry

if TYPE_CHECKING:
    from archcast.benchmarks.benchmark import Benchmark

registry: Registry[Benchmark] = Registry(
    "benchmark",
    {
        "nasbench201-mini": Entry(
            "archcast.benchmarks.embedded:NASBENCH201_MINI",
            "6,466 image cells trained on small Fashion-MNIST images",
        ),
        "nasbench201": Entry(
            "archcast.benchmarks.nasbench201_results:BENCHMARK",
            "15,625 image cells on CIFAR and ImageNet16-120 (Dong & Yang, 2020)",
        ),
        "nasbench101-mini": Entry(
            "archcast.benchmarks.embedded:NASBENCH101_MINI",
            "1,000 cells of up to seven vertices, trained on small Fashion-MNIST images",
        ),
        "size-mini": Entry(
            "archcast.benchmarks.embedded:SIZE_MINI",
            "1,000 choices of layers' widths, trained on small Fashion-MNIST images",
        ),
        "nasbench-macro-mini": Entry(
            "archcast.benchmarks.embedded:NASBENCH_MACRO_MINI",
            "400 layer-wise networks, trained on small Fashion-MNIST images",
        ),
        "darts-mini": Entry(
            "archcast.benchmarks.embedded:DARTS_MINI",
            "400 pairs of DARTS cells, trained on small Fashion-MNIST images",
        ),
        "darts-rnn-mini": Entry(
            "archcast.benchmarks.embedded:DARTS_RNN_MINI",
            "300 recurrent DARTS cells, trained on the characters of a text",
        ),
        "nago-mini": Entry(
            "archcast.benchmarks.embedded:NAGO_MINI",
            "300 generators of random graphs, two samples each, on small Fashion-MNIST images",
        ),
        "nasbench-graph": Entry(
            "archcast.benchmarks.nasbench_graph_results:BENCHMARK",
            "26,206 graph networks on nine data sets (Qin et al., 2022)",
        ),
    },
    base="archcast.benchmarks.benchmark:Benchmark",
)
