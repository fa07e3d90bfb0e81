"""Search strategies, each with its line here, and the clock that they are measured on.

The room can be called: `archcast.search(...)` searches as the command does.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from archcast.core.registry import Entry, Registry, load

if TYPE_CHECKING:
    from archcast.search.strategy import Strategy

registry: Registry[type[Strategy]] = Registry(
    "strategy",
    {
        "random": Entry(
            "archcast.search.random_search:RandomSearch", "uniform draws, the baseline"
        ),
        "local-search": Entry(
            "archcast.search.local_search:LocalSearch", "climbs to the best neighbour"
        ),
        "evolution": Entry(
            "archcast.search.evolution:Evolution",
            "regularised evolution; guided evolution with a predictor",
        ),
        "nsga2": Entry(
            "archcast.search.optuna_search:NSGA2", "fronts that evolve, where least crowded"
        ),
        "tpe": Entry("archcast.search.optuna_search:TPE", "where what is good is dense, by Optuna"),
        "reinforce": Entry(
            "archcast.search.reinforce:Reinforce", "policy gradient, an option at a time"
        ),
        "hyperband": Entry(
            "archcast.search.hyperband:Hyperband", "few epochs for many, more for the better"
        ),
        "bohb": Entry(
            "archcast.search.hyperband:BOHB", "hyperband, drawn by densities of good ones"
        ),
        "bayesian": Entry(
            "archcast.search.bayesian:BayesianOptimisation",
            "what may be best by mean and deviation of a predictor",
        ),
        "proxy-then-evaluate": Entry(
            "archcast.search.proxy_then_evaluate:ProxyThenEvaluate",
            "evolution from what a zero-cost predictor likes best",
        ),
        "rsps": Entry(
            "archcast.search.one_shot:RSPS", "supernet by random paths, which choose of a hundred"
        ),
        "darts": Entry(
            "archcast.search.one_shot:DARTS", "supernet of mixtures, whose weights are learned"
        ),
        "gdas": Entry("archcast.search.one_shot:GDAS", "the same, by hard draws"),
        "setn": Entry(
            "archcast.search.one_shot:SETN", "supernet by random paths, mixtures say which to try"
        ),
        "enas": Entry(
            "archcast.search.one_shot:ENAS", "supernet by a controller that learns what scores"
        ),
        "e2rnas": Entry(
            "archcast.search.one_shot:E2RNAS", "as darts, for what is small and robust as well"
        ),
        "novelty-search": Entry(
            "archcast.search.one_shot:NoveltySearch",
            "supernet by a hundred paths, to climb novelty",
        ),
        "spos": Entry(
            "archcast.search.one_shot:SPOS",
            "supernet by random paths, then evolution by it",
        ),
    },
    base="archcast.search.strategy:Strategy",
    classes=True,
)


class _Room(ModuleType):
    def __call__(self, *args: Any, **options: Any) -> Any:
        return load("archcast.studies.front_door:search")(*args, **options)


sys.modules[__name__].__class__ = _Room
