"""Peak memory of every model-based predictor: 100 labels, 423,000 queries, a process each.

    python -m reproduce.memory --predictors gp,xgb

As many as NAS-Bench-101 has; here the cells of NAS-Bench-201 again and again, with deviations where
a predictor has them. The exit status is 1 where one takes more than 2 GB.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from itertools import cycle, islice

import numpy as np

from archcast.core.spec import split_specs
from archcast.core.workers import one_thread
from archcast.predictors import registry as predictors
from archcast.predictors.predictor import Context
from archcast.predictors.predictor_text import to_predictor
from archcast.spaces import registry as spaces

LABELS, UNLABELED, QUERIES = 100, 1_000, 423_000
MOST = 2.0  # GB


def peak_of(name: str) -> tuple[str, float, float]:
    """A predictor, the GB that its process took at most, and the seconds that it queried."""
    predictor = to_predictor(name)
    cells = list(spaces.get("nasbench201").enumerate())
    np.random.default_rng(0).shuffle(cells)
    labels = np.random.default_rng(1).uniform(size=LABELS)
    context = Context(unlabeled=cells[:UNLABELED])
    asked = list(islice(cycle(cells), QUERIES))
    with one_thread():
        predictor.fit(cells[:LABELS], labels, context)
        start = time.perf_counter()
        if predictor.tags.probabilistic:
            predictor.query(asked, context, return_std=True)
        else:
            predictor.query(asked, context)
        seconds = time.perf_counter() - start
    return name, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024 / 1e9, seconds


def main() -> int:
    family = [name for name in predictors if predictors.entry(name).family == "model-based"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--predictors", default=",".join(family))
    names = split_specs(parser.parse_args().predictors)
    greedy = []
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as fresh:
        for name, peak, seconds in fresh.imap(peak_of, names):
            print(f"{name}: {peak:.2f} GB, {seconds:.0f} s", flush=True)
            greedy += [name] if peak > MOST else []
    print(f"above {MOST:.0f} GB: {', '.join(greedy) or 'none'}")
    return int(bool(greedy))


if __name__ == "__main__":
    sys.exit(main())
