"""archcast: which performance predictor to use for neural architecture search, given your budgets.

    import archcast

    archcast.leaderboard(predictors=["xgb", "sotl-e"], repeats=3)  # a DataFrame, best first
    archcast.search(strategies="evolution", predictors="xgb")

Each function answers what the command of its name does; `ground_truth` trains what a table lacks,
and `train_sample` makes a table, as `archcast leaderboard --live` does. They take a table or a
benchmark's name, and predictors as objects or as text, and return DataFrames. A `Cluster` is for
many machines, an `OwnSearch` for trainings of your own.

`**work` are `results`, the folder of records; `workers`, processes or an executor; and `retry`,
False to leave jobs that failed as they are. `**how` are these, and, as the command's options,
`epochs`, `test_size`, `repeats`, `seed`, `objective`, `label`, `truth` and `device`.
"""

from __future__ import annotations

from typing import Any

from archcast.core.registry import load

_WHERE = {
    "Cluster": "core.cluster",
    "InputError": "core.errors",
    "OwnSearch": "search.own_search",
    "Table": "benchmarks.table",
    "open_table": "benchmarks.opening",
    **dict.fromkeys(
        (
            *("leaderboard", "costs", "recommend", "combine", "pareto", "stop", "search"),
            *("supernet", "over_benchmarks", "ground_truth", "train_sample"),
        ),
        "studies.front_door",
    ),
}
__all__ = ["__version__", *_WHERE]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return load("importlib.metadata:version")("archcast")
    if name in _WHERE:
        return load(f"{__name__}.{_WHERE[name]}:{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
