"""The engine: jobs, records, what a predictor is given; metrics and statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archcast.core.registry import Entry, Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from archcast.evaluation.metrics import Values

registry: Registry[Callable[[Values, Values], float]] = Registry(
    "metric",
    {
        "kendall-tau": Entry("archcast.evaluation.metrics:kendall_tau", "Kendall's tau-b"),
        "sparse-kendall-tau": Entry(
            "archcast.evaluation.metrics:sparse_kendall_tau", "tau, truth rounded to 0.1 %"
        ),
        "spearman": Entry("archcast.evaluation.metrics:spearman", "Spearman's rank correlation"),
        "pearson": Entry("archcast.evaluation.metrics:pearson", "Pearson's correlation"),
        "top-decile-spearman": Entry(
            "archcast.evaluation.metrics:top_decile_spearman", "Spearman among the best 10 %"
        ),
        "precision-at-10": Entry(
            "archcast.evaluation.metrics:precision_at_10", "share of the 10 best found"
        ),
        "regret-at-10": Entry(
            "archcast.evaluation.metrics:regret_at_10", "points lost by the 10 chosen"
        ),
    },
)
