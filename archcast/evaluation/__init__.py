"""The engine: jobs, records, what a predictor is given; metrics and statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archcast.core.errors import InputError
from archcast.core.registry import Entry, Registry

if TYPE_CHECKING:
    from archcast.evaluation.metrics import Metric


class _Metrics(Registry["Metric"]):
    """Metrics by name; what an entry point names otherwise is refused."""

    def get(self, name: str) -> Metric:
        from archcast.evaluation.metrics import Metric

        found: object = super().get(name)
        if not isinstance(found, Metric) or found.name != name:
            raise InputError(
                f"entry point {self.entry(name).target} ({self.group}) is no Metric called"
                f" {name!r}; make it one: archcast.evaluation.metrics.Metric({name!r}, function,"
                ' "max", ".3f", "what it says")'
            )
        return found


def _shipped() -> dict[str, Entry]:
    from archcast.evaluation import metrics

    return {
        metric.name: Entry(f"{metrics.__name__}:{constant}", metric.help)
        for constant, metric in vars(metrics).items()
        if isinstance(metric, metrics.Metric)
    }


registry = _Metrics("metric", {}, _shipped)
