"""The checks that are too heavy for the suite: all predictors, as they are, on all spaces.

    python -m reproduce.contracts                # all
    python -m reproduce.contracts xgb gcn        # some

Each predictor of `archcast.predictors` with its defaults passes `check_predictor` on NAS-Bench-201;
model-based ones on every other space too; and those on vectors learn from a thousand labels and
score a whole space in bounded memory. What fails is listed, and the exit code is then 1.
"""

from __future__ import annotations

import argparse
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from time import process_time

import numpy as np

from archcast.predictors import registry as predictors
from archcast.predictors.helpers.vector import VectorPredictor
from archcast.predictors.predictor import Predictor
from archcast.spaces import registry as spaces
from archcast.spaces.space import Space
from archcast.testing import check_predictor, toy
from tests.data_spaces import SPACES, VARIED

MEMORY = 200e6  # bytes
SETTINGS = {"column": {"column": "parameters"}}  # that have no defaults


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="PREDICTOR", default=list(predictors))
    failed = []
    for name in parser.parse_args().names:
        for what, check in checks(name):
            begun = process_time()
            try:
                check()
                outcome = "holds"
            except AssertionError as error:
                outcome = f"FAILS: {' '.join(str(error).split())[:300]}"
                failed.append(f"{name}, {what}")
            print(f"{name}, {what}: {outcome} ({process_time() - begun:.1f} s)", flush=True)
    print(*(f"failed: {each}" for each in failed), sep="\n")
    return 1 if failed else 0


def checks(name: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """What is checked of a predictor, by what it is called."""

    def make() -> Predictor:
        return predictors.get(name)(**SETTINGS.get(name, {}))

    if name != "random":  # chance does not beat chance
        yield "nasbench201", lambda: check_predictor(make())
    if predictors.entry(name).family != "model-based":
        return
    others: dict[str, Space] = {each: spaces.get(each) for each in spaces if each != "nasbench201"}
    for called, space in {**others, "mixed": SPACES["mixed"], "varied graphs": VARIED}.items():
        yield called, lambda space=space: check_predictor(make(), space)  # type: ignore[misc]
    if issubclass(predictors.get(name), VectorPredictor):
        yield "a thousand labels", lambda: learns_from_a_thousand(make())
        yield "a whole space", lambda: scores_a_space(make())


def learns_from_a_thousand(predictor: Predictor) -> None:
    many, test = toy(1_050, seed=3), toy(50, seed=2)
    scores = predictor.fit(many.architectures, many.labels).query(test.architectures)
    assert np.corrcoef(scores, test.labels)[0, 1] > 0.6


def scores_a_space(predictor: Predictor) -> None:
    few = toy(60, seed=1)
    predictor.fit(few.architectures, few.labels)
    everything = list(spaces.get("nasbench201").enumerate())
    tracemalloc.start()
    scores = predictor.query(everything)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert scores.shape == (len(everything),)
    assert peak < MEMORY, f"{peak / 1e6:.0f} MB"


if __name__ == "__main__":
    sys.exit(main())
