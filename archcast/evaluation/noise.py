"""How well a ranking can agree with a truth that is itself measured by noisy training."""

from __future__ import annotations

import numpy as np

from archcast.benchmarks.objective import MeasuredOn, Objective
from archcast.benchmarks.table import Table
from archcast.evaluation.metrics import kendall_tau

LEAST = 30  # architectures with a second run, below which their agreement says little


def noise_ceiling(
    table: Table, objective: Objective | None = None, part: MeasuredOn | None = None
) -> float | None:
    """Kendall's tau of the expected values with the truth, the mean over all runs but a drawn one.

    A predictor that knows each architecture's expected value reaches it. Where an architecture has
    a single run, that is the truth, and one that reads its learning curve sees its noise and can
    exceed this. None where fewer than 30 architectures have a second run, or where every second run
    repeats the first: that is one measurement, of which the noise is not known.

    Let ranks be those of normal variables, and r the correlation of two runs: their tau, taken from
    the first two runs of architectures that have them, is 2/pi asin(r) (Greiner, 1909). Expected
    values correlate with the mean of k runs by the root of k r / (1 + (k - 1) r) (Spearman,
    1910; Brown, 1910). Where one architecture has k runs and another l, noise in their difference
    is that of h runs each, h the harmonic mean of k and l, and h replaces k; tau is the mean over
    pairs. Architectures with a second run are taken for a random sample of all.
    """
    objective = objective or table.objective()
    values = table.values(objective, part or objective.truth).astype(np.float64)
    known = np.isfinite(values)
    values = values[known]
    runs = np.add.reduceat(known.astype(np.int64), table.starts[:-1])
    first = (np.cumsum(runs) - runs)[runs > 1]
    one, two = values[first], values[first + 1]
    if len(first) < LEAST or (one == two).all():
        return None
    r = max(0.0, np.sin(np.pi / 2 * kendall_tau(one, two)))
    kinds, counts = np.unique(np.maximum(runs[runs > 0] - 1, 1), return_counts=True)
    share = counts / counts.sum()
    k, other = kinds[:, None], kinds[None, :]
    mean = 2 * k * other / (k + other)
    reliability = mean * r / (1 + (mean - 1) * r)
    tau = 2 / np.pi * np.arcsin(np.sqrt(reliability))
    return float(share @ tau @ share)
