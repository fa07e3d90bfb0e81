"""Measure in each space with a benchmark that ships how proxies agree, and make `across.json`.

    python tools/make_across.py --jobs 2

Of each benchmark of images, for which all proxies are defined, 400 random architectures are scored,
untrained, by every proxy; their labels are means over all runs. Scores are kept in the cache.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from archcast.benchmarks.opening import open_table
from archcast.benchmarks.table import Table
from archcast.core.cache import cache_folder
from archcast.core.files import replacing
from archcast.core.progress import track
from archcast.core.workers import run_each
from archcast.evaluation.engine import measured_there
from archcast.evaluation.network_fields import network_field
from archcast.predictors.predictor import LAST
from archcast.predictors.wrappers.across import PARTS, SHIPPED, agreement
from archcast.zero_cost import registry as proxies
from archcast.zero_cost.proxy import Proxy
from archcast.zero_cost.scoring import Scorer
from reproduce.parts import OF_IMAGES

OUT = Path(__file__).parent.parent / "archcast" / "predictors" / "shipped" / SHIPPED
MOST = 400  # architectures of a benchmark


def taught_by(table: Table, jobs: int) -> dict[str, object]:
    """What a benchmark teaches of its space."""
    known = measured_there(table, table.objective())
    some = np.sort(np.random.default_rng(0).permutation(len(known.labels))[:MOST])
    architectures = [known.architectures[i] for i in some]
    build, batch = (network_field(table, name, 0) for name in ("build", "batch"))
    parts = {name: each for name in PARTS if isinstance(each := proxies.get(name), Proxy)}
    scorer = Scorer(parts, build, batch, folder=cache_folder("scores"))
    scored = run_each(scorer, architectures, jobs, ordered=True)
    values = []
    for row in track(scored, len(architectures), f"scoring {table.name}"):
        if failed := [each.reason for each in row.values() if each.failed]:
            raise SystemExit(f"{table.name}: {failed[0]}")
        values.append([LAST if (value := row[name].value) is None else value for name in PARTS])
    assert known.seconds is not None
    return {
        "benchmark": table.name,
        "architectures": len(architectures),
        "seconds": round(known.seconds),
        "agreement": agreement(np.array(values, float), known.labels[some]).round(4).tolist(),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    tables = map(open_table, OF_IMAGES)
    spaces = {table.space.name: taught_by(table, options.jobs) for table in tables}
    with replacing(OUT) as aside:
        lines = (f"{json.dumps(name)}: {json.dumps(each)}" for name, each in spaces.items())
        aside.write_text("{\n" + ",\n".join(lines) + "\n}\n")
