"""Search strategies, each with its line here, and the clock that they are measured on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archcast.core.registry import Entry, Registry

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
    },
)
