"""One of each kind that other packages may add: a file each, and the entry point that names it."""

ENTRY_POINTS = {
    "archcast.predictors": ("widest", "tests.toys.a_predictor:Widest"),
    "archcast.proxies": ("largest-weight", "tests.toys.a_proxy:largest_weight"),
    "archcast.metrics": ("worst-miss", "tests.toys.a_metric:WORST_MISS"),
    "archcast.strategies": ("in-pairs", "tests.toys.a_strategy:InPairs"),
    "archcast.encodings": ("kernel-counts", "tests.toys.an_encoding:encode"),
    "archcast.spaces": ("ladder", "tests.toys.a_space:SPACE"),
    "archcast.networks": ("ladder", "tests.toys.some_networks:NETWORKS"),
    "archcast.benchmarks": ("ladders", "tests.toys.a_benchmark:BENCHMARK"),
}
